"""The lines of the table, and the statistics in them."""

from __future__ import annotations

import os
import platform
import statistics
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Line:
    """A line of the table.

    Attributes:
        row, case: which measurement.
        ratio: ratio to the reference named in `against`, the median of several runs.
        spread: (largest - smallest) / median of those runs.
        mark: the target, in words; `met` is true if it was met.
        absolute: figures with units, in words.
    """

    row: str
    case: str
    ratio: float | None
    against: str
    mark: str
    met: bool | None
    absolute: str
    spread: float = 0.0
    extra: dict[str, float] = field(default_factory=dict)


def runs(scale: float, most: int = 5) -> int:
    """Return the number of runs for a median: one at a small scale."""
    return most if scale >= 0.1 else 1


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def spread(values: Sequence[float]) -> float:
    """Return the spread of the runs, as a fraction of their median."""
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that the fraction `part` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


WHY = {
    "round trip": "one message at a time measures how fast three processes wake up; a line leaves"
    " two turns of the loop after it came",
    "traced": "a record is a third of the work of a message, and ten thousand of them take up the"
    " processor's caches even when the flow is off again (flow clear)",
    "growth": "the curve is above; callbacks of asyncio for connections lost in one turn of the"
    " loop are not in slices, at 2 us each",
    "connects": "a start is a posix_spawn, three pipes, a pidfd and two commands of the manager",
    "start": "importing asyncio is more than half of it",
}
"""Known reasons why a row misses its target (docs/performance.md)."""


def reasons(lines: Sequence[Line]) -> list[str]:
    """Return a line for each row that missed its target: why, and how busy the machine was."""
    busy = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    return [
        f"MISSED {line.row}, {line.case}: "
        f"{WHY.get(line.row, 'no reason is known, profile it')}; {busy}, spread {line.spread:.0%}"
        for line in lines
        if line.met is False
    ]


def build() -> str:
    """Return what the interpreter is: one that was built without optimisations is slower."""
    options = sysconfig.get_config_var("CONFIG_ARGS") or ""
    found = [
        text
        for option, text in (
            ("--enable-optimizations", "optimised by profiles"),
            ("--with-lto", "optimised when linked"),
        )
        if option in options
    ]
    how = ", ".join(found) or "not optimised by profiles: about 1.13 times as slow"
    return f"{platform.python_implementation()} {platform.python_version()}, {how}"


def table(lines: Sequence[Line]) -> str:
    """Format the lines as a table."""
    rows = [("row", "case", "ratio", "spread", "to reach", "", "figures")]
    for line in lines:
        ratio = "" if line.ratio is None else f"{line.ratio:.3g} x {line.against}"
        met = {True: "ok", False: "MISSED", None: ""}[line.met]
        part = f"{line.spread:.0%}" if line.spread else ""
        rows.append((line.row, line.case, ratio, part, line.mark, met, line.absolute))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[6]])
        for row in rows
    )
