"""The list of all commands, grouped by what one wants to do, on one screen."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from yext.log import safe

if TYPE_CHECKING:
    from yext.console.replies.draw import Page

_GAP = "   "

_INDENT = 11
"""Columns of the names of the groups."""

_DESCRIBED_MAX = 5
"""So many commands that are in no group are described, a line each; more are only named."""

_GROUPS: Mapping[str, Sequence[tuple[str, ...]]] = {
    "Scripts": (
        ("external", "external start|stop|restart SCRIPT [PARAMETER]", "show", "why", "log [-f]",
         "info", "execute", "dismiss", "audio"),
        ("top", "top"),
    ),
    "Messages": (
        ("flow", "flow on [FILTER]", "flow show N", "flow last"),
        ("flow browse", "flow browse"), ("flow stats", "flow stats"),
        ("message", "message NAME key=value"), ("intercept", "intercept FILTER"),
        ("answer", "answer"), ("resume", "resume"),
        ("sniffer", "sniffer"), ("dispatcher", "dispatcher"),
    ),
    "Calls": (
        ("call", "call TARGET phone/"), ("phone", "phone"), ("drop", "drop CHANNEL"),
        ("control", "control"), ("route", "route CALLED"),
    ),
    "Engine": (
        ("status", "status [MODULE]"), ("reload", "reload"), ("debug", "debug"),
        ("events", "events [-f]"), ("logview", "logview"), ("uptime", "uptime"),
        ("version", "version"), ("date", "date"), ("meminfo", "meminfo"), ("module", "module"),
        ("runparam", "runparam"), ("cfgmerge", "cfgmerge"), ("restart", "restart"),
        ("stop", "stop"),
    ),
    "Session": (
        ("history", "history"), ("!N", "!N"), ("alias", "alias"),
        ("watch", "watch SECONDS COMMAND"), ("source", "source FILE"),
        ("transcript", "transcript FILE"), ("set", "set"), ("who", "who"),
        ("output", "output"), ("color", "color"), ("echo", "echo"), ("machine", "machine"),
        ("clear", "clear"), ("auth", "auth"), ("help", "help"), ("quit", "quit"),
    ),
}  # fmt: skip
"""In each group, commands with what is shown of them. A second word of a command is one that its
usage must have."""

ORDER: Mapping[str, int] = {
    head: at
    for at, head in enumerate(
        dict.fromkeys(row[0].partition(" ")[0] for group in _GROUPS.values() for row in group)
    )
}
"""The place of each command that is in a group, by its first word."""

_MORE = "help COMMAND tells more; TAB completes; any command takes | grep WORD and > FILE"


def draw(usages: Sequence[str], descriptions: Mapping[str, str], page: Page) -> str:
    """Draw the list.

    Args:
        usages: the usage lines of all commands there are.
        descriptions: what commands do, by their names.
        page: the size of the page.
    """
    words: dict[str, set[str]] = {}
    for usage in usages:
        head, _, rest = usage.partition(" ")
        words.setdefault(head, set()).update(re.findall(r"[\w-]+", rest))
    lines: list[str] = []
    for name, group in _GROUPS.items():
        items = [item for row in group if _has(words, row[0]) for item in row[1:]]
        if items:
            lines += _folded(name, items, page)
    lines += _others([head for head in words if head not in ORDER], descriptions, page)
    lines += textwrap.wrap(_MORE, page.width)
    return "".join(f"{line}\n" for line in lines)


def _has(words: Mapping[str, set[str]], command: str) -> bool:
    head, _, second = command.partition(" ")
    return head in words and (not second or second in words[head])


def _folded(name: str, items: Sequence[str], page: Page) -> Iterator[str]:
    """Yield the lines of a group: items are never broken."""
    bold, normal = ("\x1b[1m", "\x1b[m") if page.color else ("", "")
    head, line = f"{bold}{name}{normal}{' ' * (_INDENT - len(name))}", ""
    for item in items:
        shown = safe(item)
        if line and _INDENT + len(line) + len(_GAP) + len(shown) > page.width:
            yield head + line
            head, line = " " * _INDENT, ""
        line += f"{_GAP}{shown}" if line else shown
    yield head + line


def _others(names: Sequence[str], descriptions: Mapping[str, str], page: Page) -> Iterator[str]:
    """Yield the lines of commands that modules and scripts have added."""
    if not names:
        return
    if len(names) > _DESCRIBED_MAX:
        yield from _folded("More", names, page)
        return
    for at, name in enumerate(names):
        yield from _folded("" if at else "More", [_described(name, descriptions, page)], page)


def _described(name: str, descriptions: Mapping[str, str], page: Page) -> str:
    text = f"{name}{_GAP}{descriptions.get(name, '')}".rstrip()
    room = max(20, page.width - _INDENT)
    return text if len(text) <= room else f"{text[: room - 3]}..."
