"""The clock that audio is paced by: one timer for all that plays in an engine.

It beats every 20 ms while somebody listens to it and does nothing at all otherwise. Beats lie on
a grid that is counted from the first one, so that a late one does not make the next ones late.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from yext.log import logger

BEAT: Final = 0.02
"""Seconds from one beat to the next: the length of an audio frame."""

CATCH_UP: Final = 10
"""Beats that are made up for at once after the loop was held up; more are left out."""


class Beating(Protocol):
    """What can be added to the clock."""

    def beat(self) -> None:
        """A frame is due."""


class Clock:
    """Beats for all that was added, in the order of addition.

    Attributes:
        left_out: beats that were left out because the loop had been held up for too long.
    """

    def __init__(self) -> None:
        self.left_out = 0
        self._loop = asyncio.get_running_loop()
        self._beating: dict[Beating, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._start = 0.0
        self._done = 0

    def add(self, listener: Beating) -> None:
        """Has `listener` beat from the next beat on."""
        self._beating[listener] = None
        if self._timer is None:
            self._start, self._done = self._loop.time(), 0
            self._arm()

    def remove(self, listener: Beating) -> None:
        """Ends what `add` began; nothing happens where it did not."""
        self._beating.pop(listener, None)
        if not self._beating and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __len__(self) -> int:
        return len(self._beating)

    def _arm(self) -> None:
        self._timer = self._loop.call_at(self._start + (self._done + 1) * BEAT, self._beat)

    def _beat(self) -> None:
        # Timers fire up to the clock's resolution early; the half keeps that from losing a beat.
        due = int((self._loop.time() - self._start) / BEAT + 0.5) - self._done
        if due > CATCH_UP:
            self.left_out += due - CATCH_UP
            self._done += due - CATCH_UP
            due = CATCH_UP
        for _ in range(due):
            self._done += 1
            for listener in tuple(self._beating):
                if listener in self._beating:
                    self._tell(listener)
        if self._beating:
            self._arm()

    def _tell(self, listener: Beating) -> None:
        try:
            listener.beat()
        except Exception:
            # A mistake in one of them must not silence all the others.
            logger.exception("%r failed with a frame, and gets no more", listener)
            self.remove(listener)
