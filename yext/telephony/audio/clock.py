"""The clock that paces audio: one timer for all sources of an engine.

It beats every 20 ms while it has members, and does nothing otherwise. Beats are counted from the
first one, so that a late beat does not delay those after it.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from yext.log import logger

BEAT: Final = 0.02
"""Seconds from one beat to the next: the length of an audio frame."""

CATCH_UP: Final = 10
"""Beats made up for at once after the loop was blocked; more are left out."""


class Beating(Protocol):
    """A member of the clock."""

    def beat(self) -> None:
        """Give or take the frame that is due."""


class Clock:
    """Beats for its members, in the order in which they were added.

    Attributes:
        left_out: the number of beats left out because the loop was blocked for too long.
    """

    def __init__(self) -> None:
        self.left_out = 0
        self._loop = asyncio.get_running_loop()
        self._members: dict[Beating, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._start = 0.0
        self._done = 0

    def add(self, member: Beating) -> None:
        """Add a member, from the next beat on."""
        self._members[member] = None
        if self._timer is None:
            self._start, self._done = self._loop.time(), 0
            self._arm()

    def remove(self, member: Beating) -> None:
        """Remove a member, if it is one."""
        self._members.pop(member, None)
        if not self._members and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __len__(self) -> int:
        return len(self._members)

    def _arm(self) -> None:
        self._timer = self._loop.call_at(self._start + (self._done + 1) * BEAT, self._beat)

    def _beat(self) -> None:
        # Timers fire early by up to the clock's resolution: rounding keeps that from losing a beat.
        due = int((self._loop.time() - self._start) / BEAT + 0.5) - self._done
        if due > CATCH_UP:
            self.left_out += due - CATCH_UP
            self._done += due - CATCH_UP
            due = CATCH_UP
        for _ in range(due):
            self._done += 1
            for member in tuple(self._members):
                if member in self._members:
                    self._beat_one(member)
        if self._members:
            self._arm()

    def _beat_one(self, member: Beating) -> None:
        try:
            member.beat()
        except Exception:
            # A mistake in one member must not silence all others.
            logger.exception("%r failed with a frame, and gets no more", member)
            self.remove(member)
