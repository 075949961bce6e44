"""Pending answers: what is overdue is found in time, without a look at all that waits."""

import asyncio
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yext.dispatcher import Dispatch
from yext.extmodule.peer.pending import NEVER, PendingAnswers

_GRAIN = 0.005


@dataclass
class Timer:
    """A timer of `Loop`."""

    at: float
    callback: Callable[[], None]
    cancelled: bool = False

    def when(self) -> float:
        return self.at

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Loop:
    """A loop whose clock the test sets."""

    now: float = 0.0
    timers: list[Timer] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(when, callback)
        self.timers.append(timer)
        return timer

    def advance(self, to: float) -> None:
        """Set the clock, calling what is due on the way."""
        while due := [one for one in self.timers if not one.cancelled and one.at <= to]:
            timer = min(due, key=lambda one: one.at)
            self.timers.remove(timer)
            self.now = max(self.now, timer.at)
            timer.callback()
        self.now = to


class Waiting:
    """Stands in for a dispatch, and counts the looks at its deadline."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self.looks = 0

    @property
    def deadline(self) -> float:
        self.looks += 1
        return self._deadline


class Answerer:
    """What a peer does with its pending answers."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.pending = PendingAnswers()
        self.overdue: list[str] = []
        self.timeout = 10.0
        self._number = 0

    def add(self) -> Waiting:
        self._number += 1
        deadline = self.loop.now + self.timeout if self.timeout > 0 else NEVER
        waiting = Waiting(deadline)
        ident = str(self._number)
        self.pending.waiting[ident] = cast(Dispatch, waiting)
        if deadline < self.pending.nearest:
            self.pending.watch(ident, deadline, self._due)
        return waiting

    def set_timeout(self, seconds: float) -> None:
        if seconds > 0 and (self.timeout <= 0 or seconds < self.timeout):
            self.pending.timeout_shortened()
        self.timeout = seconds

    def _due(self) -> None:
        now = self.loop.now
        self.overdue += [ident for ident, _ in self.pending.take_overdue(now)]
        self.pending.watch_next(now, self._due)


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    loop = Loop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    return loop


def test_a_look_ends_at_the_first_that_is_not_overdue(loop: Loop) -> None:
    answerer = Answerer(loop)
    first = answerer.add()
    loop.now = 1.0
    rest = [answerer.add() for _ in range(1000)]
    loop.advance(10.5)
    assert answerer.overdue == ["1"]
    assert first.looks == 1
    assert sum(one.looks for one in rest) == 2, "for the end of the look, and for the next timer"


def test_one_timer_is_set_for_many_deadlines(loop: Loop) -> None:
    answerer = Answerer(loop)
    for _ in range(100):
        answerer.add()
        loop.now += 0.01
    assert len(loop.timers) == 1


def test_a_shorter_timeout_counts_before_older_dispatches(loop: Loop) -> None:
    answerer = Answerer(loop)
    answerer.add()
    answerer.set_timeout(2)
    answerer.add()
    answerer.add()
    loop.advance(3)
    assert answerer.overdue == ["2", "3"]
    loop.advance(11)
    assert answerer.overdue == ["2", "3", "1"]


def test_answered_dispatches_do_not_pile_up_behind_one_that_waits_for_ever(loop: Loop) -> None:
    answerer = Answerer(loop)
    answerer.set_timeout(0)
    answerer.add()
    answerer.set_timeout(5)
    tracemalloc.start()
    for _ in range(20_000):
        answerer.add()
        del answerer.pending.waiting[next(reversed(answerer.pending.waiting))]
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 100_000


Step = tuple[str, float]

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.just(0.0)),
        st.tuples(st.just("timeout"), st.sampled_from([0.0, 0.5, 1.0, 3.0, 10.0])),
        st.tuples(st.just("answer"), st.floats(0, 1, exclude_max=True)),
        st.tuples(st.just("advance"), st.sampled_from([0.1, 0.7, 2.0])),
    ),
    min_size=20,
    max_size=60,
)


@given(STEPS)
def test_nothing_stays_longer_than_its_timeout_and_nothing_goes_earlier(steps: list[Step]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        loop = Loop()
        patch.setattr(asyncio, "get_running_loop", lambda: loop)
        answerer = Answerer(loop)
        deadlines: dict[str, float] = {}
        for step, value in steps:
            if step == "add":
                answerer.add()
                newest = next(reversed(answerer.pending.waiting))
                deadlines[newest] = answerer.pending.waiting[newest].deadline
            elif step == "timeout":
                answerer.set_timeout(value)
            elif step == "answer" and answerer.pending.waiting:
                idents = list(answerer.pending.waiting)
                del answerer.pending.waiting[idents[int(value * len(idents))]]
            elif step == "advance":
                loop.advance(loop.now + value)
            for ident in answerer.pending.waiting:
                assert deadlines[ident] > loop.now - _GRAIN
        assert all(deadlines[ident] <= loop.now for ident in answerer.overdue)
        assert len(set(answerer.overdue)) == len(answerer.overdue)
