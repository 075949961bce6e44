"""The dispatches that wait for a peer's answer, and the time by which each is due."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yext.dispatcher import Dispatch, Recording

NEVER = float("inf")
"""The deadline of a dispatch whose answer may take any time."""

_GRAIN = 0.005
"""Seconds between two looks for overdue answers."""

_LATE_MAX = 100
"""Recorded dispatches that are remembered after their time was up, in case they are answered."""

_STALE_MAX = 64
"""Answered dispatches that `PendingAnswers` keeps in its heap, beside as many as are pending."""


class _Draining(dict[str, "Dispatch"]):
    """Dispatches of which no more come, with a function to call once there are none.

    It stands in for the plain dictionary, whose removals are in the way of every message.
    """

    def __init__(self, waiting: dict[str, Dispatch], empty: Callable[[], None]) -> None:
        super().__init__(waiting)
        self._empty = empty

    def __delitem__(self, ident: str) -> None:
        super().__delitem__(ident)
        self._removed()

    def pop(self, ident: str, *default: Any) -> Any:
        found = super().pop(ident, *default)
        self._removed()
        return found

    def _removed(self) -> None:
        if not self:
            asyncio.get_running_loop().call_soon(self._empty)


class PendingAnswers:
    """The dispatches that wait for one peer's answer.

    The peer adds dispatches to `waiting` and removes them there; most messages cost no more than
    that. One timer serves all deadlines. As long as the timeout is not shortened, the oldest
    dispatch is due first, and a look for overdue ones ends at the first that is not. Dispatches
    that are due before older ones are in a heap as well.

    Attributes:
        waiting: the dispatches by their id, oldest first.
        nearest: a dispatch with an earlier deadline than this, by the loop's clock, has to be
            announced by `watch`.
    """

    __slots__ = ("_early", "_in_order_from", "_late", "_timer", "nearest", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[str, Dispatch] = {}
        self.nearest = NEVER
        self._timer: asyncio.TimerHandle | None = None
        self._early: list[tuple[float, str]] | None = None
        self._in_order_from = 0.0
        self._late: dict[str, tuple[Recording, str, float]] | None = None

    def oldest(self) -> Dispatch | None:
        """Return the dispatch that has waited longest, None if there is none."""
        return next(iter(self.waiting.values()), None)

    def when_empty(self, empty: Callable[[], None]) -> None:
        """Call `empty` in a later turn of the loop once none are left; no more may be added."""
        if self.waiting:
            self.waiting = _Draining(self.waiting, empty)
        else:
            asyncio.get_running_loop().call_soon(empty)

    def take_all(self) -> Iterator[Dispatch]:
        """Remove all dispatches, one after the other, oldest first."""
        # Not the first again and again: a dictionary passes over all that was removed before it.
        for ident in list(self.waiting):
            dispatch = self.waiting.pop(ident, None)
            if dispatch is not None:
                yield dispatch

    def watch(self, ident: str, deadline: float, due: Callable[[], None]) -> None:
        """Call `due` once the dispatch `ident` is overdue, at `deadline`."""
        if deadline < self._in_order_from:
            self._add_early(deadline, ident)
        else:
            self._in_order_from = 0.0
        self._call_at(deadline, due)

    def timeout_shortened(self) -> None:
        """Expect dispatches that are due before those that are pending now."""
        if self.waiting:
            newest = next(reversed(self.waiting.values()))
            self._in_order_from = max(self._in_order_from, newest.deadline)
            self.nearest = NEVER

    def take_overdue(self, now: float) -> Iterator[tuple[str, Dispatch]]:
        """Remove the dispatches that are overdue at `now`, one after the other, with their ids.

        To be called by `due`, which then calls `watch_next`. Answers may come meanwhile.
        """
        self._timer, self.nearest = None, NEVER
        overdue: list[str] = []
        for ident, dispatch in self.waiting.items():
            if dispatch.deadline > now:
                break
            overdue.append(ident)
        while self._early and self._early[0][0] <= now:
            overdue.append(heapq.heappop(self._early)[1])
        for ident in overdue:
            if ident in self.waiting:
                yield ident, self.waiting.pop(ident)

    def watch_next(self, now: float, due: Callable[[], None]) -> None:
        """Call `due` at the next deadline, if there is one."""
        while self._early and self._early[0][1] not in self.waiting:
            heapq.heappop(self._early)
        oldest = self.oldest()
        deadline = NEVER if oldest is None else oldest.deadline
        if self._early:
            deadline = min(deadline, self._early[0][0])
        if deadline < NEVER:
            self._call_at(max(deadline, now + _GRAIN), due)

    def cancel(self) -> None:
        """Call `due` no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _call_at(self, when: float, due: Callable[[], None]) -> None:
        if self._timer is None or when < self._timer.when():
            self.cancel()
            self._timer = asyncio.get_running_loop().call_at(when, due)
        self.nearest = NEVER if self._in_order_from else self._timer.when()

    def _add_early(self, deadline: float, ident: str) -> None:
        early = self._early or []
        if len(early) > 2 * len(self.waiting) + _STALE_MAX:
            early = [entry for entry in early if entry[1] in self.waiting]
            heapq.heapify(early)
        heapq.heappush(early, (deadline, ident))
        self._early = early

    # Answers that come late

    def remember(self, ident: str, dispatch: Dispatch, now: float) -> None:
        """Keep an overdue dispatch that is being recorded, for an answer that comes late."""
        if dispatch.journey is None or dispatch.handler is None:
            return
        late = self._late = self._late or {}
        if len(late) >= _LATE_MAX:
            del late[next(iter(late))]
        late[ident] = (dispatch.journey, dispatch.handler.owner, now)

    def record_late(self, ident: str) -> None:
        """Record that the dispatch `ident`, which is not pending, was answered late."""
        overdue = self._late.pop(ident, None) if self._late else None
        if overdue is not None:
            journey, owner, since = overdue
            journey.late(owner, asyncio.get_running_loop().time() - since)
