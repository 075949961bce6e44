"""Guesses of passwords: they take longer and longer, and are limited for each source."""

from __future__ import annotations

import asyncio

import pytest

from yext.access.guard import GUESSES, Guard
from yext.errors import TooManyGuessesError


class Clock:
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


async def wrong() -> str | None:
    return None


async def right() -> str | None:
    return "admin"


def guard() -> tuple[Guard, Clock]:
    clock = Clock()
    return Guard(clock, clock.sleep), clock


def test_delays_double_and_no_more_than_five_are_looked_at() -> None:
    async def guess() -> None:
        guarded, clock = guard()
        for _ in range(GUESSES):
            assert await guarded.check("1.2.3.4", wrong) is None
        assert clock.slept == [0.5, 1.0, 2.0, 4.0]
        with pytest.raises(TooManyGuessesError) as refused:
            await guarded.check("1.2.3.4", right)
        assert 50 < refused.value.seconds <= 60
        assert await guarded.check("5.6.7.8", right) == "admin"
        clock.now += refused.value.seconds + 1
        assert await guarded.check("1.2.3.4", right) == "admin"

    asyncio.run(guess())


def test_a_right_password_does_not_free_the_guesses_of_the_minute() -> None:
    async def guess() -> None:
        guarded, _ = guard()
        for _ in range(GUESSES - 1):
            await guarded.check("a", wrong)
            assert await guarded.check("a", right) == "admin"
        await guarded.check("a", wrong)
        with pytest.raises(TooManyGuessesError):
            await guarded.check("a", right)

    asyncio.run(guess())


def test_many_at_once_are_looked_at_one_after_the_other() -> None:
    looked_at = 0

    async def count() -> str | None:
        nonlocal looked_at
        looked_at += 1
        await asyncio.sleep(0)
        return None

    async def guess() -> None:
        guarded, clock = guard()
        done = await asyncio.gather(
            *(guarded.check("a", count) for _ in range(100)), return_exceptions=True
        )
        assert sum(isinstance(one, TooManyGuessesError) for one in done) == 100 - GUESSES
        assert len(clock.slept) == GUESSES - 1, "those past the limit are refused at once"

    asyncio.run(guess())
    assert looked_at == GUESSES


def test_sources_are_forgotten() -> None:
    async def guess() -> None:
        guarded, clock = guard()
        for number in range(4200):
            await guarded.check(f"10.0.{number}", wrong)
        assert len(guarded._sources) == 4096
        clock.now += 3600
        await guarded.check("new", wrong)
        assert len(guarded._sources) == 1

    asyncio.run(guess())
