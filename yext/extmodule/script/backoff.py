"""When a script that has ended is started again, and when it is given up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from yext.extmodule.settings import ModuleOptions

LONGEST_DELAY = 60.0
"""Seconds that a back-off takes at most."""


class BackOff:
    """Calls `again` after a delay that grows with each restart within ``restart_window``."""

    def __init__(self, again: Callable[[], None]) -> None:
        self._again = again
        self._loop = asyncio.get_running_loop()
        self._recent: deque[float] = deque()
        self._next_start = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, options: ModuleOptions) -> float | None:
        """Begins another delay; returns its seconds, None where all restarts are used up."""
        now = self._loop.time()
        self._recent.append(now)
        while self._recent and self._recent[0] < now - options.restart_window:
            self._recent.popleft()
        if self.count > options.restart_max:
            return None
        doubled: int = 2 ** min(self.count - 1, 30)
        # Jitter keeps scripts that fell together from coming back together.
        from random import uniform

        jitter = uniform(0.75, 1.25)
        delay = jitter * min(LONGEST_DELAY, options.restart_delay / 1000 * doubled)
        self._next_start = now + delay
        self._timer = self._loop.call_later(delay, self._again)
        return delay

    @property
    def count(self) -> int:
        """The restarts within ``restart_window``, the one that is waited for included."""
        return len(self._recent)

    def left(self) -> float:
        """The seconds left of the delay."""
        return max(0.0, self._next_start - self._loop.time())

    def cancel(self) -> None:
        """Does not start it again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def reset(self) -> None:
        """Somebody starts it: what was before does not count."""
        self.cancel()
        self._recent.clear()
