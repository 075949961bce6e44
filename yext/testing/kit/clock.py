"""The time of an engine under test: at any speed, or stopped and advanced by steps.

The clock is that of the engine's event loop. While the loop has nothing to do it waits for the
next timer; here it waits a part of that, or not at all while the clock is advanced.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import selectors
import time
from collections.abc import Callable, Mapping
from typing import Any

Events = list[tuple[selectors.SelectorKey, int]]
Poll = Callable[[float | None], Events]

_NEAR = 1e-9
"""Seconds that are no time: what rounding leaves of a step."""


class Clock:
    """A clock that runs at some speed.

    A fast one runs as the system's while a script works: however slow the machine is, a script has
    its time to answer.

    Args:
        speed: how many seconds go by in a second; 0 for a clock that stands still.

    Attributes:
        is_busy: returns True while a script works.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self.is_busy: Callable[[], bool] = lambda: False
        self._speed = self._rate = speed
        self._since = self._then = time.monotonic()
        self._midnight = time.time() - self._then
        self._ahead = 0.0
        self._arrived: asyncio.Future[None] | None = None
        self._alarms: list[tuple[float, int, asyncio.Future[Any]]] = []
        self._numbers = itertools.count()

    @property
    def speed(self) -> float:
        """How many seconds go by in a second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        if speed < 0:
            raise ValueError(f"the speed of a clock is not negative: {speed}")
        self._speed = speed
        self._run_at(speed)

    def _run_at(self, rate: float) -> None:
        if rate != self._rate:
            self._then, self._since = self.time(), time.monotonic()
            self._rate = rate

    def time(self) -> float:
        """Return the time, in seconds since some moment."""
        return self._then + (time.monotonic() - self._since) * self._rate

    def now(self) -> float:
        """Return the time of day, in seconds since 1970."""
        return self._midnight + self.time()

    async def advance(self, seconds: float) -> None:
        """Let so many seconds go by at once, with all timers that fall due, each at its time."""
        speed, self.speed = self._speed, 0.0
        self._arrived = asyncio.get_running_loop().create_future()
        self._ahead = seconds
        try:
            await self._arrived
        finally:
            self._ahead, self._arrived = 0.0, None
            self.speed = speed

    # Real time, for what happens outside the engine

    def alarm(self, seconds: float) -> asyncio.Future[Any]:
        """Return a future that is done in so many real seconds; cancel it if it is not needed."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._alarms, (time.monotonic() + seconds, next(self._numbers), future))
        return future

    async def sleep(self, seconds: float) -> None:
        """Wait some real seconds."""
        await self.alarm(seconds)

    # The event loop

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """Make an event loop with this clock."""
        return _Loop(self)

    def select(self, poll: Poll, timeout: float | None) -> Events:
        """Wait for the files of the loop, in the place of its selector.

        Args:
            poll: waits for real seconds, for ever with None.
            timeout: seconds of this clock until the next timer; None if there is none.
        """
        if timeout is not None and timeout <= 0:
            events = poll(0)
        elif self._ahead:
            events = poll(0) or self._step(timeout)
        else:
            self._run_at(1.0 if self._speed > 1 and self.is_busy() else self._speed)
            events = poll(self._real(timeout))
        self._ring()
        return events

    def _step(self, timeout: float | None) -> Events:
        """Go on to the next timer, or to the end of the way."""
        step = self._ahead if timeout is None else min(timeout, self._ahead)
        self._then += step
        self._ahead -= step
        if self._ahead < _NEAR:
            self._ahead = 0.0
            if self._arrived is not None and not self._arrived.done():
                self._arrived.set_result(None)
        return []

    def _real(self, timeout: float | None) -> float | None:
        real = None if timeout is None or not self._rate else timeout / self._rate
        while self._alarms and self._alarms[0][2].done():
            heapq.heappop(self._alarms)
        if not self._alarms:
            return real
        left = max(0.0, self._alarms[0][0] - time.monotonic())
        return left if real is None else min(real, left)

    def _ring(self) -> None:
        while self._alarms:
            when, _, future = self._alarms[0]
            if not future.done():
                if when > time.monotonic():
                    break
                future.set_result(None)
            heapq.heappop(self._alarms)


class _Loop(asyncio.SelectorEventLoop):
    """An event loop on a `Clock`."""

    def __init__(self, clock: Clock) -> None:
        self._of = clock
        super().__init__(_Selector(clock))

    def time(self) -> float:
        return self._of.time()


class _Selector(selectors.BaseSelector):
    """The selector of the system, which waits as its clock says."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._system = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> Events:
        return self._clock.select(self._system.select, timeout)

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._system.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._system.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._system.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._system.get_map()

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._system.get_key(fileobj)

    def close(self) -> None:
        self._system.close()
