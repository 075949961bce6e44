"""Machine mode: the replies that a program reads, ``%%=…``, made from the reply all get.

Source: the recordings in tests/conformance/vectors/rmanager, rm_5_machine and rm_2_auth. What
is not in the table is answered as to a person, as in Yate.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from yext import Reply
from yext.command import EOL
from yext.log import safe
from yext.wire import bool_text

if TYPE_CHECKING:
    from console.session.session import Session

NOT_ALLOWED = "%%=*:fail=noauth"
"""The answer to a command that the session may not use."""

Speaker = Callable[["Session", str, Reply], "str | None"]
"""Gets the session, what followed the command's name, and the reply; returns the line without
its end, None where the reply's own text is to be sent."""


def spoken(session: Session, line: str, reply: Reply) -> Reply:
    """The reply to `line` as a program reads it."""
    word, _, rest = line.partition(" ")
    if not reply.known:
        text: str | None = f"%%=syntax:{line}"
    elif reply.params.get("error") == "noauth":
        text = NOT_ALLOWED
    else:
        speaker = _SPEAKERS.get(word)
        text = speaker(session, rest, reply) if speaker is not None else None
    if text is None:
        return reply
    return Reply(reply.ok, safe(text) + EOL, reply.params, reply.known)


def lost(lines: int) -> str:
    """Tells a program how many lines it missed."""
    return f"%%=lost:{lines}"


def _quit(session: Session, rest: str, reply: Reply) -> str:
    return "%%=quit"


def _auth(session: Session, rest: str, reply: Reply) -> str:
    return "%%=auth:success" if reply.ok else "%%=auth:fail=badpass"


def _uptime(session: Session, rest: str, reply: Reply) -> str:
    used = os.times()
    seconds = int(time.time() - session.engine.started_at)
    return f"%%=uptime:{seconds}:{used.user:.3f}:{used.system:.3f}"


def _drop(session: Session, rest: str, reply: Reply) -> str:
    target = rest.strip().partition(" ")[0]
    if not target:
        return "%%=drop:fail=noarg"
    if target in ("*", "all"):
        return f"%%=drop:{'success' if reply.text.startswith('Dropped') else 'unknown'}:all calls"
    return f"%%=drop:{_outcome(reply)}:{target}"


def _call(session: Session, rest: str, reply: Reply) -> str:
    rest = rest.strip()
    if not rest.partition(" ")[2].strip():
        return "%%=call:fail=noarg"
    if not reply.ok:
        return f"%%=call:fail:{rest}"
    return f"%%=call:success:{reply.params.get('id', '')}:{rest}"


def _control(session: Session, rest: str, reply: Reply) -> str:
    rest = rest.strip()
    target, _, arguments = rest.partition(" ")
    if not arguments.strip():
        return "%%=control:fail=noarg"
    answered = reply.text.startswith("Control ")
    if not answered:
        return f"%%=control:fail:{rest}"
    said = reply.text.removeprefix(f"Control '{target}' ").removesuffix(EOL)
    said = "" if said in ("OK", "FAILED") else said
    return f"%%=control:{'success' if reply.ok else 'error'}:{target}:{said}"


def _debug(session: Session, rest: str, reply: Reply) -> str | None:
    if not reply.ok:
        return f"%%=debug:fail:{reply.text.removeprefix('Cannot set debug: ').removesuffix(EOL)}"
    if not reply.text.startswith("Debug level:"):
        return None
    log = session.engine.log
    return (
        f"%%=debug:level={log.level}:objects={bool_text(log.objects)}"
        f":local={bool_text(session.debug)}:threshold={session.threshold}"
    )


def _reload(session: Session, rest: str, reply: Reply) -> str:
    return "%%=reload" if reply.ok else f"%%=reload:fail:{reply.params.get('reason', '')}"


def _restart(session: Session, rest: str, reply: Reply) -> str:
    # One that is only scheduled waits for the sessions to end, this one first.
    session.closing = session.closing or (reply.ok and not session.engine.halting)
    return "%%=restart" if reply.ok else "%%=restart:fail"


def _stop(session: Session, rest: str, reply: Reply) -> str:
    return "%%=shutdown" if reply.ok else "%%=shutdown:fail"


def _outcome(reply: Reply) -> str:
    return "success" if reply.ok else "fail"


_SPEAKERS: dict[str, Speaker] = {
    "quit": _quit,
    "auth": _auth,
    "uptime": _uptime,
    "drop": _drop,
    "call": _call,
    "control": _control,
    "debug": _debug,
    "reload": _reload,
    "restart": _restart,
    "stop": _stop,
}
"""The commands that Yate answers in another way to programs."""
