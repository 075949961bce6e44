"""Event loops whose clock the test owns: one jumps to the next timer, one is in a hurry."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Tells what is ready at once, and has the clock moved on where it would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
        return ready


class TimelessLoop(asyncio.SelectorEventLoop):
    """The loop; it jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        self._own = _Selector()
        super().__init__(self._own)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._own.now

    def hold_up(self, seconds: float) -> None:
        """As if something had blocked the loop for so long."""
        self._own.now += seconds


class HurriedLoop(asyncio.SelectorEventLoop):
    """The loop of one for whom time runs so many times as fast; its processes' does not."""

    def __init__(self, times: float) -> None:
        self._times = times
        super().__init__(_HurriedSelector(times))

    def time(self) -> float:
        return super().time() * self._times


class _HurriedSelector(selectors.DefaultSelector):
    def __init__(self, times: float) -> None:
        super().__init__()
        self._times = times

    def select(self, timeout: float | None = None) -> Any:
        return super().select(timeout / self._times if timeout else timeout)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs `main` on a loop of its own, in no time."""
    with asyncio.Runner(loop_factory=TimelessLoop) as runner:
        return runner.run(main)
