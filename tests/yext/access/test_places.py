"""Places before login, counted for each source."""

from __future__ import annotations

from yext.access.places import PLACES, PLACES_OF_SOURCE, Places


class Someone:
    def __init__(self, source: str, last_heard: float, *, spoken: bool = False) -> None:
        self.source = source
        self.last_heard = last_heard
        self.spoken = spoken
        self.closed = False

    def close(self) -> None:
        self.closed = True


def arrive(places: Places, source: str, number: int, first: int = 0) -> list[Someone]:
    arrived = [Someone(source, first + at) for at in range(number)]
    for one in arrived:
        places.take(one)
    return arrived


def test_a_source_loses_its_own_silent_connection_that_is_idle_for_longest() -> None:
    places = Places()
    other = arrive(places, "b", 1)
    own = arrive(places, "a", PLACES_OF_SOURCE)
    own[0].spoken = True
    arrive(places, "a", 2, first=100)
    assert [one.closed for one in own[:4]] == [False, True, True, False]
    assert not other[0].closed
    assert len(places) == PLACES_OF_SOURCE + 1


def test_if_all_have_spoken_the_one_idle_for_longest_goes() -> None:
    places = Places()
    own = arrive(places, "a", PLACES_OF_SOURCE)
    for one in own:
        one.spoken = True
    own[0].last_heard = 50
    places.take(Someone("a", 51))
    assert [one.closed for one in own[:3]] == [False, True, False]


def test_without_a_place_the_source_that_has_most_loses_one() -> None:
    places = Places()
    few = arrive(places, "few", 10)
    many = arrive(places, "many", PLACES_OF_SOURCE, first=100)
    arrive(places, "others", PLACES - 10 - PLACES_OF_SOURCE, first=200)
    late = arrive(places, "late", 2, first=300)
    assert sum(one.closed for one in many) >= 1
    assert not any(one.closed for one in [*few, *late])
    assert len(places) == PLACES


def test_many_sources_with_one_place_each() -> None:
    places = Places()
    arrived = [arrive(places, f"source {at}", 1, first=at)[0] for at in range(PLACES + 1)]
    assert len(places) == PLACES
    assert sum(one.closed for one in arrived) == 1 and not arrived[-1].closed


def test_who_leaves_has_no_place_and_may_leave_again() -> None:
    places = Places()
    (one,) = arrive(places, "a", 1)
    places.leave(one)
    places.leave(one)
    assert len(places) == 0
    assert not one.closed
