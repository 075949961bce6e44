"""The parser of reply text: Yate's wordings, and those of yext, as typed data.

A reply that crossed a connection is nothing but text, and a real Yate sends nothing else. This is
the only place that knows the wordings; pictures, JSON and links are made from what it returns.

Sources: the recordings in tests/conformance/vectors/rmanager; Yate's documentation of
``engine.status`` for the form of a status line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from yext import Reply
from yext.command import EOL
from yext.console.replies.forms import (
    CommandHelp,
    Commands,
    Facts,
    Failure,
    Form,
    Handlers,
    InstalledHandler,
    Listing,
    ModuleStatus,
    Names,
    Peer,
    Peers,
    Scripts,
    Sessions,
    Started,
    Statuses,
    Stopped,
    Table,
    Uptime,
    Value,
)
from yext.log import safe, split_lines

DATED = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"
"""A time in a table, by ISO 8601, as a regular expression."""

_NUMBER = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII)
_PEER = re.compile(r"(\d{1,9})\. (\S+) ?(.*)", re.ASCII)
_HANDLER = re.compile(
    r"(?P<name>.*) priority=(?P<priority>\d{1,9}) trackname='(?P<track>.*?)'"
    r"(?: filter='(?P<filter>.*)')?",
    re.ASCII,
)
_UPTIME = re.compile(
    r"Uptime: \d+ \S+ \((\d{1,18})\) user: (\d{1,18}(?:\.\d+)?) kernel: (\d{1,18}(?:\.\d+)?)",
    re.ASCII,
)
_COMMANDS = "Available commands:"

LABELS = ("printed", "tried", "from", "near", "found", "do", "see", "why", "when")
"""The labels of the lines that explain a failure."""


def parse(command: str, text: str) -> Form | None:
    """Parse the text of a successful reply.

    Args:
        command: the command line that it is the reply to; its first words choose the wording.
        text: the whole text, lines ending in CR LF or LF.

    Returns:
        What the text says; None where its wording is not known, or where it says nothing that
        the parameters of a reply do not.
    """
    words = command.split()
    if words[:1] == ["node"]:
        words = words[2:]  # What follows is a command that another node has carried out.
    if "--all" in words:
        return None  # The replies of several nodes.
    parser = _PARSERS.get(" ".join(words[:2])) or _PARSERS.get(" ".join(words[:1]))
    return parser(words, split_lines(text)) if parser is not None else None


def number(text: str) -> Value:
    """Return a whole number as one, any other text as it is."""
    return int(text) if _NUMBER.fullmatch(text) else text


def labelled(line: str) -> tuple[str, str]:
    """Split a line ``LABEL: TEXT`` that explains a failure; the label of any other is empty."""
    label, colon, text = line.partition(": ")
    return (label, text) if colon and label in LABELS else ("", line)


# Parsers of wordings

_Words = Sequence[str]
_Lines = Sequence[str]


def _pairs(text: str) -> list[tuple[str, Value]]:
    """Split ``a=1,b=x``; a part without ``=`` belongs to the value before it."""
    found: list[tuple[str, Value]] = []
    for part in text.split(",") if text else ():
        name, equals, value = part.partition("=")
        if equals or not found:
            found.append((name, number(value)))
        else:
            before, value_before = found[-1]
            found[-1] = before, f"{value_before},{part}"
    return found


def _statuses(words: _Words, lines: _Lines) -> Statuses:
    read = [_status(line) for line in lines if line.startswith("name=")]
    return Statuses(read, len(read) == len(lines))


def _status(line: str) -> ModuleStatus:
    first, _, rest = line.partition(";")
    second, _, third = rest.partition(";")
    pairs = _pairs(first)
    head = [(name, value) for name, value in pairs if name != "format"]
    columns = str(dict(pairs).get("format", ""))
    if not columns:
        return ModuleStatus(head, _pairs(second), details=_pairs(third))
    rows = (row.partition("=") for row in third.split(",") if row)
    return ModuleStatus(
        head,
        _pairs(second),
        columns.split("|"),
        [(identifier, cells.split("|")) for identifier, _, cells in rows],
    )


def _peers(words: _Words, lines: _Lines) -> Peers:
    found: list[Peer] = []
    for line in lines:
        listed = _PEER.fullmatch(line)
        if listed is not None:
            found.append(Peer(int(listed[1]), listed[2], listed[3]))
        elif line.startswith("\t") and found:
            role, *more = line.strip().split(", ")
            details = [pair for part in more if "=" in part for pair in _pairs(part)]
            found[-1] = found[-1]._replace(
                role=role, restarts="autorestart" in more, details=details
            )
    return Peers(found)


def _table(words: _Words, lines: _Lines) -> Table:
    heading, *rows = [line.split("\t") for line in lines] or [[]]
    return Table(heading, rows)


def _scripts(words: _Words, lines: _Lines) -> Scripts | None:
    table = _table(words, lines)
    whole = all(len(row) == len(table.heading) for row in table.rows)
    return Scripts(table) if whole else None


def _sessions(words: _Words, lines: _Lines) -> Sessions:
    return Sessions(_table(words, lines))


def _handlers(words: _Words, lines: _Lines) -> Handlers:
    found = [
        InstalledHandler(read["name"], int(read["priority"]), read["track"], read["filter"] or "")
        for read in map(_HANDLER.fullmatch, lines)
        if read is not None
    ]
    return Handlers(found, len(found) == len(lines))


def _uptime(words: _Words, lines: _Lines) -> Uptime | None:
    found = _UPTIME.fullmatch(lines[0]) if lines else None
    return Uptime(int(found[1]), float(found[2]), float(found[3])) if found is not None else None


def _with_colons(words: _Words, lines: _Lines) -> Facts:
    """Parse ``name: value``, one on a line."""
    parts = (line.partition(":") for line in lines)
    return Facts([(name.strip(), value.strip()) for name, colon, value in parts if colon])


def _levels(words: _Words, lines: _Lines) -> Facts | None:
    """Parse ``Debug level: 7, objects: off, …``."""
    parts = (part.partition(": ") for line in lines for part in line.split(", "))
    pairs = [(name.lower(), number(value)) for name, colon, value in parts if colon]
    return Facts(pairs) if pairs else None


def _assigned(words: _Words, lines: _Lines) -> Facts:
    """Parse ``name=value`` or ``  name = value``, one on a line."""
    parts = (line.partition("=") for line in lines)
    return Facts([(name.strip(), number(value.strip())) for name, equals, value in parts if equals])


def _aliases(words: _Words, lines: _Lines) -> Facts | None:
    found = _assigned(words, lines)
    return found if found.pairs else None


def _help(words: _Words, lines: _Lines) -> Commands | CommandHelp | None:
    if lines[:1] == [_COMMANDS]:
        listed = lines[1:]
        return Commands(
            [line.strip() for line in listed], all(line.startswith("  ") for line in listed)
        )
    return CommandHelp(lines[0].strip(), "\n".join(lines[1:])) if lines else None


def _names(words: _Words, lines: _Lines) -> Names:
    # A yext adds a sentence about files that nobody reads.
    return Names([name for line in lines[:1] for name in line.split("\t")])


def _listing(words: _Words, lines: _Lines) -> Listing:
    return Listing(lines)


def _log(words: _Words, lines: _Lines) -> Listing:
    return Listing([line for line in lines if line != "Nothing was written on standard error"])


def _below_heading(words: _Words, lines: _Lines) -> Listing:
    return Listing(lines[1:])


def _history(words: _Words, lines: _Lines) -> Listing:
    return Listing([line.strip().partition("  ")[2] for line in lines])


def _failure(words: _Words, lines: _Lines) -> Failure | None:
    return Failure(lines[0], lines[1:]) if len(lines) > 1 else None


def _external(words: _Words, lines: _Lines) -> Peers | Started:
    """Parse the reply to ``external`` alone, or to a start without the word ``start``."""
    return _peers(words, lines) if len(words) == 1 else Started("started", " ".join(words[1:]))


def _started(words: _Words, lines: _Lines) -> Started:
    verb = words[1].removesuffix("e")
    return Started(f"{verb}ed", " ".join(words[2:]))


def _stopped(words: _Words, lines: _Lines) -> Stopped | None:
    return Stopped(" ".join(words[2:])) if words[2:] else None


def _nothing(words: _Words, lines: _Lines) -> None:
    """A reply whose text says nothing in a form."""


_PARSERS: dict[str, Callable[[_Words, _Lines], Form | None]] = {
    "status": _statuses,
    "external": _external,
    "external info": _peers,
    "external show": _scripts,
    "external why": _failure,
    "external log": _log,
    "external start": _started,
    "external restart": _started,
    "external execute": _started,
    "external stop": _stopped,
    "external dismiss": _nothing,
    "external audio": _table,
    "dispatcher handlers": _handlers,
    "module list": _names,
    "uptime": _uptime,
    "version": _with_colons,
    "debug": _levels,
    "alias": _aliases,
    "meminfo": _assigned,
    "help": _help,
    "?": _help,
    "events": _below_heading,
    "logview": _below_heading,
    "reload": _below_heading,
    "top": _table,
    "who": _sessions,
    "history": _history,
}
"""Parsers by the first two words of a command, or its first."""


# Success and failure

_FAILED = re.compile(
    r"You must specify|Could not |Cannot |No help for '|Bad authentication|Not overwriting "
    r"|Module operation failed|Module not |Module is already|Missing configuration name"
    r"|Failed to |External not running|External already running|External command failed"
    r"|Error: |Not authenticated!|Control '.*' FAILED$|Too many wrong passwords"
    r"|Starting programs is turned off|Unknown |Usage: "
)
_START_FAILED = "External command failed"
_UNKNOWN = "Cannot understand: "
_UNCHANGED = "Nothing was changed."
_ERRORS = {"Not authenticated!": "noauth", "Bad authentication password!": "badpass"}
"""The ``error`` parameter by the first line of a failed reply."""
_ERRNO = re.compile(r"\(E[A-Z0-9]+, (\d+)\)$")


def reply_of(lines: Sequence[str]) -> Reply:
    """Make the reply of its text alone: its success, reason, errno and hint.

    Args:
        lines: the text without the ends of lines, perhaps in the frame that Yate puts round a
            status.
    """
    if lines and lines[0].startswith("%%+status") and lines[-1] == "%%-status":
        lines = lines[1:-1]
    text = "".join(line + EOL for line in lines)
    first = lines[0] if lines else ""
    if first.startswith(_UNKNOWN):
        return Reply(False, text, {"reason": "unknown command"}, known=False)
    if _FAILED.match(first) is None and not (lines and lines[-1].endswith(_UNCHANGED)):
        return Reply(True, text)
    reason = lines[1] if first == _START_FAILED and lines[1:] else first
    params = {"reason": safe(reason)}
    if first in _ERRORS:
        params["error"] = _ERRORS[first]
    for line in lines[1:]:
        label, explanation = labelled(line)
        if label:
            params["hint" if label == "do" else label] = explanation
        elif (errno := _ERRNO.search(line)) is not None:
            params["errno"] = errno[1]
    return Reply(False, text, params)
