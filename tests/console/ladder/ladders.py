"""The record of a call, its ladder, and text that means harm, for tests of drawing."""

from journeys import call_of, journey

from yext.ladder.calls import calls_of
from yext.ladder.ladder import Ladder, ladder_of
from yext.record.journey import Journey, Step, StepResult

HOSTILE = "\x1b]0;title\x07\x9b2J\u202e漢字\udcff" * 5000

TOO_LATE = (Step("a.py", 100, 5.0, StepResult.TIMED_OUT),)


def record() -> list[Journey]:
    return [
        *call_of("phone/1", "a.py", "a/1"),
        journey(4, "chan.attach", {"source": "tone/dial"}, sender="a.py", by="tone"),
        journey(5, "chan.dtmf", {"id": "phone/1", "targetid": "a/1", "text": "7"}, by="a.py"),
        journey(6, "chan.dtmf", {"id": "phone/1", "targetid": "a/1"}, steps=TOO_LATE),
        journey(7, "call.route", {"id": "phone/1", "called": "9"}, by="a.py", retvalue="sip/9"),
        journey(8, "call.cdr", {"billid": "b-phone/1"}),
    ]


def ladder(journeys: list[Journey]) -> Ladder:
    (call,) = calls_of(journeys)
    return ladder_of(call)
