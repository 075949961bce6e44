"""Handlers on other nodes, as `flow show` and a line of the flow draw them."""

import pytest

from yext.console.replies.line import draw_line
from yext.console.replies.trace import Style, draw_journey
from yext.record.journey import UNKNOWN, Journey, Step, StepResult, from_json, to_json

WIDE = Style(width=100, unicode=True)


def journey(step: Step, handled: bool = False) -> Journey:
    return Journey(7, 0.0, "call.route", "g", {}, steps=[step], handled=handled, took=step.took)


def test_the_time_on_the_way_and_the_time_there_are_apart() -> None:
    step = Step("beech:route.py", 50, 0.002, StepResult.HANDLED, there=0.0018)
    drawn = "\n".join(draw_journey(journey(step, True), WIDE))
    assert "50  beech:route.py  2.0 ms  handled  there 1.8 ms, way 0.2 ms" in drawn


@pytest.mark.parametrize(
    ("result", "hint"),
    [
        (StepResult.TIMED_OUT, "see: node beech external log route.py 7"),
        (StepResult.LATE, "see: node beech external log route.py 7"),
        (StepResult.GONE, "see: status cluster"),
        (StepResult.UNREACHABLE, "see: status cluster"),
    ],
)
def test_each_failure_has_its_hint(result: StepResult, hint: str) -> None:
    step = Step("beech:route.py 7", 50, 0.002, result, there=UNKNOWN)
    drawn = "\n".join(draw_journey(journey(step), WIDE))
    assert f"{result} {hint}" in " ".join(drawn.split())
    assert draw_line(journey(step), WIDE)


def test_a_handler_here_has_no_such_times() -> None:
    step = Step("l 127.0.0.1:5", 50, 0.002, StepResult.TIMED_OUT)
    drawn = "\n".join(draw_journey(journey(step), WIDE))
    assert "there" not in drawn
    assert "see:" not in drawn
    assert step.node == ""


@pytest.mark.parametrize("there", [None, 0.5, UNKNOWN])
def test_the_time_there_survives_a_file(there: float | None) -> None:
    step = Step("beech:route.py", 50, 1.0, StepResult.HANDLED, there=there)
    (again,) = from_json(to_json(journey(step, True))).steps
    assert (again.node, str(again.there)) == (step.node, str(there))
