"""Who handles and watches which messages, as ``dispatcher`` and ``status dispatcher`` list it.

Wording as recorded (rm_3_commands, dispatcher_handlers and status_dispatcher).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from yext.dispatcher import Dispatcher, Handler
from yext.errors import FilterError
from yext.log import safe
from yext.record.patterns import Regex


def listed(dispatcher: Dispatcher, words: Sequence[str]) -> list[str] | None:
    """The lines of ``dispatcher handlers [name=…] [trackname=…]`` and ``dispatcher watches``;
    None for words that are neither."""
    if words[:1] == ["watches"]:
        watches = dispatcher.watch_names()
        lines = [f"{name or '*'} watcher='{label}'" for name, label in watches]
    elif words[:1] == ["handlers"]:
        wanted = dict(word.partition("=")[::2] for word in words[1:])
        name, track = wanted.get("name", ""), wanted.get("trackname", "")
        if not name and not track:
            return ["Empty name and trackname"]
        lines = [_line(handler) for handler in _matching(dispatcher, name, track)]
    else:
        return None
    return lines or ["Empty list"]


def complete(dispatcher: Dispatcher, words: Sequence[str], word: str) -> dict[str, str]:
    """What may follow `words` of ``dispatcher`` and begins as `word`, and what that is."""
    if words[:1] != ["handlers"]:
        return {}
    handlers = dispatcher.handlers()
    if word.startswith("name="):
        return {
            f"name={name}": "handled by "
            + listing(one.owner for one in handlers if one.name == name)
            for name in dispatcher.handler_names()
        }
    if word.startswith("trackname="):
        return {
            f"trackname={track}": "handles "
            + listing(one.name for one in handlers if one.track == track)
            for track in sorted({one.track for one in handlers} - {""})
        }
    return {"name=": "of messages of that name; ^ for all", "trackname=": "of whom that is"}


_LISTED = 3
"""Names in a list that has to be short."""


def listing(names: Iterable[str]) -> str:
    """The first of the names, in a few words."""
    different = list(dict.fromkeys(safe(name) for name in names))
    more = [f"{len(different) - _LISTED} more"] if len(different) > _LISTED else []
    return ", ".join([*different[:_LISTED], *more])


def status(dispatcher: Dispatcher, wanted: str, details: bool) -> str | None:
    """The line of ``status dispatcher handlers[-trackname] X`` and ``status objects X``; None
    where `wanted` is neither."""
    kind, _, name = wanted.partition(" ")
    if kind == "objects" and name:
        return f"name=objects,type=system;enabled=false;{name}=(not counted)"
    verb, _, pattern = name.partition(" ")
    if kind != "dispatcher" or verb not in ("handlers", "handlers-trackname") or not pattern:
        return None
    by_name = verb == "handlers"
    found = _matching(dispatcher, pattern if by_name else "", "" if by_name else pattern)
    line = (
        "name=dispatcher,type=system,format=Priority|TrackName|Filtered;"
        f"handlers={len(dispatcher.handlers())},count={len(found)}"
    )
    if not details:
        return line
    rows = (
        f"{one.name}={one.priority}|{one.track}|{'yes' if one.filter_name else 'no'}"
        for one in found
    )
    return f"{line};{','.join(rows)}"


def _matching(dispatcher: Dispatcher, name: str, track: str) -> list[Handler]:
    """The handlers whose message name and tracking name match."""
    return [
        handler
        for handler in dispatcher.handlers()
        if _matches(name, handler.name) and _matches(track, handler.track)
    ]


def _line(handler: Handler) -> str:
    text = f"{handler.name} priority={handler.priority} trackname='{handler.track}'"
    if handler.filter_name:
        text += f" filter='{handler.filter_name}={handler.filter_value}'"
    return text


def _matches(pattern: str, text: str) -> bool:
    """Whether `text` is `pattern`, or matches it where it looks like a regular expression.

    An empty pattern matches all; Yate takes one that begins with ``^`` as an expression.
    """
    if not pattern.startswith("^"):
        return not pattern or pattern == text
    try:
        return Regex(pattern)(text)
    except FilterError:
        return False
