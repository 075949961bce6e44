"""The flow of a Yate, from what machine mode says: nothing is shown that is not known."""

from __future__ import annotations

import math

import pytest

from yext.console.client.connection import ConnectError, LineFunction, ManagerClient
from yext.console.client.recorder import RemoteRecorder
from yext.console.replies.line import draw_line
from yext.console.replies.trace import Style, draw_journey
from yext.record.journey import Journey, StepResult, from_json, to_json

LINE = (
    "%%<message::{}:call.route:sip/1:caller=40:called=99:cmd_address=127.0.0.1%z4000"
    ":handlers=route.py%z50,regexroute%z100"
)


class Recorder(RemoteRecorder):
    """A recorder that is given lines."""

    def __init__(self) -> None:
        async def log_in(on_line: LineFunction, on_lost: LineFunction) -> ManagerClient:
            raise ConnectError("not here")

        super().__init__(log_in, print)

    def receive(self, line: str) -> Journey | None:
        self._line_received(line)
        found = self.last(1)
        return found[0] if found else None


def journey(line: str) -> Journey:
    found = Recorder().receive(line)
    assert found is not None
    return found


def test_who_was_asked_is_known_in_its_order_and_no_time_is() -> None:
    found = journey(LINE.format("false"))
    assert [(step.owner, step.priority, step.result) for step in found.steps] == [
        ("route.py", 50, StepResult.PASSED),
        ("regexroute", 100, StepResult.PASSED),
    ]
    assert math.isnan(found.took) and all(math.isnan(step.took) for step in found.steps)
    assert "ms" not in "".join([*draw_journey(found, Style()), draw_line(found, Style())])


def test_who_handled_it_is_not_claimed() -> None:
    found = journey(LINE.format("true"))
    assert [step.result for step in found.steps] == [StepResult.PASSED, StepResult.ASKED]
    assert found.handled and found.by == ""
    assert "handled" in draw_line(found, Style())
    assert "asked last" in "\n".join(draw_journey(found, Style()))


def test_a_message_without_tracking_says_so() -> None:
    found = journey("%%<message::false:a.b::x=1")
    assert "  who was asked is not known" in draw_journey(found, Style())


def test_unknown_times_survive_a_file() -> None:
    record = to_json(journey(LINE.format("true")))
    assert record["seconds"] is None and record["handlers"][0]["seconds"] is None
    assert math.isnan(from_json(record).took)


def test_commands_of_this_console_are_its_own() -> None:
    recorder = Recorder()
    recorder.own = ("127.0.0.1:4000", "attach pbx1")
    found = recorder.receive(LINE.format("true"))
    assert found is not None and found.sender == "attach pbx1"


@pytest.mark.parametrize(
    "handlers", ["", ",", "a", "a%z", "a%zx", "%z5", "a%z-5", "a%z" + "9" * 5000, "a%z²"]
)
def test_a_tracking_parameter_of_any_content_is_read(handlers: str) -> None:
    journey(f"%%<message::true:a.b::handlers={handlers}")
    journey("%%<message::true:a.b:")


@pytest.mark.parametrize("line", ["%%<message:", "%%<message::", "%%<message::x:a", "hello"])
def test_other_lines_are_left_alone(line: str) -> None:
    Recorder().receive(line)
