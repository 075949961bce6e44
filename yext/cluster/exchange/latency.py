"""How long the answers of a node have taken."""

from __future__ import annotations

from collections import deque

_KEPT = 500
"""The answers, the newest, of which the percentiles are."""


class Latency:
    """The times on the way of the newest answers of one node, in seconds."""

    __slots__ = ("_newest",)

    def __init__(self) -> None:
        self._newest: deque[float] = deque(maxlen=_KEPT)

    def add(self, seconds: float) -> None:
        """Add a time."""
        self._newest.append(seconds)

    def percentile(self, percent: int) -> float | None:
        """Return the time that so many percent of the answers do not exceed, None without any."""
        if not self._newest:
            return None
        ordered = sorted(self._newest)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
