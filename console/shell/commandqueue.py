"""Command lines that are carried out one after the other, in the order they were given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

_SLOW_SECONDS = 0.5
"""How long a line may take before it counts as slow."""


class CommandQueue:
    """The command line that is carried out now, and those that wait for it.

    Args:
        execute: carries out one line.
        begun: called with a line before it is carried out.
        ended: called with a line and its task, which is done or was cancelled.
        slow: called when a line takes long, so that the operator can be shown which.

    Attributes:
        running: the line that is carried out, empty for none.
        is_slow: whether it has taken long.
    """

    def __init__(
        self,
        execute: Callable[[str], Coroutine[Any, Any, None]],
        *,
        begun: Callable[[str], None],
        ended: Callable[[str, asyncio.Task[None]], None],
        slow: Callable[[], None],
    ) -> None:
        self.running = ""
        self.is_slow = False
        self._execute = execute
        self._begun = begun
        self._ended = ended
        self._slow = slow
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many lines wait for the one that is carried out."""
        return self._lines.qsize()

    def put(self, line: str) -> None:
        """Add a line at the end."""
        self._lines.put_nowait(line)

    def interrupt(self) -> bool:
        """Cancel the running line and forget those that wait; return False if none runs."""
        if self._task is None:
            return False
        while not self._lines.empty():
            self._lines.get_nowait()
        self._task.cancel()
        return True

    async def run_next(self) -> None:
        """Wait for a line and carry it out."""
        line = self.running = await self._lines.get()
        self._begun(line)
        loop = asyncio.get_running_loop()
        slow = loop.call_later(_SLOW_SECONDS, self._note_slow)
        self._task = loop.create_task(self._execute(line))
        try:
            await asyncio.wait({self._task})
            self._ended(line, self._task)
        finally:
            slow.cancel()
            self._task.cancel()
            self._task, self.running, self.is_slow = None, "", False

    def _note_slow(self) -> None:
        self.is_slow = True
        self._slow()
