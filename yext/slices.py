"""Long work in slices, so that nothing else on the event loop waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from time import perf_counter

SECONDS = 0.002
"""How long work goes on in one turn of the loop, in seconds, all of it together."""


class Slices:
    """Pieces of work, one after the other: at once while the turn of the loop has time left for
    them, and otherwise in the next turns.

    So what is little is done when `do` returns, and a thousand peers that leave in the same turn
    do not hold up the messages of the others.
    """

    def __init__(self) -> None:
        self._work: deque[Iterator[object]] = deque()
        self._until: float | None = None
        self._busy = False

    @property
    def working(self) -> bool:
        """True while there is work that is not done."""
        return bool(self._work)

    def do(self, work: Iterator[object]) -> None:
        """Do `work`, in which each step of the iterator is short, after the work that waits."""
        self._work.append(work)
        if not self._busy and len(self._work) == 1:
            self._go_on()

    def finish(self) -> None:
        """Do all that waits now."""
        while self._work and not self._busy:
            self._run(float("inf"))

    def _go_on(self) -> None:
        if self._until is None:
            self._until = perf_counter() + SECONDS
            asyncio.get_running_loop().call_soon(self._next_turn)
        self._run(self._until)

    def _next_turn(self) -> None:
        self._until = None
        if self._work:
            self._go_on()

    def _run(self, until: float) -> None:
        """Work until the time is up or all is done; work that raises is given up."""
        work = self._work
        self._busy = True
        try:
            while work:
                for _ in work[0]:
                    if perf_counter() > until:
                        return
                work.popleft()
        except BaseException:
            work.popleft()
            raise
        finally:
            self._busy = False
