"""The live table of scripts: which are busy, slow, failing or large.

Latencies come from the record of messages, which is followed only while a table is shown.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING

from yext.command import EOL
from yext.console.replies.draw import Page, fitting, state_text, table
from yext.engine.module import modules_of
from yext.log import safe
from yext.record.journey import FAILED_RESULTS, Journey, StepResult

if TYPE_CHECKING:
    from rich.text import Text

    from yext.console.session.session import Session
    from yext.engine.module import Program

_KEPT = 1000
"""Latencies of each script, the newest, that percentiles are computed from."""

_OWNERS = 1000
"""Scripts whose latencies are kept."""

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")

COLUMNS = (
    "script", "state", "pid", "msg/s", "pending", "p50 ms", "p99 ms", "errors", "restarts",
    "cpu %", "MiB",
)  # fmt: skip

_SPARE = ("pid", "restarts", "pending", "MiB", "cpu %")
"""The columns that a narrow view lacks, the first to go first."""


@dataclass(slots=True)
class _Work:
    """The latencies of a script in seconds, and its failures, while the table was shown."""

    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    errors: int = 0


@dataclass(frozen=True, slots=True)
class _Sample:
    """The counters of a script at one time: messages, and seconds of processor time."""

    messages: int
    cpu: float
    when: float


class Top:
    """The table; it follows the record of messages inside a ``with``.

    Args:
        session: the session that shows the table.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._work: dict[str, _Work] = {}
        self._samples: dict[int | None, _Sample] = {}
        self._unfollow: Callable[[], None] = _nothing

    def __enter__(self) -> Top:
        self._unfollow = self._session.engine.recorder.follow(self._ended)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._unfollow()

    def _ended(self, journey: Journey) -> None:
        """Count what each handler of an ended message did."""
        for step in journey.steps:
            if step.result is StepResult.NOT_ASKED:
                continue
            work = self._work.get(step.owner)
            if work is None:
                if len(self._work) >= _OWNERS:
                    continue
                work = self._work[step.owner] = _Work()
            work.latencies.append(step.took)
            work.errors += step.result in FAILED_RESULTS

    async def draw(self, width: int, height: int) -> str:
        """Return the table for a view of that size, the busiest scripts first."""
        view = self._session.view
        color, unicode = (view.color, view.unicode) if view is not None else (False, False)
        rows = self._rows()
        if not rows:
            return "No scripts\n"
        fit, more = fitting(rows, height, "top")
        shown: list[list[str | Text]] = [[row[0], state_text(row[1]), *row[2:]] for row in fit]
        return table(COLUMNS, shown, Page(width, color, unicode), spare=_SPARE) + more

    async def text(self) -> str:
        """Return the whole table, fields separated by TABs."""
        lines = ["\t".join(COLUMNS), *("\t".join(row) for row in self._rows())]
        return "".join(line + EOL for line in lines)

    def _rows(self) -> list[list[str]]:
        modules = modules_of(self._session.engine)
        rows = [self._row(program) for module in modules for program in module.programs()]
        rows.sort(key=lambda row: -float(row[3]) if row[3] != "-" else 1.0)
        return rows

    def _row(self, program: Program) -> list[str]:
        cpu, memory = _process(program.pid)
        # A script that answers each message sends as many as it receives: they count once.
        messages = max(program.received or 0, program.sent or 0)
        now = _Sample(messages, cpu, time.monotonic())
        before = self._samples.get(program.pid)
        rate, load, size = "-", "-", "-"
        if program.pid is not None:
            self._samples[program.pid] = now
            rate, load = _between(before, now)
            size = f"{memory / 2**20:.1f}"
        work = self._work.get(program.name, _Work())
        return [
            safe(program.label), program.state.partition(" (")[0], _or_dash(program.pid),
            rate, _or_dash(program.pending),
            _milliseconds(work.latencies, 0.5), _milliseconds(work.latencies, 0.99),
            str(work.errors), program.restarts, load, size,
        ]  # fmt: skip


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)


def _between(before: _Sample | None, now: _Sample) -> tuple[str, str]:
    """Return messages a second, and per cent of a processor, between two samples."""
    seconds = now.when - before.when if before is not None else 0.0
    if before is None or seconds <= 0:
        return "0", "0"
    rate = max(0.0, (now.messages - before.messages) / seconds)
    return f"{rate:.0f}", f"{max(0.0, (now.cpu - before.cpu) / seconds * 100):.0f}"


def _process(pid: int | None) -> tuple[float, int]:
    """Return processor seconds and resident bytes of a process (proc(5)), 0 if it is gone."""
    if pid is None:
        return 0.0, 0
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            # The name, in brackets, may hold anything; user and kernel time come 12th after it.
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0, 0
    return (int(fields[11]) + int(fields[12])) / _TICK, int(fields[21]) * _PAGE


def _milliseconds(latencies: Sequence[float], share: float) -> str:
    """Return the latency that a share of all do not exceed, in milliseconds."""
    if not latencies:
        return "-"
    ordered = sorted(latencies)
    return f"{ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000:.1f}"


def _nothing() -> None:
    """Do nothing: there is nothing to end yet."""
