"""The dialect of a plain connection: what replies and events look like, as in Yate's rmanager.

Control characters are shown and never sent, and no text of a handler or a script can pass for a
frame (``%%+status``) or for a line of machine mode (``%%=…``).

Source: tests/conformance/vectors/rmanager, rm_2_auth, rm_4_status_framing and rm_5_machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Annotated

from yext import Reply, log
from yext.command import EOL
from yext.console import interface
from yext.console.commands import TABLE
from yext.console.commands.command import Listed, SessionCommand
from yext.console.commands.interpreter import Interpreter
from yext.console.commands.parameters import Number
from yext.console.commands.yate import REINITIALIZING
from yext.console.session.authority import Authority
from yext.console.session.session import Session
from yext.engine.loader import UNCHANGED
from yext.wire import bool_text

_FRAME = re.compile(r"(?m)^(?=%%[-+<>=])")
_LONE_CONTROL = re.compile(r"\r(?!\n)")

_LEVEL_COLORS = ("41;33", "41;33", "40;31;1", "40;31;1", "40;31", "40;33;1", "40;33")
_COLOR = "40;37"

_CONTROLS = "".join(map(chr, range(32)))


def encode(text: str) -> str:
    """Return the text of a reply as it is sent; a line like a frame gets a blank before it."""
    if text.isascii() and text.replace(EOL, "").isprintable() and "%%" not in text:
        return text
    return _FRAME.sub(" ", log.safe(_LONE_CONTROL.sub("\\\\x0d", text), keep="\r\n\t"))


def encode_line(text: str, event: log.Event | None = None, *, color: bool = False) -> str:
    """Return a line that is not part of a reply as it is sent.

    Args:
        text: the line, made safe.
        event: the event that it shows, which has a colour.
        color: whether to use colours.
    """
    text = f"{_FRAME.sub(' ', text)}{EOL}"
    if event is None or not color:
        return text
    level = event.level if event.kind is log.EventKind.DEBUG else len(_LEVEL_COLORS)
    shade = _LEVEL_COLORS[level] if level < len(_LEVEL_COLORS) else _COLOR
    return f"\x1b[0;{shade}m\x1b[K{text}\x1b[0m\x1b[K"


def event_text(event: log.Event) -> str:
    """Return an event of the log on one line, after its time."""
    when = f"{log.stamp(event.when)} " if event.when else ""
    # Yate cuts control characters off the end of an event; the rest of them is shown.
    return when + log.safe(event.line().rstrip(_CONTROLS), keep="\t")


def lost(lines: int, *, machine_mode: bool) -> str:
    """Return the line in place of so many lines that were left out."""
    if machine_mode:
        return f"%%=lost:{lines}{EOL}"
    return f"... {lines:,} lines left out, this connection did not read them{EOL}"


class PlainInterpreter(Interpreter):
    """An interpreter whose help and replies are those of Yate's rmanager.

    It knows no ``!N``, suggests nothing for an unknown command, puts the reply to `status` into a
    frame, and answers in machine mode. The text of its replies is encoded.

    Args:
        session: the operator's session.
        begin: sends the beginning of a reply before the rest of it is known.

    Attributes:
        framed: whether the reply to `status` gets its frame.
        attached: set when the client goes over to the interface of attached consoles.
    """

    several = False

    def __init__(self, session: Session, begin: Callable[[str], None]) -> None:
        super().__init__(session, (*(row for row in TABLE if row.name != "!"), _ATTACH))
        self.framed = True
        self.attached = False
        self._begin = begin

    def lists(self, command: SessionCommand) -> bool:
        return command.listed is Listed.YATE

    def manual(self, topic: str) -> str:
        """No manual: the help of a plain connection is Yate's."""
        return ""

    def manuals(self) -> dict[str, str]:
        """No topics but the commands."""
        return {}

    def suggestions(self) -> None:
        """Suggest nothing, as Yate."""

    async def run_command(self, line: str) -> Reply:
        reply = await super().run_command(line)
        if self.session.machine:
            text = machine_text(self.session, line, reply)
            if text is not None:
                return reply._replace(text=text, data=None)
        return reply

    async def carry_out(self, command: SessionCommand, rest: str) -> Reply:
        begun = ""
        if command.name == "reload" and not self.session.machine:
            begun = REINITIALIZING
            self._begin(begun)
        reply = await super().carry_out(command, rest)
        if reply.parts:
            return reply  # Each of them is encoded.
        if command.name == "restart" and self.session.machine and self.session.restarts:
            # The restart waits for its session to end, which a program does not know of.
            self.session.closing = True
        text = encode(reply.text.removeprefix(begun))
        if begun:
            # As recorded, Yate adds nothing; what changed, or is wrong, is said all the same.
            text = text.removeprefix(f"{UNCHANGED}{EOL}")
        if command.name == "status" and self.framed:
            (_, module), _ = command.signature.bind(rest, "", strict=False)
            named = f":{module}" if module else ""
            text = f"%%+status{encode(named)}{EOL}{text}%%-status{EOL}"
        return reply._replace(text=text)

    async def run_on_bus(self, line: str) -> Reply:
        reply = await super().run_on_bus(line)
        return reply._replace(text=encode(reply.text))


