"""Input that a client sent ahead: it waits for its turn, and one task handles it in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from yext.console.telnet import IP, Command, Item

_CONTROL_C = b"\x03"


class TypeAhead:
    """The items of input that wait, and the task that handles them.

    Args:
        handle: handles one item.
        ready: waits until the next item may be handled; returns False if none may any more.
        idle: called when the task has ended: nothing waits, or no more may be handled.
    """

    def __init__(
        self,
        handle: Callable[[Item], Awaitable[None]],
        *,
        ready: Callable[[], Awaitable[bool]],
        idle: Callable[[], None],
    ) -> None:
        self._handle = handle
        self._ready = ready
        self._idle = idle
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def size(self) -> int:
        """How much waits, in bytes."""
        return self._bytes

    @property
    def empty(self) -> bool:
        """Whether nothing waits; an item may be being handled all the same."""
        return not self._items

    @property
    def working(self) -> bool:
        """Whether an item is being handled."""
        return self._task is not None

    def put(self, item: Item) -> None:
        """Add an item at the end."""
        self._items.append(item)
        self._bytes += _size(item)

    def start(self) -> None:
        """Handle what waits, unless the task is at work already."""
        if self._items and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    def take_all(self) -> list[Item]:
        """Return what waits, and forget it."""
        items = list(self._items)
        self._items.clear()
        self._bytes = 0
        return items

    def interrupt(self, item: Item) -> Item:
        """Cancel what is being handled, and forget what waits up to the interrupt in `item`.

        Returns:
            What follows the interrupt in `item`.
        """
        self.take_all()
        self._cancel()
        return item.rpartition(_CONTROL_C)[2] if isinstance(item, bytes) else b""

    def abandon(self) -> None:
        """Handle nothing any more: what is being handled is given up, unless it asks for this."""
        self.take_all()
        if self._task is not asyncio.current_task():
            self._cancel()

    async def stop(self) -> None:
        """Cancel the task and wait for its end."""
        if self._task is not None:
            self._cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _work(self) -> None:
        try:
            while self._items and await self._ready():
                item = self._items.popleft()
                self._bytes -= _size(item)
                await self._handle(item)
        finally:
            self._task = None
        self._idle()


def is_interrupt(item: Item) -> bool:
    """Return whether `item` holds ^C, or is telnet's command for it."""
    return item == Command(IP) or (isinstance(item, bytes) and _CONTROL_C in item)


def _size(item: Item) -> int:
    return len(item) if isinstance(item, bytes) else 1
