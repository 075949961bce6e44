"""The lists of handlers and watchers: ``dispatcher handlers`` and ``status dispatcher``.

Wording as recorded (rm_3_commands, dispatcher_handlers and status_dispatcher).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from yext.dispatcher import Dispatcher, Handler
from yext.log import safe
from yext.patterns.wildcards import Matcher

_SHORT: Final = 3
"""Names that a short list shows."""


def listed(dispatcher: Dispatcher, words: Sequence[str]) -> list[str] | None:
    """Return the reply of ``dispatcher handlers [name=…] [trackname=…]`` or ``watches``.

    Args:
        dispatcher: the dispatcher whose handlers and watchers are listed.
        words: the words after ``dispatcher``.

    Returns:
        Lines without their ends, None if the words are neither command.

    Raises:
        PatternError: a name is no regular expression.
    """
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
    """Return the words that may come after `words` of ``dispatcher``, with descriptions.

    Args:
        dispatcher: the dispatcher whose handlers the words name.
        words: the words between ``dispatcher`` and the one being typed.
        word: the beginning of the word being typed.
    """
    if words[:1] != ["handlers"]:
        return {}
    handlers = dispatcher.handlers()
    if word.startswith("name="):
        return {
            f"name={name}": "handled by "
            + listing(handler.owner for handler in handlers if handler.name == name)
            for name in dispatcher.handler_names()
        }
    if word.startswith("trackname="):
        return {
            f"trackname={track}": "handles "
            + listing(handler.name for handler in handlers if handler.track == track)
            for track in sorted({handler.track for handler in handlers} - {""})
        }
    return {
        "name=": "the handlers of messages of that name, ^ for all",
        "trackname=": "the handlers with that tracking name",
    }


def listing(names: Iterable[str]) -> str:
    """Return the first different names, and the number of the others."""
    different = list(dict.fromkeys(safe(name) for name in names))
    more = [f"{len(different) - _SHORT} more"] if len(different) > _SHORT else []
    return ", ".join([*different[:_SHORT], *more])


def status(dispatcher: Dispatcher, wanted: str, details: bool) -> str | None:
    """Return the line of ``status dispatcher handlers[-trackname] X`` or ``status objects X``.

    Args:
        dispatcher: the dispatcher whose handlers are counted.
        wanted: the words after ``status``.
        details: whether the handlers are listed too.

    Returns:
        The line without its end, None if `wanted` is neither.

    Raises:
        PatternError: X is no regular expression.
    """
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
        f"{handler.name}={handler.priority}|{handler.track}|"
        + ("yes" if handler.filter_name else "no")
        for handler in found
    )
    return f"{line};{','.join(rows)}"


def _matching(dispatcher: Dispatcher, name: str, track: str) -> list[Handler]:
    """Return the handlers whose message name and tracking name match; empty patterns match all."""
    by_name, by_track = _matcher(name), _matcher(track)
    return [
        handler
        for handler in dispatcher.handlers()
        if by_name(handler.name) and by_track(handler.track)
    ]


def _matcher(pattern: str) -> Matcher:
    if not pattern:
        return lambda text: True
    # Loaded with the first list: a start needs no expressions.
    from yext.patterns.posix import yate_matcher

    return yate_matcher(pattern)


def _line(handler: Handler) -> str:
    text = f"{handler.name} priority={handler.priority} trackname='{handler.track}'"
    if handler.filter_name:
        text += f" filter='{handler.filter_name}={handler.filter_value}'"
    return text
