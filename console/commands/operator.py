"""The commands watch, top, history, !N, clear and source, which Yate does not have."""

from __future__ import annotations

import re
from typing import Annotated

from yext import Reply
from yext.command import EOL
from yext.console.commands.command import Listed, SessionCommand
from yext.console.commands.interpreter import Interpreter
from yext.console.commands.lines.files import complete_file
from yext.console.commands.lines.source import run_file
from yext.console.commands.parameters import (
    ArgumentError,
    Flag,
    Line,
    Number,
    Rest,
    Seconds,
    Word,
    natural,
)
from yext.console.replies.reply import failed
from yext.console.session.authority import Authority
from yext.console.session.preferences import NAMES, VALUES
from yext.console.session.session import Session
from yext.console.session.view import Adjustable
from yext.log import safe

_HISTORY = 20
"""How many lines `history` shows unless asked for more."""

_FASTEST, _SLOWEST = 0.1, 3600.0
"""Seconds between two redraws."""

_INTERVALS = {"1": "every second", "2": "every 2 seconds", "5": "every 5 seconds"}

_REDRAWN = ("watch", "top")
"""Commands that cannot be watched: they redraw themselves."""


async def watch(
    interpreter: Interpreter,
    seconds: Annotated[float, Seconds(_FASTEST, _SLOWEST, _INTERVALS)],
    command: Annotated[str, Line("COMMAND")],
) -> Reply:
    """Repeat a command on a live view; without one, run it once."""
    shown = interpreter.session.secrets.hide(command)
    if command.partition(" ")[0] in _REDRAWN:
        return failed(f"Cannot watch: {shown}", "it draws itself again already")
    view = interpreter.session.live_view
    if view is None:
        reply = await interpreter.run(command)
        return reply._replace(parts=((shown, reply),))
    from yext.console.commands.watch import Watch

    watched = Watch(interpreter, view, command)
    await view.live(watched.draw, seconds)
    return Reply(watched.last.ok, "", watched.last.params, watched.last.known)


async def top(
    session: Session, seconds: Annotated[float, Seconds(_FASTEST, _SLOWEST)] = 1.0
) -> Reply:
    """Show the table of scripts on a live view; without one, once."""
    from yext.console.commands.top import Top

    view = session.live_view
    with Top(session) as table:
        if view is not None:
            await view.live(table.draw, seconds)
            return Reply(True)
        return Reply(True, await table.text())


def history(session: Session, lines: Annotated[int, Number("LINES")] = _HISTORY) -> Reply:
    """Show the last lines that were given, with their numbers."""
    numbered = list(enumerate(session.history, 1))[-lines:] if lines else []
    return Reply(True, "".join(f"{number:5}  {safe(line)}{EOL}" for number, line in numbered))


async def again(interpreter: Interpreter, number: Annotated[str, Rest()] = "") -> Reply:
    """Give a line of the history again: ``!5`` line 5, ``!!`` the last one."""
    session = interpreter.session
    if not number:
        # As recorded: a lone ! is no command.
        return Reply(False, f"Cannot understand: !{EOL}", {"reason": "no line given"}, known=False)
    index = len(session.history) if number == "!" else natural(number)
    if not index or index > len(session.history):
        return failed(f"No line {session.secrets.hide(number)} in the history", "history")
    line = session.history[index - 1]
    session.remember(line)
    reply = await interpreter.run(line)
    return reply._replace(parts=((line, reply),))


def clear(session: Session) -> Reply:
    """Clear the screen."""
    if session.view is not None:
        session.view.clear()
    return Reply(True)


async def source(
    interpreter: Interpreter,
    file: Annotated[str, Word("FILE", completer=complete_file)],
    *,
    keep_going: Annotated[bool, Flag("--keep-going", "goes on after a command that fails")] = False,
) -> Reply:
    """Carry out the commands of a file."""
    return await run_file(interpreter, file, keep_going=keep_going)


