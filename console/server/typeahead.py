"""What a client typed ahead: it waits for its turn, and one task carries it out in its order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from console.telnet import Item

BACKLOG_MAX = 256 * 1024
"""Bytes of typed text that may wait for their turn; more are read when these are done."""


class Backlog:
    """The items that wait, and the task at work on them.

    Args:
        carry_out: deals with one item.
        may: waits until the next item may be carried out; False when none is any more.
        done: called when nothing waits, or no more is to be done, and the task has ended.
    """

    def __init__(
        self,
        carry_out: Callable[[Item], Awaitable[None]],
        *,
        may: Callable[[], Awaitable[bool]],
        done: Callable[[], None],
    ) -> None:
        self._carry_out = carry_out
        self._may = may
        self._done = done
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def full(self) -> bool:
        """Whether no more should be read for now."""
        return self._bytes > BACKLOG_MAX

    @property
    def empty(self) -> bool:
        """Whether nothing waits; something may be being carried out all the same."""
        return not self._items

    @property
    def working(self) -> bool:
        """Whether something is being carried out."""
        return self._task is not None

    def put(self, item: Item) -> None:
        """Has `item` wait for its turn."""
        self._items.append(item)
        self._bytes += _size(item)

    def go_on(self) -> None:
        """Sees to it that what waits is carried out."""
        if self._items and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    def take_all(self) -> list[Item]:
        """Leaves what waits to somebody else."""
        items = list(self._items)
        self._items.clear()
        self._bytes = 0
        return items

    def interrupt(self) -> None:
        """Forgets what waits, and interrupts what is being carried out."""
        self.take_all()
        self._cancel()

    async def end(self) -> None:
        """Ends the task and waits for it."""
        if self._task is not None:
            self._cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _work(self) -> None:
        try:
            while self._items and await self._may():
                item = self._items.popleft()
                self._bytes -= _size(item)
                await self._carry_out(item)
        finally:
            self._task = None
        self._done()


def _size(item: Item) -> int:
    return len(item) if isinstance(item, bytes) else 1
