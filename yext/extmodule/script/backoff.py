"""The delay before a script that has ended is started again, and the limit of restarts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

LONGEST_DELAY = 60.0
"""The longest delay, in seconds."""


class BackOff:
    """A delay that grows with each recent restart.

    Args:
        restart: called at the end of each delay.
    """

    def __init__(self, restart: Callable[[], None]) -> None:
        self._restart = restart
        self._loop = asyncio.get_running_loop()
        self._recent: deque[float] = deque()
        self._next_start = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, first: float, most: int, window: float) -> float | None:
        """Begin another delay, unless there were too many restarts.

        Args:
            first: the delay of the first restart in seconds; it is doubled with each further one.
            most: how many restarts there may be within `window`.
            window: the period in which restarts count, in seconds.

        Returns:
            The delay in seconds, None if there have been `most` restarts.
        """
        now = self._loop.time()
        self._recent.append(now)
        while self._recent and self._recent[0] < now - window:
            self._recent.popleft()
        if self.count > most:
            return None
        doubled: int = 2 ** min(self.count - 1, 30)
        # Jitter keeps scripts that ended together from being started together.
        from random import uniform

        delay = uniform(0.75, 1.25) * min(LONGEST_DELAY, first * doubled)
        self._next_start = now + delay
        self._timer = self._loop.call_later(delay, self._restart)
        return delay

    @property
    def count(self) -> int:
        """How many restarts there were within the window, with the one that is due."""
        return len(self._recent)

    def span(self) -> float:
        """Return the seconds since the first of the restarts that count."""
        return self._loop.time() - self._recent[0] if self._recent else 0.0

    def left(self) -> float:
        """Return the rest of the delay in seconds."""
        return max(0.0, self._next_start - self._loop.time())

    def cancel(self) -> None:
        """End the delay without a restart."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def reset(self) -> None:
        """Forget all restarts, and end the delay."""
        self.cancel()
        self._recent.clear()
