"""The clock of an engine under test: any speed, exact steps, and real time beside it."""

import asyncio
import time

import pytest

from yext.testing.kit.clock import Clock


class Timers:
    """Timers of a loop that write down the time at which they fire."""

    def __init__(self, clock: Clock, *delays: float) -> None:
        loop = asyncio.get_running_loop()
        self.began = clock.time()
        self.fired: list[float] = []
        for delay in delays:
            loop.call_at(self.began + delay, lambda: self.fired.append(clock.time() - self.began))


def test_each_timer_fires_at_its_time() -> None:
    clock = Clock(0)

    async def play() -> tuple[list[float], float]:
        timers = Timers(clock, 3.0, 0.5, 10.0, 10.5)
        await clock.advance(10)
        return timers.fired, clock.time() - timers.began

    with asyncio.Runner(loop_factory=clock.new_loop) as runner:
        fired, went_by = runner.run(play())
    assert fired == pytest.approx([0.5, 3.0, 10.0])
    assert went_by == pytest.approx(10)


def test_a_timer_that_another_one_sets_fires_within_the_step() -> None:
    clock = Clock(0)
    fired = []

    async def play() -> None:
        loop = asyncio.get_running_loop()

        def again(count: int) -> None:
            fired.append(count)
            loop.call_later(1, again, count + 1)

        loop.call_later(1, again, 1)
        await clock.advance(1000)

    began = time.monotonic()
    with asyncio.Runner(loop_factory=clock.new_loop) as runner:
        runner.run(play())
    assert fired == list(range(1, 1001))
    assert time.monotonic() - began < 900


def test_a_clock_that_stands_still_has_real_alarms() -> None:
    clock = Clock(0)

    async def play() -> float:
        began = clock.time()
        late = asyncio.get_running_loop().call_later(1e-6, lambda: pytest.fail("it fired"))
        await clock.sleep(0.01)
        late.cancel()
        return clock.time() - began

    with asyncio.Runner(loop_factory=clock.new_loop) as runner:
        assert runner.run(play()) == 0


def test_the_time_of_day_goes_with_the_clock() -> None:
    clock = Clock(0)

    async def play() -> float:
        before = clock.now()
        await clock.advance(3600)
        return clock.now() - before

    assert abs(clock.now() - time.time()) < 1
    with asyncio.Runner(loop_factory=clock.new_loop) as runner:
        assert runner.run(play()) == pytest.approx(3600)


def test_a_fast_clock_waits_a_part_of_the_time() -> None:
    clock = Clock(1000)

    async def play() -> float:
        began = time.monotonic()
        await asyncio.sleep(100)
        return time.monotonic() - began

    with asyncio.Runner(loop_factory=clock.new_loop) as runner:
        assert runner.run(play()) < 50


def test_a_fast_clock_runs_as_the_systems_while_a_script_works() -> None:
    clock = Clock(1000)
    clock.is_busy = lambda: True

    async def play() -> tuple[float, float]:
        await asyncio.sleep(0.001)
        began, real = clock.time(), time.monotonic()
        await clock.sleep(0.05)
        return clock.time() - began, time.monotonic() - real

    with asyncio.Runner(loop_factory=clock.new_loop) as runner:
        went_by, real = runner.run(play())
    assert went_by == pytest.approx(real, abs=1.0)


def test_a_speed_is_not_negative() -> None:
    with pytest.raises(ValueError, match="not negative"):
        Clock().speed = -1
