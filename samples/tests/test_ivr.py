"""Python: a mailbox, with audio in both directions. Twenty seconds go by in a second."""

import pytest


@pytest.mark.yext(speed=20)
def test_what_was_recorded_is_played_back(yext, tmp_path):
    caller = yext.call(f"external/nodata/ivr.py {tmp_path}").hear("tone:dial")
    caller.press("1").hear("silence")
    caller.say("tone:dtmfstr/4711")
    caller.press("#").hear("tone:dial")
    caller.press("2").hear("dtmf:4711").hear("tone:dial")
    caller.press("0").expect_hangup()


def test_a_message_is_half_a_minute_long_at_most(yext, tmp_path):
    caller = yext.call(f"external/nodata/ivr.py {tmp_path}").hear("tone:dial")
    caller.press("1").hear("silence")
    yext.tick(29)
    assert (tmp_path / "message.slin").stat().st_size < 30 * 16000
    yext.tick(2)
    caller.hear("tone:dial")
    assert (tmp_path / "message.slin").stat().st_size == 30 * 16000
