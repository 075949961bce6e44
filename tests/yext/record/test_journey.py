"""Journeys: their form as JSON, and what observers see of them."""

import pytest

from yext.errors import RecordError
from yext.record.journey import (
    HIDDEN,
    Change,
    Journey,
    KeptOut,
    Step,
    StepResult,
    from_json,
    hide,
    to_json,
)


def make_journey() -> Journey:
    return Journey(
        number=7, when=1700000000.25, name="user.auth", sender="g 127.0.0.1:1",
        params={"username": "bob", "Password": "s3cret"}, parent=3, depth=1,
        steps=[
            Step("a.py", 50, 0.25, StepResult.TIMED_OUT),
            Step("b.py", 60, 0.5, StepResult.HANDLED,
                 (Change("password2", None, "s3cret"), Change("x", "1", None)), "other", "s3cret"),
        ],
        handled=True, took=0.75, watchers=("w",), renamed="other",
        after={"username": "bob", "Password": "s3cret", "odd": "\udcff\x1b"}, retvalue="s3cret",
        ended=True, first_retvalue="s3cret too", broadcast=True,
        kept_out=(KeptOut("c.py", "password", "s3cret"), KeptOut("d.py", "kind", "a")),
    )  # fmt: skip


def test_a_journey_survives_json() -> None:
    journey = make_journey()
    record = to_json(journey)
    assert from_json(record) == journey
    assert (record["outcome"], record["by"]) == ("handled", "b.py")
    assert record["reply"]["name"] == "other"
    assert record["kept_out"][1] == {"handler": "d.py", "param": "kind", "value": "a"}
    assert (record["retvalue"], record["broadcast"]) == ("s3cret too", True)


def test_an_older_record_does_not_know_the_return_value_at_the_start() -> None:
    newer = ("retvalue", "broadcast", "kept_out", "among")
    older = from_json({key: RECORD[key] for key in RECORD if key not in newer})
    assert (older.first_retvalue, older.broadcast, older.kept_out) == (None, None, ())


RECORD = to_json(make_journey())


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        {},
        {"format": 2},
        RECORD | {"params": {"a": 1}},
        RECORD | {"handlers": [{}]},
        RECORD | {"handlers": {}},
        RECORD | {"number": "x"},
        RECORD | {"kept_out": [{"handler": "x"}]},
    ],
)
def test_anything_else_is_refused(record: object) -> None:
    with pytest.raises(RecordError):
        from_json(record)


def test_secrets_are_hidden_from_observers() -> None:
    journey = make_journey()
    hidden = hide(journey, lambda name: "password" in name.lower())
    assert "s3cret" not in repr(hidden)
    assert hidden.params == {"username": "bob", "Password": HIDDEN}
    assert hidden.steps[1].changes == (Change("password2", None, HIDDEN), Change("x", "1", None))
    assert hidden.kept_out == (KeptOut("c.py", "password", HIDDEN), KeptOut("d.py", "kind", "a"))
    assert hidden.retvalue == HIDDEN, "the return value of user.auth is the password"
    assert "s3cret" in repr(journey)