def _attach(interpreter: Interpreter, version: Annotated[int, Number("VERSION")] = 0) -> Reply:
    """Leave the plain conversation for the interface of attached consoles."""
    if version == interface.VERSION and isinstance(interpreter, PlainInterpreter):
        interpreter.attached = True
        return Reply(True)
    text = f"{interface.COMMAND}: {interface.VERSION}{EOL}"
    if not version:
        return Reply(True, text)
    return Reply(False, text, {"reason": f"no version {version} of the interface"})


_ATTACH = SessionCommand(
    interface.COMMAND, "Speaks to an attached console in its own interface", _attach,
    Authority.USER, Listed.NOWHERE,
)  # fmt: skip


# Machine mode: replies that a program reads, made from the reply that all get. What is not in
# the table is answered as to a person, as in Yate.

NOT_ALLOWED = "%%=*:fail=noauth"
"""The answer to a command that the session may not use."""

MachineReply = Callable[[Session, str, Reply], "str | None"]
"""Takes the session, what followed the command's name, and the reply; returns the line without
its end, None for the reply's own text."""


def machine_text(session: Session, line: str, reply: Reply) -> str | None:
    """Return the reply to `line` for a program, None for the reply's own text."""
    if reply.parts:
        return None  # Each of them has the text for a program.
    word, _, rest = line.partition(" ")
    if not reply.known:
        text: str | None = f"%%=syntax:{session.secrets.hide(line)}"
    elif reply.params.get("error") == "noauth":
        text = NOT_ALLOWED
    else:
        answer = _MACHINE_REPLIES.get(word)
        text = answer(session, rest, reply) if answer is not None else None
    return None if text is None else log.safe(text) + EOL


def _quit(session: Session, rest: str, reply: Reply) -> str:
    return "%%=quit"


def _auth(session: Session, rest: str, reply: Reply) -> str:
    return "%%=auth:success" if reply.ok else "%%=auth:fail=badpass"


def _uptime(session: Session, rest: str, reply: Reply) -> str:
    used = os.times()
    seconds = int(session.engine.uptime())
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
    answer = reply.text.removeprefix(f"Control '{target}' ").removesuffix(EOL)
    answer = "" if answer in ("OK", "FAILED") else answer
    return f"%%=control:{'success' if reply.ok else 'error'}:{target}:{answer}"


def _debug(session: Session, rest: str, reply: Reply) -> str | None:
    if not reply.ok:
        return f"%%=debug:fail:{reply.text.removeprefix('Cannot set debug: ').removesuffix(EOL)}"
    if not reply.text.startswith("Debug level:"):
        return None
    engine_log = session.engine.log
    return (
        f"%%=debug:level={engine_log.level}:objects={bool_text(engine_log.objects)}"
        f":local={bool_text(session.debug)}:threshold={session.threshold}"
    )


def _reload(session: Session, rest: str, reply: Reply) -> str:
    return "%%=reload" if reply.ok else f"%%=reload:fail:{reply.params.get('reason', '')}"


def _restart(session: Session, rest: str, reply: Reply) -> str:
    return "%%=restart" if reply.ok else "%%=restart:fail"


def _stop(session: Session, rest: str, reply: Reply) -> str:
    return "%%=shutdown" if reply.ok else "%%=shutdown:fail"


def _outcome(reply: Reply) -> str:
    return "success" if reply.ok else "fail"


_MACHINE_REPLIES: dict[str, MachineReply] = {
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
"""The commands that Yate answers in another way to programs, by their names."""
