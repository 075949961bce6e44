"""When a peer's answers are due, and what becomes of those that are late."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from yext import log

if TYPE_CHECKING:
    from yext.dispatcher import Dispatch, Recording
    from yext.extmodule.peer.peer import Receiver

_NEVER = float("inf")

_GRAIN = 0.005
"""Seconds between two looks for answers that are overdue."""

_OVERDUE_MAX = 100
"""Recorded messages whose answer is overdue that a peer is remembered to owe."""


class Deadlines:
    """The deadlines of the messages that one peer has, with one timer for all of them.

    Attributes:
        nearest: when they are looked at next, by the clock of the loop.
    """

    __slots__ = ("_loop", "_overdue", "_receiver", "_timer", "nearest")

    def __init__(self, receiver: Receiver) -> None:
        self.nearest = _NEVER
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._overdue: dict[str, tuple[Recording, str, float]] = {}

    def look_at(self, deadline: float) -> None:
        """Has overdue answers looked for at `deadline`, which is nearer than `nearest`."""
        self.cancel()
        self.nearest = deadline
        self._timer = self._loop.call_at(deadline, self._look)

    def cancel(self) -> None:
        """The peer is gone."""
        if self._timer is not None:
            self._timer.cancel()

    def answered_late(self, ident: str) -> None:
        """The peer answered to a message that it does not have, perhaps no longer."""
        overdue = self._overdue.pop(ident, None)
        if overdue is not None:
            journey, owner, since = overdue
            journey.late(owner, self._loop.time() - since)

    def _look(self) -> None:
        receiver, now = self._receiver, self._loop.time()
        self._timer, self.nearest = None, _NEVER
        overdue = [ident for ident, one in receiver.pending.items() if one.deadline <= now]
        for ident in overdue:
            dispatch = receiver.pending.pop(ident, None)
            if dispatch is None:
                continue
            self._remember(ident, dispatch, now)
            name = log.safe(dispatch.message.name)
            receiver.module.debug(log.WARN, f"'{receiver.label}' did not answer '{name}' in time")
            dispatch.answered(False, "timed out")
        if overdue and receiver.timebomb:
            receiver.end("timebomb")
        nearest = min((one.deadline for one in receiver.pending.values()), default=_NEVER)
        if nearest < self.nearest:
            self.look_at(max(nearest, now + _GRAIN))

    def _remember(self, ident: str, dispatch: Dispatch, now: float) -> None:
        """Has a late answer seen by those who follow the messages, as far as anybody does."""
        if dispatch.journey is not None and dispatch.handler is not None:
            if len(self._overdue) >= _OVERDUE_MAX:
                del self._overdue[next(iter(self._overdue))]
            self._overdue[ident] = (dispatch.journey, dispatch.handler.owner, now)
