"""The commands of a session: the one table that feeds help, completion, authority and
execution alike, and what takes a line to its row."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from console.commands.flow import FLOW
from console.commands.message import BUS
from console.commands.operator import OPERATOR
from console.commands.table import Authority, SessionCommand
from console.commands.yate import YATE
from yext import Reply
from yext.engine.commands import BUS_COMMANDS

if TYPE_CHECKING:
    from console.session.session import Session

__all__ = ["SESSION_COMMANDS", "TABLE", "Authority", "SessionCommand"]

TABLE: tuple[SessionCommand, ...] = (*YATE, *FLOW, *BUS, *OPERATOR)

SESSION_COMMANDS = {command.name: command for command in TABLE}


async def carry_out(command: SessionCommand, session: Session, rest: str) -> Reply:
    """Runs a command of the table."""
    result = command.function(session, rest)
    if isinstance(result, Reply):
        return result
    return await result


def innermost(line: str) -> str:
    """The command line that stands at the end of `line`: of ``watch 2 external``, ``external``."""
    name, _, rest = line.lstrip().partition(" ")
    command = SESSION_COMMANDS.get(name)
    if command is not None and command.takes_line:
        _, blank, inner = rest.lstrip().partition(" ")
        if blank:
            return inner.lstrip()
    return line.lstrip()


def complete(session: Session, partline: str, partword: str) -> dict[str, str]:
    """What the session itself knows to complete, and what each word is: `partline` holds the
    words before the one that is being typed, `partword` the start of that."""
    if not partline:
        words = {one.name: one.help for one in session.commands() if session.lists(one)}
        words |= session.aliases
    else:
        name, _, rest = partline.partition(" ")
        command = SESSION_COMMANDS.get(name)
        if command is None or command.authority > session.authority:
            return {}
        words = {} if rest else dict(command.words)
        if command.completer is not None:
            words |= command.completer(session, rest, partword)
    return {word: what for word, what in words.items() if word.startswith(partword)}


_ALIAS_WORDS = 8
r"""How many words of its own a line gives to an alias: ``\9`` is always empty, as recorded."""


def alias_line(part: str, rest: str) -> str:
    r"""One command of an alias with ``\0`` to ``\9`` put in: all of the rest, or its words."""
    # As recorded: several blanks part words once, but one that leads makes an empty first word.
    words = re.split(" +", rest)

    def value(found: re.Match[str]) -> str:
        number = int(found[1])
        if number == 0:
            return rest
        return words[number - 1] if number <= min(len(words), _ALIAS_WORDS) else ""

    return re.sub(r"\\([0-9])", value, part)


def descriptions() -> dict[str, str]:
    """What each command of the session, and of the engine, does, by its name and by the word
    that its usage begins with."""
    described = {name: one.help for name, one in BUS_COMMANDS.items()}
    for one in TABLE:
        described[one.name] = described[one.usage.partition(" ")[0]] = one.help
    return described
