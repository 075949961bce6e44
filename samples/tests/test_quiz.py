"""PHP: an IVR, called from the engine's telephone. Twenty seconds go by in a second."""

import pytest

pytestmark = pytest.mark.yext(speed=20)


def test_a_wrong_answer_then_the_right_one(yext):
    caller = yext.call("external/nodata/quiz.php")
    caller.hear("tone:dial")
    caller.press("4").hear("tone:busy")
    caller.press("5").hear("tone:milliwatt")
    caller.press("#").expect_hangup(reason="goodbye")


def test_the_parameter_is_the_right_answer(yext):
    caller = yext.call("external/nodata/quiz.php 7")
    caller.press("7").hear("tone:milliwatt")
    caller.hangup()
    hangup = yext.expect("chan.hangup", module="phone")
    assert hangup.params["id"] == caller.id
