"""The interface between an attached console and a yext: JSON objects, one a line.

docs/attach.md describes it. Both ends are here: what one writes, the other reads. What is read is
checked for its types and sizes before it is used, as either end may be hostile.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, NoReturn

from yext import Reply
from yext.console.link import Counts, Overview, Word
from yext.errors import YextError
from yext.log import ALL, Event, EventKind

VERSION = 1
"""The version of the interface; a change that an older end would misread has the next number."""

COMMAND = "attach"
"""The command of the plain conversation that begins it: ``attach VERSION``."""

AGREED = f"%%=attach:{VERSION}"
"""The line that agrees to it; each further line of either end is an object."""

REQUEST_MAX = 64 * 1024
"""Characters of the longest request."""

_TEXT_MAX = 16 * 1024 * 1024
_NAME_MAX = 256
_LIST_MAX = 20_000
_DATA_LEVELS = 32
_DEPTH_MAX = 8
"""Replies of replies: an alias, or a file of commands."""


class Request(StrEnum):
    """What a console asks for; ``do`` of its object."""

    RUN = "run"
    CANCEL = "cancel"
    COMPLETE = "complete"
    DESCRIBE = "describe"
    OVERVIEW = "overview"
    USAGE = "usage"
    VIEW = "view"
    FOLLOW = "follow"
    RECORD = "record"
    MISSED = "missed"
    SETTLE = "settle"


class InterfaceError(YextError):
    """The other end has sent anything but an object of the interface."""


class State(NamedTuple):
    """The numbers and switches that are pushed when they change.

    Attributes:
        counts: the numbers of the bottom line.
        flow: the state of the message flow, for the bottom line.
        filter: the filter of the flow that is on, None while it is off.
        closing: True once the session has ended.
    """

    counts: Counts
    flow: str
    filter: str | None
    closing: bool


def encode(found: Mapping[str, object]) -> str:
    """Write an object as a line of ASCII, without its end."""
    return json.dumps(found, separators=(",", ":"), default=str)


def decode(line: str) -> dict[str, Any]:
    """Read the object of a line.

    Raises:
        InterfaceError: the line holds anything else.
    """
    try:
        found = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InterfaceError(f"not an object: {line[:40]!r}") from error
    if not isinstance(found, dict):
        raise InterfaceError(f"not an object: {line[:40]!r}")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


# Fields


def text(found: object, most: int = _TEXT_MAX) -> str:
    """Check a text.

    Raises:
        InterfaceError: it is none, or longer than `most` characters.
    """
    if not isinstance(found, str) or len(found) > most:
        raise InterfaceError(f"not a text of at most {most} characters")
    return found


def name(found: object) -> str:
    """Check a text that is short."""
    return text(found, _NAME_MAX)


def number(found: object) -> float:
    """Check a number that is not negative."""
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 <= found < 2**53:
        raise InterfaceError("not a number")
    return found


def whole(found: object) -> int:
    """Check a whole number that is not negative."""
    if isinstance(found, float):
        raise InterfaceError("not a whole number")
    return int(number(found))


def truth(found: object) -> bool:
    """Check a truth value."""
    if not isinstance(found, bool):
        raise InterfaceError("neither true nor false")
    return found


def items(found: object, read: Callable[[Any], Any] = text) -> list[Any]:
    """Check a list, and each of its elements by `read`."""
    if not isinstance(found, list) or len(found) > _LIST_MAX:
        raise InterfaceError(f"not a list of at most {_LIST_MAX}")
    return [read(one) for one in found]


def mapping(found: object) -> dict[str, str]:
    """Check a mapping from texts to texts."""
    if not isinstance(found, dict) or len(found) > _LIST_MAX:
        raise InterfaceError(f"not a mapping of at most {_LIST_MAX}")
    return {text(key): text(value) for key, value in found.items()}


def shallow(found: object, levels: int = _DATA_LEVELS) -> object:
    """Check that lists and objects are in each other in no more than so many levels."""
    if isinstance(found, (list, dict)):
        if not levels:
            raise InterfaceError(f"data of more than {_DATA_LEVELS} levels")
        for one in found.values() if isinstance(found, dict) else found:
            shallow(one, levels - 1)
    return found


def _optional(found: object, read: Callable[[Any], Any]) -> Any:
    return None if found is None else read(found)


# Replies


def from_reply(reply: Reply) -> dict[str, object]:
    """A reply as an object."""
    return {
        "ok": reply.ok,
        "text": reply.text,
        "params": dict(reply.params),
        "known": reply.known,
        "data": reply.data,
        "parts": [[line, from_reply(part)] for line, part in reply.parts],
    }


def to_reply(found: object, depth: int = 0) -> Reply:
    """Check a reply. Raises `InterfaceError`."""
    if not isinstance(found, dict) or depth > _DEPTH_MAX:
        raise InterfaceError("not a reply")

    def part(pair: object) -> tuple[str, Reply]:
        if not isinstance(pair, list) or len(pair) != 2:
            raise InterfaceError("not a command line with its reply")
        return text(pair[0]), to_reply(pair[1], depth + 1)

    return Reply(
        truth(found.get("ok")),
        text(found.get("text")),
        mapping(found.get("params")),
        truth(found.get("known")),
        shallow(found.get("data")),
        tuple(items(found.get("parts"), part)),
    )


# Words, overview, state


def from_words(words: Sequence[Word]) -> list[list[str]]:
    """Completions as a list of pairs."""
    return [[word.text, word.description] for word in words]


def to_words(found: object) -> list[Word]:
    """Check completions. Raises `InterfaceError`."""

    def word(pair: object) -> Word:
        if not isinstance(pair, list) or len(pair) != 2:
            raise InterfaceError("not a word and its description")
        return Word(text(pair[0], _NAME_MAX * 16), text(pair[1], _NAME_MAX * 16))

    return items(found, word)


def from_overview(overview: Overview) -> dict[str, object]:
    """An overview as an object."""
    return {
        "version": overview.version,
        "failed": [list(row) for row in overview.failed],
        "listeners": None if overview.listeners is None else list(overview.listeners),
        "failed_listeners": list(overview.failed_listeners),
        "mistakes": list(overview.mistakes),
    }


def to_overview(found: object) -> Overview:
    """Check an overview. Raises `InterfaceError`."""
    if not isinstance(found, dict):
        raise InterfaceError("not an overview")

    def row(one: object) -> tuple[str, str, str]:
        first, second, third = [*items(one), "", "", ""][:3]
        return first, second, third

    return Overview(
        name(found.get("version")),
        items(found.get("failed"), row),
        _optional(found.get("listeners"), items),
        items(found.get("failed_listeners")),
        items(found.get("mistakes")),
    )


def from_state(state: State) -> dict[str, object]:
    """The numbers and switches as an object."""
    return {
        "running": state.counts.running,
        "failed": state.counts.failed,
        "messages": state.counts.messages,
        "silent": state.counts.silent,
        "nodes": state.counts.nodes,
        "unlinked": state.counts.unlinked,
        "flow": state.flow,
        "filter": state.filter,
        "closing": state.closing,
    }


def to_state(found: object) -> State:
    """Check the numbers and switches. Raises `InterfaceError`."""
    if not isinstance(found, dict):
        raise InterfaceError("not a state")
    running, failed, messages = (whole(found.get(key)) for key in ("running", "failed", "messages"))
    silent, unlinked = whole(found.get("silent", 0)), whole(found.get("unlinked", 0))
    return State(
        Counts(running, failed, messages, silent, _optional(found.get("nodes"), whole), unlinked),
        text(found.get("flow"), REQUEST_MAX),
        _optional(found.get("filter"), text),
        truth(found.get("closing")),
    )


# Events


def from_event(event: Event) -> dict[str, object]:
    """An event as an object."""
    return {
        "kind": event.kind,
        "text": event.text,
        "level": event.level,
        "source": event.source,
        "when": event.when,
        "lines": list(event.lines),
    }


def to_event(found: object) -> Event:
    """Check an event; a notice is for all sessions. Raises `InterfaceError`."""
    if not isinstance(found, dict) or found.get("kind") not in list(EventKind):
        raise InterfaceError("not an event")
    level = whole(found.get("level"))
    if level > ALL:
        raise InterfaceError(f"no debug level: {level}")
    return Event(
        EventKind(found["kind"]),
        text(found.get("text")),
        level,
        name(found.get("source")),
        number(found.get("when")),
        tuple(items(found.get("lines"))),
    )
