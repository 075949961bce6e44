"""``top`` of a Yate: its messages, as the console sees them on the bus.

A Yate does not say what its scripts do. What can be seen is which messages there are, how many of
them, and how long they take; they are followed only while the table is shown.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from yext import Reply
from yext.command import EOL
from yext.console.commands.command import SessionCommand
from yext.console.commands.parameters import Seconds
from yext.console.replies.draw import Page, fitting, table
from yext.console.session.session import Session
from yext.log import safe
from yext.record.journey import Journey

if TYPE_CHECKING:
    from rich.text import Text

_KEPT = 1000
"""Latencies of each message name that percentiles are made of, the newest."""

_NAMES = 1000
"""Message names that are counted."""

COLUMNS = ("message", "msg/s", "p50 ms", "p99 ms", "not handled", "seen")

_SPARE = ("seen", "not handled")


@dataclass(slots=True)
class _Seen:
    """What was seen of the messages of one name; `before` is the count at the last drawing."""

    count: int = 0
    before: int = 0
    unhandled: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))


class MessageTop:
    """The table; it follows the messages inside a ``with``.

    Args:
        session: the session that shows the table.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: dict[str, _Seen] = {}
        self._drawn = time.monotonic()
        self._unfollow: Callable[[], None] | None = None

    def __enter__(self) -> MessageTop:
        self._unfollow = self._session.engine.recorder.follow(self._ended, _is_wanted)
        return self

    def __exit__(self, *_: object) -> None:
        if self._unfollow is not None:
            self._unfollow()

    def _ended(self, journey: Journey) -> None:
        seen = self._seen.get(journey.name)
        if seen is None:
            if len(self._seen) >= _NAMES or not _is_wanted(journey.name):
                return
            seen = self._seen[journey.name] = _Seen()
        seen.count += 1
        seen.unhandled += not journey.handled
        if not math.isnan(journey.took):
            seen.latencies.append(journey.took)

    async def draw(self, width: int, height: int) -> str:
        """Return the table for a view of that size, the most frequent messages first."""
        view = self._session.view
        color, unicode = (view.color, view.unicode) if view is not None else (False, False)
        rows = self._rows()
        if not rows:
            return "No messages yet\n"
        fit, more = fitting(rows, height, "top")
        shown: list[list[str | Text]] = [[*row] for row in fit]
        return table(COLUMNS, shown, Page(width, color, unicode), spare=_SPARE) + more

    def text(self) -> str:
        """Return the whole table, fields separated by TABs."""
        lines = ["\t".join(COLUMNS), *("\t".join(row) for row in self._rows())]
        return "".join(line + EOL for line in lines)

    def _rows(self) -> list[list[str]]:
        now = time.monotonic()
        seconds, self._drawn = max(now - self._drawn, 0.001), now
        found = sorted(self._seen.items(), key=lambda item: item[1].before - item[1].count)
        rows = [_row(name, seen, seconds) for name, seen in found]
        for seen in self._seen.values():
            seen.before = seen.count
        return rows


def _is_wanted(name: str) -> bool:
    """The engine's own messages are its timer, and what consoles ask."""
    return not name.startswith("engine.")


def _row(name: str, seen: _Seen, seconds: float) -> list[str]:
    rate = (seen.count - seen.before) / seconds
    return [
        safe(name), f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}",
        _milliseconds(seen.latencies, 0.5), _milliseconds(seen.latencies, 0.99),
        str(seen.unhandled), str(seen.count),
    ]  # fmt: skip


def _milliseconds(latencies: deque[float], share: float) -> str:
    if not latencies:
        return "-"
    ordered = sorted(latencies)
    return f"{ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000:.1f}"


async def top(session: Session, seconds: Annotated[float, Seconds(0.1, 3600.0)] = 1.0) -> Reply:
    """Show the table of messages on a live view; without one, once, after that time."""
    view = session.live_view
    with MessageTop(session) as shown:
        if view is not None:
            await view.live(shown.draw, seconds)
            return Reply(True)
        await asyncio.sleep(seconds)
        return Reply(True, shown.text())


TOP = SessionCommand(
    "top", "Shows which messages there are, and how long they take; any key ends it", top,
    example="top 2",
)  # fmt: skip
