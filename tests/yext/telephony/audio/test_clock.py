"""The clock of audio: it keeps pace, and does nothing without members."""

import asyncio

import pytest

from tests import timeless
from yext.telephony.audio.clock import BEAT, CATCH_UP, Clock


class Counter:
    """Counts its beats, and keeps the delay of each, measured from its first."""

    def __init__(self) -> None:
        self.beats = 0
        self.furthest = 0.0
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()

    def beat(self) -> None:
        self.beats += 1
        late = self._loop.time() - self._start - self.beats * BEAT
        self.furthest = max(self.furthest, abs(late))


def test_an_hour_of_frames_keeps_pace_within_one() -> None:
    async def hour() -> Counter:
        clock, counter = Clock(), Counter()
        clock.add(counter)
        await asyncio.sleep(3600)
        clock.remove(counter)
        return counter

    counter = timeless.run(hour())
    assert abs(counter.beats - 3600 / BEAT) <= 1
    assert counter.furthest < BEAT


def test_late_beats_are_made_up_for_at_once() -> None:
    async def held_up() -> tuple[int, int]:
        clock, counter = Clock(), Counter()
        clock.add(counter)
        await asyncio.sleep(10 * BEAT)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, timeless.TimelessLoop)
        loop.hold_up(5 * BEAT)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return counter.beats, clock.left_out

    beats, left_out = timeless.run(held_up())
    assert (beats, left_out) == (15, 0)


def test_beats_that_are_too_late_are_left_out_and_counted() -> None:
    async def asleep() -> tuple[int, int, int]:
        clock, counter = Clock(), Counter()
        clock.add(counter)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, timeless.TimelessLoop)
        loop.hold_up(100 * BEAT)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        before = counter.beats
        await asyncio.sleep(50 * BEAT)
        return before, clock.left_out, counter.beats

    before, left_out, after = timeless.run(asleep())
    assert (before, left_out) == (CATCH_UP, 100 - CATCH_UP)
    assert after - before == 50


def test_a_clock_without_members_has_no_timer() -> None:
    async def idle() -> int:
        clock, counter = Clock(), Counter()
        clock.add(counter)
        clock.remove(counter)
        clock.remove(counter)
        # Nothing is left to wake the loop: a timer would move the clock.
        loop = asyncio.get_running_loop()
        before = loop.time()
        for _ in range(10):
            await asyncio.sleep(0)
        assert loop.time() == before
        return len(clock) + counter.beats

    assert timeless.run(idle()) == 0


def test_a_member_removed_during_a_beat_gets_no_more() -> None:
    async def leaving() -> list[str]:
        clock = Clock()
        beats: list[str] = []

        class Second:
            def beat(self) -> None:
                beats.append("second")

        class First:
            def beat(self) -> None:
                beats.append("first")
                clock.remove(second)

        second = Second()
        clock.add(First())
        clock.add(second)
        await asyncio.sleep(1.5 * BEAT)
        return beats

    assert timeless.run(leaving()) == ["first"]


def test_a_member_that_fails_leaves_the_others_alone(caplog: pytest.LogCaptureFixture) -> None:
    class Failing:
        def beat(self) -> None:
            raise RuntimeError("a mistake")

    async def failing() -> tuple[int, int]:
        clock, counter = Clock(), Counter()
        clock.add(Failing())
        clock.add(counter)
        await asyncio.sleep(10 * BEAT)
        return counter.beats, len(clock)

    beats, left = timeless.run(failing())
    assert beats >= 9 and left == 1
    assert caplog.text.count("gets no more") == 1
