"""Which messages are of which call."""

import random

import pytest
from journeys import call_of, journey

from yext.ladder.calls import calls_of, find_call
from yext.record.journey import Journey


def numbers(found: list[Journey]) -> list[int]:
    return [one.number for one in found]


def test_messages_are_in_the_order_of_their_beginning_whatever_their_numbers() -> None:
    record = call_of("phone/1", "a.py", "a/1")
    record[0].when, record[1].when = record[1].when, record[0].when
    assert [numbers(one.messages) for one in calls_of(record)] == [[2, 1, 3]]


def test_two_calls_and_messages_of_none() -> None:
    first, second = call_of("phone/1", "a.py", "a/1"), call_of("phone/2", "b.py", "b/1", 11)
    record = [*first, *second, journey(20, "user.auth", {"username": "bob"})]
    random.Random(7).shuffle(record)
    assert [numbers(one.messages) for one in calls_of(record)] == [[1, 2, 3], [11, 12, 13]]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("phone/1", 1), ("a/1", 1), ("b-phone/1", 1), ("3", 1), ("#3", 1),
        ("phone/2", 11), ("b-phone/2", 11), ("12", 11),
        ("nobody", None), ("99", None), ("#", None), ("", None),
        ("9" * 5000, None),
    ],
)  # fmt: skip
def test_a_call_is_found_by(wanted: str, found: int | None) -> None:
    record = [*call_of("phone/1", "a.py", "a/1"), *call_of("phone/2", "b.py", "b/1", 11)]
    call = find_call(calls_of(record), wanted)
    assert (call.messages[0].number if call is not None else None) == found


CARRIED = {
    "billid": {"billid": "b-phone/1"},
    "id": {"id": "phone/1"},
    "targetid": {"targetid": "a/1"},
    "peerid": {"peerid": "a/1"},
    "notify": {"notify": "phone/1"},
}
"""A message's parameters, by the one that tells its call."""


@pytest.mark.parametrize("name", CARRIED)
def test_a_message_belongs_to_the_call_whose_id_it_carries(name: str) -> None:
    record = [*call_of("phone/1", "a.py", "a/1"), journey(9, "any.message", CARRIED[name])]
    assert [numbers(one.messages) for one in calls_of(record)] == [[1, 2, 3, 9]]


def test_an_id_that_a_handler_adds_counts() -> None:
    routed = journey(9, "call.route", {"called": "9"}, after={"targetid": "phone/1"}, by="r.py")
    assert calls_of([*call_of("phone/1", "a.py", "a/1"), routed])[0].messages[-1] is routed


def test_an_id_that_no_message_about_channels_has_is_no_channel() -> None:
    record = [journey(1, "database", {"id": "5"}), journey(2, "my.job", {"id": "5"})]
    assert calls_of(record) == []


def test_what_all_channels_are_called_at_first_joins_no_calls() -> None:
    record = [
        journey(1, "chan.connected", {"id": "phone/1", "peerid": "ExtModule"}),
        journey(2, "chan.connected", {"id": "phone/2", "peerid": "ExtModule"}),
        journey(3, "chan.connected", {"id": "phone/3", "peerid": "ExtModule/2"}),
    ]
    assert len(calls_of(record)) == 3


def test_connected_channels_are_one_call() -> None:
    record = [
        *call_of("phone/1", "a.py", "a/1"),
        *call_of("phone/2", "b.py", "b/1", 11),
        journey(21, "chan.connected", {"id": "phone/2", "peerid": "phone/1"}),
    ]
    assert [len(one.messages) for one in calls_of(record)] == [7]


def test_nested_messages_belong_to_that_of_their_sender() -> None:
    record = [
        *call_of("phone/1", "a.py", "a/1"),
        journey(4, "database", {"query": "x"}, sender="a.py", parent=2),
        journey(5, "deeper", {}, sender="z.py", parent=4),
    ]
    assert numbers(calls_of(record)[0].messages) == [1, 2, 3, 4, 5]


def test_a_script_of_one_call_needs_no_id() -> None:
    attach = journey(4, "chan.attach", {"source": "tone/dial"}, sender="a.py")
    before = journey(0, "chan.attach", {"source": "tone/dial"}, sender="a.py")
    (call,) = calls_of([before, *call_of("phone/1", "a.py", "a/1"), attach])
    assert numbers(call.messages) == [1, 2, 3, 4]


def test_which_of_two_calls_of_one_script_is_not_guessed() -> None:
    attach = journey(30, "chan.attach", {"source": "tone/dial"}, sender="a.py")
    record = [*call_of("phone/1", "a.py", "a/1"), *call_of("phone/2", "a.py", "a/2", 11), attach]
    assert [(len(one.messages), one.unsure) for one in calls_of(record)] == [(3, 1), (3, 1)]


def test_a_call_that_has_ended_is_no_candidate() -> None:
    record = [
        *call_of("phone/1", "a.py", "a/1"),
        journey(9, "chan.hangup", {"id": "phone/1"}),
        *call_of("phone/2", "a.py", "a/2", 11),
        journey(30, "chan.attach", {"source": "tone/dial"}, sender="a.py"),
    ]
    assert [(len(one.messages), one.unsure) for one in calls_of(record)] == [(4, 0), (4, 0)]


def test_thousands_of_calls_are_told_apart() -> None:
    record = [
        one
        for call in range(2000)
        for one in call_of(f"phone/{call}", "a.py", f"a/{call}", call * 5 + 1)
    ]
    found = calls_of(record)
    assert [len(one.messages) for one in found] == [3] * 2000


def test_each_call_counts_what_may_be_its_own_while_it_is_under_way() -> None:
    attach = {"source": "tone/dial"}
    record = [
        *call_of("phone/1", "a.py", "a/1"),
        *call_of("phone/2", "a.py", "a/2", 11),
        journey(30, "chan.attach", attach, sender="a.py"),
        *call_of("phone/3", "a.py", "a/3", 41),
        journey(50, "chan.attach", attach, sender="a.py"),
        journey(51, "chan.hangup", {"id": "phone/1"}),
        journey(52, "chan.hangup", {"id": "a/1"}),
        journey(60, "chan.attach", attach, sender="a.py"),
        journey(61, "chan.hangup", {"id": "a/3"}),
        journey(70, "chan.attach", attach, sender="a.py"),
    ]
    found = [(len(one.messages), one.unsure) for one in calls_of(record)]
    assert found == [(5, 2), (4, 3), (4, 2)]
