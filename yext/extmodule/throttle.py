"""A bound on how fast something goes to the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Throttle:
    """Lets so many pass in a second, and tells how many did not.

    `left_out` is called with their number once the second is over.
    """

    __slots__ = ("_left_out", "_loop", "_passed", "_refused", "_timer", "_until")

    def __init__(self, left_out: Callable[[int], None]) -> None:
        self._left_out = left_out
        self._loop = asyncio.get_running_loop()
        self._passed = self._refused = 0
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def passes(self, most: int) -> bool:
        """Counts one more; whether it is among the first `most` of this second."""
        now = self._loop.time()
        if self._timer is None and now >= self._until:
            self._until, self._passed = now + 1, 0
        if self._passed < most:
            self._passed += 1
            return True
        self._refused += 1
        if self._timer is None:
            self._timer = self._loop.call_at(self._until, self.tell)
        return False

    def tell(self) -> None:
        """Tells at once how many were left out, if any were; a new second begins then."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        refused, self._refused = self._refused, 0
        self._until = 0.0
        self._left_out(refused)
