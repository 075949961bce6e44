"""Turns of the event loop for connections that have not authenticated."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Turns:
    """Gives one turn of the event loop to one waiting connection after the other.

    So a thousand guests together take no more of each turn than one guest does.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._scheduled = False

    def call(self, work: Callable[[], None]) -> None:
        """Call `work` when its turn has come, in one of the next turns of the loop."""
        self._waiting.append(work)
        self._schedule()

    async def next(self) -> None:
        """Wait for a turn."""
        turn = asyncio.get_running_loop().create_future()
        self.call(lambda: None if turn.done() else turn.set_result(None))
        await turn

    def _schedule(self) -> None:
        if self._waiting and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._scheduled = False
        work = self._waiting.popleft()
        self._schedule()
        work()
