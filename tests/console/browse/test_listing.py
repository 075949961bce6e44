"""The list of the browser: bounded, sorted, filtered and folded, whatever comes in which order."""

import random
from collections.abc import Iterator

import pytest
from journeys import journey

from yext.console.browse.listing import Listing, Order, has_failed
from yext.record.journey import UNKNOWN, Journey, Step, StepResult

FAILED = (Step("slow.py", 10, 1.0, StepResult.TIMED_OUT),)


def listing(*journeys: Journey, most: int = 10_000, most_bytes: int = 1 << 30) -> Listing:
    made = Listing(most, most_bytes)
    for one in journeys:
        made.add(one)
    return made


def numbers(found: Listing) -> list[int]:
    return [found[at].number for at in range(len(found))]


def done(steps: Iterator[object]) -> object:
    """Do all steps; return the last."""
    return [None, *steps][-1]


def test_messages_are_listed_in_the_order_of_their_beginning() -> None:
    assert numbers(listing(*(journey(n, "x") for n in (2, 1, 4, 3)))) == [1, 2, 3, 4]


def test_the_time_counts_and_not_the_number() -> None:
    late = journey(1, "x")
    late.when += 60
    found = listing(late, journey(2, "x"), journey(3, "x"))
    assert numbers(found) == [2, 3, 1] and found.place(1) == 2


@pytest.mark.parametrize(
    ("order", "expected"),
    [(Order.TIME, [1, 2, 3, 4]), (Order.DURATION, [2, 1, 4, 3]), (Order.NAME, [3, 1, 4, 2])],
)
def test_orders(order: Order, expected: list[int]) -> None:
    found = listing(
        journey(1, "b", took=0.2), journey(2, "d", took=0.3),
        journey(3, "a", took=UNKNOWN), journey(4, "b", took=0.1),
    )  # fmt: skip
    done(found.rebuild(order=order))
    assert numbers(found) == expected
    found.add(journey(5, "e", took=0.25))
    assert 5 in numbers(found) and sorted(numbers(found)) == [1, 2, 3, 4, 5]
    assert found.place(5) == numbers(found).index(5)


def test_no_more_is_kept_than_may_be() -> None:
    found = listing(*(journey(n, "x") for n in range(1, 26)), most=10)
    assert (numbers(found), found.kept, found.dropped) == (list(range(16, 26)), 10, 15)
    long = {"text": "x" * 60_000}
    found = listing(*(journey(n, "x", long) for n in range(1, 26)), most_bytes=200_000)
    assert found.kept == 3 and found.dropped == 22


def test_a_late_answer_is_the_same_message() -> None:
    found = listing(journey(1, "x"), journey(2, "x"))
    late = journey(1, "x", steps=(Step("slow.py", 10, 5.0, StepResult.LATE),))
    found.add(late)
    assert numbers(found) == [1, 2] and found[0] is late and found.kept == 2


def test_nested_messages_are_folded_until_they_are_shown() -> None:
    # As in a real record, what is nested ends first.
    found = listing(
        journey(3, "inner", parent=2), journey(2, "middle", parent=1), journey(1, "outer"),
        journey(4, "other"),
    )  # fmt: skip
    assert numbers(found) == [1, 4]
    assert [one.number for one in found.folded_under(1)] in ([2, 3], [3, 2])
    found.fold(1)
    assert numbers(found) == [1, 2, 4], "each level is shown by itself"
    found.fold(2)
    assert numbers(found) == [1, 2, 3, 4]
    found.fold(3)
    assert numbers(found) == [1, 2, 4], "what has nothing nested folds what it is nested in"
    found.fold_all()
    done(found.rebuild())
    assert numbers(found) == [1, 2, 3, 4]
    done(found.rebuild(order=Order.NAME))
    assert numbers(found) == [3, 2, 4, 1], "sorted by anything else nothing is folded"


def test_a_nested_message_is_listed_where_its_parent_is_not() -> None:
    found = listing(journey(2, "inner", parent=1), journey(1, "outer"))
    done(found.rebuild(lambda one: one.name == "inner"))
    assert numbers(found) == [2]
    assert numbers(listing(journey(2, "inner", parent=1))) == [2]


def test_what_was_folded_under_a_message_is_listed_when_that_is_dropped() -> None:
    found = listing(journey(1, "outer"), journey(2, "inner", parent=1), most=2)
    assert numbers(found) == [1]
    found.add(journey(3, "x"))
    assert numbers(found) == [2, 3]


def test_a_record_whose_messages_are_nested_in_each_other_does_no_harm() -> None:
    found = listing(journey(1, "a", parent=2), journey(2, "b", parent=1), journey(3, "c", parent=3))
    found.fold(1)
    done(found.rebuild())
    deep = listing()
    deep.keep(journey(n, "x", parent=n - 1) for n in range(2000, 0, -1))
    deep.fold(1)
    done(deep.rebuild())
    assert found.kept == 3 and deep.kept == 2000


def test_a_search_goes_both_ways_and_finds_what_is_folded() -> None:
    found = listing(
        journey(1, "a", steps=FAILED), journey(2, "b"), journey(4, "d", parent=3, steps=FAILED),
        journey(3, "c"), journey(5, "e"), journey(6, "f", steps=FAILED),
    )  # fmt: skip
    assert done(found.seek(1, 1, has_failed)) == 3
    assert done(found.seek(3, 1, has_failed)) == 6
    assert done(found.seek(6, 1, has_failed)) is None
    assert done(found.seek(6, -1, has_failed)) == 3
    assert done(found.neighbours(3, 1, has_failed)) == 4
    assert done(found.neighbours(6, -1, has_failed)) == 4
    assert done(found.neighbours(1, -1, has_failed)) is None


def test_another_filter_gives_up_the_one_before() -> None:
    found = listing(*(journey(n, "x" if n % 2 else "y") for n in range(1, 101)))
    first = found.rebuild(lambda one: one.name == "x")
    for _ in range(10):
        next(first)
    second = found.rebuild(lambda one: one.name == "y")
    found.add(journey(101, "x"))
    found.add(journey(102, "y"))
    done(first)
    done(second)
    assert numbers(found) == list(range(2, 103, 2))


def test_the_list_is_what_a_list_made_at_once_would_be() -> None:
    """Random messages in random order, with random changes, against the definition."""
    for seed in range(10):
        dice = random.Random(seed)
        found = Listing(60, 1 << 30)
        kept: dict[int, Journey] = {}
        names = "abc"
        wanted = set(names)
        unfolded = False
        for _ in range(200):
            number = dice.randrange(1, 150)
            if number in kept:
                continue
            one = journey(number, dice.choice(names), parent=dice.choice([0, 0, number // 2]))
            found.add(one)
            kept[number] = one
            while len(kept) > 60:
                del kept[next(iter(kept))]
            if not dice.randrange(15):
                wanted = set(dice.sample(names, 2))
                done(found.rebuild(lambda one, wanted=wanted: one.name in wanted))
            if not dice.randrange(40):
                unfolded = not unfolded
                found.fold_all()
                done(found.rebuild())
            expected = [
                number for number in sorted(kept)
                if kept[number].name in wanted and (unfolded or not _covered(number, kept, wanted))
            ]  # fmt: skip
            assert numbers(found) == expected, seed


def _covered(number: int, kept: dict[int, Journey], wanted: set[str]) -> bool:
    parent = kept[number].parent
    while parent in kept and 0 < parent < number:
        if kept[parent].name in wanted:
            return True
        number, parent = parent, kept[parent].parent
    return False
