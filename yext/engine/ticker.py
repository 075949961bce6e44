"""``engine.timer`` at each full second, and the rate of messages."""

from __future__ import annotations

import asyncio
import time

from yext.bus import Bus
from yext.dispatcher import Dispatch
from yext.message import SystemMessage


class Ticker:
    """Sends ``engine.timer`` at each full second, as Yate does.

    Args:
        bus: the engine's bus.

    Attributes:
        rate: the number of messages dispatched in the last full second.
        max_rate: the largest rate so far.
    """

    def __init__(self, bus: Bus) -> None:
        self.rate = self.max_rate = 0
        self._bus = bus
        self._dispatched = 0
        self._next = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Send the first one at the next full second."""
        now = time.time()
        self._next = int(now) + 1
        self._timer = asyncio.get_running_loop().call_later(self._next - now, self._tick)

    def stop(self) -> None:
        """Send no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        now = time.time()
        if now >= self._next:  # The loop's clock may run ahead of the system's.
            self.send(int(now))
        self.start()

    def send(self, seconds: int) -> None:
        """Send the one of a full second, in seconds since 1970."""
        dispatcher = self._bus.dispatcher
        params = {"time": str(seconds), "nodename": self._bus.node}
        message = SystemMessage("engine.timer", params, time=seconds)
        dispatcher.start(Dispatch(dispatcher, message, None))
        self.rate = dispatcher.dispatched - self._dispatched
        self._dispatched = dispatcher.dispatched
        self.max_rate = max(self.max_rate, self.rate)
