"""Counts by name: the number of names is bounded, and no number decreases."""

from collections.abc import Iterable

from yext.measures.counts import NAMES_MAX, OTHER, Busiest, Counts


def count(busiest: Busiest, names: Iterable[str]) -> None:
    """Count messages as the dispatcher does."""
    for name in names:
        try:
            busiest.fresh[name].number += 1
        except KeyError:
            busiest.new(name)


def test_the_first_names_are_told_apart() -> None:
    counts = Counts()
    for number in range(NAMES_MAX + 5):
        counts.add(f"script{number}", 2)
    counts.add("script0")
    numbers = counts.numbers()
    assert len(numbers) == NAMES_MAX + 1
    assert (numbers["script0"], numbers["script1"], numbers[OTHER]) == (3, 2, 10)


def test_names_are_safe_and_short() -> None:
    counts = Counts()
    counts.add("a\x1b[2J\udcff")
    counts.add("x" * 5000)
    counts.add("x" * 6000)
    assert counts.numbers() == {"a\\x1b[2J\\xff": 1, "x" * 99 + "…": 2}


def test_the_busiest_names_are_told_apart_whenever_they_come() -> None:
    busiest = Busiest()
    count(busiest, (f"name{number}" for number in range(NAMES_MAX + 50)))
    before = busiest.numbers()
    assert len(before) == NAMES_MAX + 1
    assert sum(before.values()) == NAMES_MAX + 50
    count(busiest, ["late"] * 1000)
    after = busiest.numbers()
    assert after["late"] == 1000
    assert len(after) == NAMES_MAX + 1
    assert sum(after.values()) == sum(before.values()) + 1000 - 1  # One name gave its place up.


def test_what_was_counted_among_the_others_stays_there() -> None:
    busiest = Busiest()
    count(busiest, [f"name{number}" for number in range(NAMES_MAX)] * 3)
    count(busiest, ["slow"] * 2)
    assert busiest.numbers()[OTHER] == 2
    count(busiest, ["slow"] * 10)
    numbers = busiest.numbers()
    assert (numbers["slow"], numbers[OTHER]) == (10, 2)


def test_names_without_end_take_no_memory() -> None:
    busiest = Busiest()
    count(busiest, ["real"] * 10)
    count(busiest, (f"invented{number}" for number in range(20_000)))
    numbers = busiest.numbers()
    assert numbers["real"] == 10
    assert len(numbers) == NAMES_MAX + 1
    assert len(busiest._all) <= 2000
    assert not busiest.fresh
