"""Long work in slices: at once while there is time, in order, and with others between."""

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest

from yext import slices
from yext.slices import Slices


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock takes half a millisecond: four steps are a slice."""
    looks = count()
    monkeypatch.setattr(slices, "perf_counter", lambda: next(looks) * 0.0005)


def steps(done: list[str], name: str, number: int) -> Iterator[None]:
    for step in range(number):
        done.append(f"{name}{step}")
        yield


def test_short_work_is_done_at_once() -> None:
    async def main() -> None:
        done: list[str] = []
        Slices().do(steps(done, "a", 3))
        assert done == ["a0", "a1", "a2"]

    asyncio.run(main())


def test_long_work_lets_others_go_on() -> None:
    async def main() -> None:
        done: list[str] = []
        work = Slices()
        work.do(steps(done, "a", 12))
        for turn in range(4):
            done.append(f"turn {turn}")
            await asyncio.sleep(0)
        assert [one for one in done if one[0] == "a"] == [f"a{step}" for step in range(12)]
        assert done.index("turn 1") < done.index("a11")

    asyncio.run(main())


def test_what_comes_in_one_turn_shares_its_time_and_keeps_its_order() -> None:
    async def main() -> None:
        done: list[str] = []
        work = Slices()
        for name in "abc":
            work.do(steps(done, name, 4))
        assert "c0" not in done
        while len(done) < 12:
            await asyncio.sleep(0)
        assert done == [f"{name}{step}" for name in "abc" for step in range(4)]

    asyncio.run(main())


def test_work_that_raises_is_given_up_and_the_next_is_done() -> None:
    def bad() -> Iterator[None]:
        yield
        raise ValueError("bad")

    async def main() -> None:
        done: list[str] = []
        work = Slices()
        with pytest.raises(ValueError, match="bad"):
            work.do(bad())
        work.do(steps(done, "a", 2))
        assert done == ["a0", "a1"]

    asyncio.run(main())


def test_work_that_work_brings_is_done_after_it() -> None:
    done: list[str] = []
    work = Slices()

    def first() -> Iterator[None]:
        work.do(steps(done, "second", 2))
        assert not done
        yield
        done.append("first")

    async def main() -> None:
        work.do(first())
        work.finish()

    asyncio.run(main())
    assert done == ["first", "second0", "second1"]


def test_finish_does_all_that_waits() -> None:
    async def main() -> None:
        done: list[str] = []
        work = Slices()
        work.do(steps(done, "a", 100))
        assert len(done) < 100
        work.finish()
        assert len(done) == 100

    asyncio.run(main())
