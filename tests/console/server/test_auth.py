"""Authority on a listener: passwords, guesses, what users may give."""

from __future__ import annotations

import asyncio

import pytest

from console.server.auth import (
    GUESSES,
    Credentials,
    Guard,
    TooManyGuessesError,
    UserCommands,
)
from console.session.authority import Authority
from yext.record.posix import basic_regex


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


async def wrong() -> Authority | None:
    return None


async def right() -> Authority | None:
    return Authority.ADMIN


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
        assert await guarded.check("5.6.7.8", right) is Authority.ADMIN
        clock.now += refused.value.seconds + 1
        assert await guarded.check("1.2.3.4", right) is Authority.ADMIN

    asyncio.run(guess())


def test_a_right_password_does_not_free_the_guesses_of_the_minute() -> None:
    async def guess() -> None:
        guarded, _ = guard()
        for _ in range(GUESSES - 1):
            await guarded.check("a", wrong)
            assert await guarded.check("a", right) is Authority.ADMIN
        await guarded.check("a", wrong)
        with pytest.raises(TooManyGuessesError):
            await guarded.check("a", right)

    asyncio.run(guess())


def test_many_at_once_are_looked_at_one_after_the_other() -> None:
    looked_at = 0

    async def count() -> Authority | None:
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


@pytest.mark.parametrize(
    ("admin", "user", "given", "found"),
    [
        ("p", "u", "p", Authority.ADMIN),
        ("p", "u", "u", Authority.USER),
        ("p", "u", "x", None),
        ("x", "x", "x", Authority.ADMIN),
        ("", "u", "", None),
        ("p", "", "", None),
        ("", "", "", None),
        ("pä\udcff", "", "pä\udcff", Authority.ADMIN),
    ],
)
def test_credentials(admin: str, user: str, given: str, found: Authority | None) -> None:
    assert asyncio.run(Credentials(admin, user).authority_of(given)) is found


def test_user_prefix_is_matched_by_whole_words() -> None:
    may = UserCommands(("drop", "status engine"), None)
    assert may("drop")
    assert may("drop  x/1")
    assert may("status   engine x")
    assert not may("dropx y")
    assert not may("status")
    assert not may("external execute x")


def test_user_regexp_is_searched_for_in_the_whole_line() -> None:
    may = UserCommands((), basic_regex(r"^\(drop a\|vers\)\|engine$"))
    assert may("drop abc")
    assert may("version")
    assert may("status engine")
    assert not may("drop xyz")
    assert not UserCommands((), None)("version")
