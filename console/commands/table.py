"""What a row of the command table is, and what the functions of the rows share."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from yext import Reply
from yext.command import EOL
from yext.log import safe
from yext.wire import BOOLEANS

if TYPE_CHECKING:
    from console.session.session import Session

Function = Callable[["Session", str], "Reply | Awaitable[Reply]"]

Completer = Callable[["Session", str, str], Mapping[str, str]]
"""Gets the session, what stands between the command's name and the word being typed, and the
start of that word; returns the words that may stand there, and what each is."""


class Authority(enum.IntEnum):
    """What a session may do, as in Yate's rmanager: user is an observer."""

    GUEST = 0
    USER = 1
    ADMIN = 2


class SessionCommand(NamedTuple):
    """One command of the table.

    Attributes:
        name: the word it begins with.
        usage, help: what `help` says.
        function: gets the session and what follows the name.
        words: what completes right after the name, and what each is.
        authority: what a session must be to use it.
        listed: whether Yate's `help` lists it, in Yate's order.
        completer: completes what `words` does not know.
        takes_line: whether a command line follows its first argument.
        observes: whether it shows messages, which users see only where a listener lets them.
    """

    name: str
    usage: str
    help: str
    function: Function
    words: Mapping[str, str] = MappingProxyType({})
    authority: Authority = Authority.ADMIN
    listed: bool = True
    completer: Completer | None = None
    takes_line: bool = False
    observes: bool = False


SWITCH = {"on": "turns it on", "off": "turns it off"}
"""What completes after the name of a switch."""


def switch(name: str, label: str, on: str = "on", off: str = "off") -> Function:
    """A command that shows or turns a switch of the session."""

    def function(session: Session, rest: str) -> Reply:
        said = BOOLEANS.get(rest.strip().partition(" ")[0])
        if said is not None:
            setattr(session, name, said)
        return Reply(True, f"{label}: {on if getattr(session, name) else off}{EOL}")

    return function


def failed(text: str, hint: str = "") -> Reply:
    """A reply that is nothing but the reason why the command failed."""
    return Reply(False, text + EOL, {"reason": text} | ({"hint": hint} if hint else {}))


def unsaid(reply: Reply) -> list[str]:
    """What the words of a failed reply leave out: why it failed, and what to do about it."""
    if reply.ok:
        return []
    reason, hint = (reply.params.get(key, "").strip() for key in ("reason", "hint"))
    left_out = []
    if reply.known and not all(part in reply.text for part in reason.split("; ")):
        left_out.append(safe(reason))
    if hint and hint not in reply.text:
        left_out.append(safe(hint if hint.startswith("Did you mean") else f"do: {hint}"))
    return left_out


def put_together(parts: Sequence[tuple[str, Reply]], params: Mapping[str, str]) -> Reply:
    """The reply to a command that stands for others: all that they said. It has failed where
    one of them has."""
    text = "".join(reply.text for _, reply in parts)
    return Reply(all(reply.ok for _, reply in parts), text, params, parts=tuple(parts))


def not_authenticated() -> Reply:
    """The reply to a command that the session may not use, whether it exists or not."""
    params = {
        "reason": "not authenticated for this command",
        "error": "noauth",
        "hint": "auth PASSWORD",
    }
    return Reply(False, f"Not authenticated!{EOL}", params)


MANY = 10**9
"""The largest number that any command takes."""


def natural(text: str, most: int = MANY) -> int | None:
    """The number from 0 to `most` that `text` is in ASCII digits, None where it is none."""
    # Longer than any number that is meant: Python refuses to read thousands of digits.
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MANY))):
        return None
    return int(text) if int(text) <= most else None


def typed_params(words: list[str]) -> tuple[dict[str, str], str]:
    """``key=value`` words as parameters, and the first word that is none."""
    params: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            return params, word
        params[key] = value
    return params, ""
