"""What a row of the command table is, and what the functions of the rows share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from console.session.authority import Authority
from yext import Reply
from yext.command import EOL
from yext.wire import BOOLEANS

if TYPE_CHECKING:
    from console.session.session import Session

Function = Callable[..., "Reply | Awaitable[Reply]"]
"""Carries out a command. Takes the session, or the interpreter if its first parameter is called
`interpreter`; and what follows the command's name."""

Completer = Callable[..., Mapping[str, str]]
"""Takes the session or the interpreter, what stands between the command's name and the word being
typed, and the start of that word; returns the words that may stand there, each with a
description."""


def wants_interpreter(function: Callable[..., object]) -> bool:
    """Whether a function of a command takes the interpreter in place of the session."""
    return function.__code__.co_varnames[:1] == ("interpreter",)


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