def _values(session: Session, before: str, word: str) -> dict[str, str]:
    """The values of the setting that was typed."""
    return dict.fromkeys(VALUES.get(before, ()), "")


def set_(
    session: Session,
    name: Annotated[str, Word("NAME", words=NAMES)] = "",
    value: Annotated[str, Rest("VALUE", completer=_values)] = "",
) -> Reply:
    """Show or change the console's settings."""
    if name and name not in NAMES:
        return failed(f"Nothing to set: {safe(name)}", f"one of {', '.join(NAMES)}")
    view = session.view
    if not isinstance(view, Adjustable):
        return failed("This session has no settings", "they are those of a terminal")
    preferences = view.preferences
    if value:
        if not preferences.change(name, value):
            return failed(f"Not a value of {name}: {safe(value)}", NAMES[name])
        try:
            preferences.save()
        except OSError as error:
            return failed(f"It holds for this session alone: {error.strerror}", "set")
    shown = preferences.values().items()
    lines = (f"{key}={text}   {NAMES[key]}{EOL}" for key, text in shown if name in ("", key))
    return Reply(True, "".join(lines))


class FrameWord(Word):
    """A word that a line of a reply cannot be taken for."""

    def read(self, text: str) -> object:
        if text != "off" and re.fullmatch(r"[\w-]{8,64}", text, re.ASCII) is None:
            raise ArgumentError("", "8 to 64 letters, digits, - and _, or off")
        return text


def frame(session: Session, word: Annotated[str, FrameWord("WORD")]) -> Reply:
    """Mark replies and notices for the program that drives a plain session."""
    if session.view is not None and session.view.interactive:
        return failed("A terminal that is drawn on cannot be read by a program", "TERM=dumb")
    session.frame = "" if word == "off" else word
    return Reply(True)


def who(session: Session) -> Reply:
    """Show the sessions: who, where from, since when, and the last command."""
    from datetime import datetime

    rows = ["\t".join(_WHO)]
    for one in session.engine.commanders:
        if isinstance(one, Session):
            since = datetime.fromtimestamp(one.since).astimezone().isoformat(timespec="seconds")
            last = one.last if len(one.last) <= _LAST_MAX else f"{one.last[: _LAST_MAX - 1]}…"
            label = f"{one.label} (you)" if one is session else one.label
            cells = (label, one.address or "-", one.authority.name.lower(), since, last or "-")
            rows.append("\t".join(map(safe, cells)))
    return Reply(True, "".join(f"{row}{EOL}" for row in rows))


_WHO = ("session", "from", "authority", "since", "last")

_LAST_MAX = 80
"""Characters of a command that `who` shows."""


OPERATOR: tuple[SessionCommand, ...] = (
    SessionCommand(
        "watch", "Repeats a command and marks what has changed; any key ends it", watch,
        Authority.USER, example="watch 2 external show",
    ),
    SessionCommand(
        "top", "Shows which scripts are busy, slow, failing or large; any key ends it", top,
        example="top 2",
    ),
    SessionCommand(
        "history", "Shows the lines that were given", history, Authority.USER,
        example="history 50",
    ),
    SessionCommand(
        "!", "Gives line N of the history again, !! the last one", again, Authority.USER,
        stated_usage="!N",
    ),
    SessionCommand(
        "set", "Shows or changes the settings of the console, which are kept", set_,
        Authority.USER, example="set bell on",
    ),
    SessionCommand(
        "frame", "Marks replies and notices with a word, for programs; off ends it", frame,
        Authority.GUEST, Listed.NOWHERE, example="frame mark-83157",
    ),
    SessionCommand(
        "who", "Shows the sessions, since when they are there, and their last commands", who,
        Authority.USER,
    ),
    SessionCommand("clear", "Clears the screen", clear, Authority.GUEST),
    SessionCommand(
        "source", "Carries out the commands of a file, up to the first that fails", source,
        example="a command a line, # for comments",
    ),
)  # fmt: skip
"""The rows of these commands, in the order that `help` lists them."""
