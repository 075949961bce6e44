"""The live table of scripts: who is busy, slow, failing, large.

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

from console.replies.draw import Page, state_text, table
from yext.command import EOL
from yext.engine.module import modules_of
from yext.log import safe

if TYPE_CHECKING:
    from rich.text import Text

    from console.session.session import Session
    from yext.engine.module import Program
    from yext.record.journey import Journey

_KEPT = 1000
"""The newest latencies of each script that the percentiles are made of."""

_OWNERS = 1000
"""Scripts whose latencies are kept."""

_FAILURES = ("timed out", "late", "gone")

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")

COLUMNS = (
    "script", "state", "pid", "msg/s", "pending", "p50 ms", "p99 ms", "errors", "restarts",
    "cpu %", "MiB",
)  # fmt: skip

_SPARE = ("pid", "restarts", "pending", "MiB", "cpu %")
"""The columns that a narrow view does without, the first of them first."""


@dataclass(slots=True)
class _Work:
    """What a script did while the table was shown: latencies in seconds, and failures."""

    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    errors: int = 0


@dataclass(frozen=True, slots=True)
class _Sample:
    """One look at a script: messages, processor seconds, the time of looking."""

    messages: int
    cpu: float
    when: float


class Top:
    """Draws the table; follows the record of messages inside a ``with``."""

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
        """A message has ended: what each of its handlers did counts for that script."""
        for step in journey.steps:
            if step.result == "not asked":
                continue
            work = self._work.get(step.owner)
            if work is None:
                if len(self._work) >= _OWNERS:
                    continue
                work = self._work[step.owner] = _Work()
            work.latencies.append(step.took)
            work.errors += step.result in _FAILURES

    async def draw(self, width: int, height: int) -> str:
        """The table, the busiest first, as many rows as there are."""
        view = self._session.view
        color, unicode = (view.color, view.unicode) if view is not None else (False, False)
        rows = self._rows()
        if not rows:
            return "No scripts\n"
        shown: list[list[str | Text]] = [
            [row[0], state_text(row[1]), *row[2:]] for row in rows[: max(1, height - 1)]
        ]
        return table(COLUMNS, shown, Page(width, color, unicode), spare=_SPARE)

    async def text(self) -> str:
        """The table once, fields parted by TABs."""
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
    """Messages a second and per cent of a processor between two looks."""
    seconds = now.when - before.when if before is not None else 0.0
    if before is None or seconds <= 0:
        return "0", "0"
    rate = max(0.0, (now.messages - before.messages) / seconds)
    return f"{rate:.0f}", f"{max(0.0, (now.cpu - before.cpu) / seconds * 100):.0f}"


def _process(pid: int | None) -> tuple[float, int]:
    """Processor seconds and resident bytes of a process (proc(5)); noughts where it is gone."""
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
    """The latency that `share` of all stay within."""
    if not latencies:
        return "-"
    ordered = sorted(latencies)
    return f"{ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000:.1f}"


def _nothing() -> None:
    """Stands for what is to be ended, before there is anything."""
