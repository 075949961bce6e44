"""The numbers of messages by name and handler: how many, how fast, and how many failed."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from yext.console.session.session import Session
from yext.log import safe
from yext.record.journey import FAILED_RESULTS, Journey, Step, StepResult

COLUMNS: Final = ("message", "handler", "count", "msg/s", "p50 ms", "p99 ms", "failed")

_SPARE: Final = ("p50 ms", "count")
"""The columns that a narrow view lacks, the first to go first."""

_KEPT: Final = 1000
"""Latencies of each row, the newest, that percentiles are made of."""

_ROWS_MOST: Final = 1000
"""Rows that are counted: peers may invent names."""

_FAILED_MOST: Final = 1000
"""Messages with a failed handler of which it is known that they were counted."""

_NOBODY: Final = "nobody"
"""The handler of messages that nobody was asked about."""

_ASKED: Final = frozenset(StepResult) - {StepResult.NOT_ASKED, StepResult.WAITING}


@dataclass(slots=True)
class _Row:
    """What was seen of the messages of one name and one handler.

    Attributes:
        count, failed: how many there were, and how many the handler failed to answer.
        drawn: the count when the table was drawn last.
        latencies: the newest times until the answer, in seconds.
    """

    count: int = 0
    failed: int = 0
    drawn: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def percentile(self, share: float) -> float | None:
        """Return the latency that a share of all do not exceed, None if none is known."""
        if not self.latencies:
            return None
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class FlowStats:
    """The numbers of some messages.

    Args:
        session: the session that looks at them; its filter chooses the messages.

    Attributes:
        left_out: how many messages were not counted because there are too many names.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows: dict[tuple[str, str], _Row] = {}
        self._failed: dict[int, None] = {}
        self._first, self._last = math.inf, -math.inf
        self._drawn = time.monotonic()
        self.left_out = 0

    def add(self, journey: Journey) -> None:
        """Count a message. One that comes again, as a late answer came, is not counted again."""
        if journey.number in self._failed:
            return
        self._first = min(self._first, journey.when)
        self._last = max(self._last, journey.when)
        asked = [step for step in journey.steps if step.result in _ASKED]
        if any(step.result in FAILED_RESULTS for step in asked):
            self._failed[journey.number] = None
            if len(self._failed) > _FAILED_MOST:
                del self._failed[next(iter(self._failed))]
        for step in asked or [Step(_NOBODY, 0, journey.took, StepResult.PASSED)]:
            row = self._row(journey.name, step.owner)
            if row is None:
                self.left_out += 1
                continue
            row.count += 1
            row.failed += step.result in FAILED_RESULTS
            if not math.isnan(step.took):
                row.latencies.append(step.took)

    def _row(self, name: str, owner: str) -> _Row | None:
        row = self._rows.get((name, owner))
        if row is None and len(self._rows) < _ROWS_MOST:
            row = self._rows[(name, owner)] = _Row()
        return row

    def follow(self) -> Callable[[], None]:
        """Count the messages to come; return a function that ends that."""
        flow = self._session.flow

        def ended(journey: Journey) -> None:
            if flow.wanted([journey]):
                self.add(journey)

        return self._session.engine.recorder.follow(ended, flow.may_want)

    def _seconds(self) -> float:
        """The time that was counted in, in seconds."""
        return max(self._last - self._first, 0.001)

    def records(self) -> list[dict[str, object]]:
        """Return the rows as objects, the most frequent first; times in seconds."""
        seconds = self._seconds()
        ordered = sorted(self._rows.items(), key=lambda item: -item[1].count)
        return [
            {
                "message": name,
                "handler": owner,
                "count": row.count,
                "rate": round(row.count / seconds, 3) if row.count > 1 else None,
                "p50": row.percentile(0.5),
                "p99": row.percentile(0.99),
                "failed": row.failed,
            }
            for (name, owner), row in ordered
        ]

    def cells(self) -> list[list[str]]:
        """Return the rows as texts, the most frequent first, with the rate of all that time."""
        seconds = self._seconds()
        return self._cells(lambda row: row.count / seconds if row.count > 1 else math.nan)

    def cells_since_drawn(self) -> list[list[str]]:
        """Return the rows as texts, the fastest first, with the rate since the last call."""
        now = time.monotonic()
        seconds, self._drawn = max(now - self._drawn, 0.001), now
        rates = {id(row): (row.count - row.drawn) / seconds for row in self._rows.values()}
        for row in self._rows.values():
            row.drawn = row.count
        return self._cells(lambda row: rates[id(row)])

    def _cells(self, rate: Callable[[_Row], float]) -> list[list[str]]:
        found = [(name, owner, row, rate(row)) for (name, owner), row in self._rows.items()]
        found.sort(key=lambda one: (-(0.0 if math.isnan(one[3]) else one[3]), -one[2].count))
        return [
            [
                safe(name), safe(owner), str(row.count), _rate(per_second),
                _milliseconds(row.percentile(0.5)), _milliseconds(row.percentile(0.99)),
                str(row.failed),
            ]
            for name, owner, row, per_second in found
        ]  # fmt: skip


def _rate(per_second: float) -> str:
    if math.isnan(per_second):
        return "-"
    return f"{per_second:.0f}" if per_second >= 10 else f"{per_second:.1f}"


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f}"


def draw_table(rows: Sequence[Sequence[str]], session: Session, width: int) -> str:
    """Draw rows of `FlowStats` in some columns; empty for none."""
    from yext.console.replies.draw import Page, table

    view = session.view
    color, unicode = (view.color, view.unicode) if view is not None else (False, False)
    return table(COLUMNS, rows, Page(width, color, unicode), spare=_SPARE) if rows else ""
