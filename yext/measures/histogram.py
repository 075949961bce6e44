"""A histogram of times."""

from __future__ import annotations

from bisect import bisect_left

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the intervals, in seconds; one more interval has what is longer."""


class Histogram:
    """How many times were how long.

    Attributes:
        counts: the number of times in each interval of `BOUNDS`, and of longer ones.
        total: the sum of all times, in seconds.
    """

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float, number: int = 1) -> None:
        """Count a time of so many seconds, `number` times."""
        self.counts[bisect_left(BOUNDS, seconds)] += number
        self.total += max(0.0, seconds) * number
