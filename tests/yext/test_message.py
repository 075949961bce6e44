"""Message: ordered parameters, changed in place."""

import time

import pytest

from yext import Message


def test_parameters_keep_their_order_and_a_changed_one_its_place() -> None:
    message = Message("call.route", [("caller", "1"), ("called", "2"), ("x", "3")])
    message["called"] = "9"
    message["new"] = "4"
    del message["x"]
    assert list(message) == ["caller", "called", "new"]
    assert message.params == {"caller": "1", "called": "9", "new": "4"}


def test_the_parameters_are_a_copy_of_what_was_given() -> None:
    given = {"a": "1"}
    message = Message("test", given)
    message["a"] = "2"
    assert given == {"a": "1"}


def test_an_absent_parameter_has_a_default() -> None:
    message = Message("test", {"empty": ""})
    assert (message.get("absent"), message.get("absent", "x"), message.get("empty", "x")) == (
        "",
        "x",
        "",
    )
    assert "absent" not in message
    assert "empty" in message
    with pytest.raises(KeyError):
        message["absent"]


def test_a_message_is_true_however_few_parameters_it_has() -> None:
    message = Message("test")
    assert message
    assert len(message) == 0


def test_a_message_is_stamped_when_it_is_made() -> None:
    before = time.time()
    assert before <= Message("test").time <= time.time()
    assert Message("test", time=12.5).time == 12.5


def test_what_is_not_given_is_empty() -> None:
    message = Message("test")
    assert (message.retvalue, message.broadcast, message.userdata) == ("", False, None)


def test_a_message_shows_what_it_holds() -> None:
    shown = repr(Message("call.route", {"called": "99"}, retvalue="sip/1"))
    assert shown == "Message('call.route', {'called': '99'}, retvalue='sip/1')"
