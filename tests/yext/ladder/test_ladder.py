"""The arrows of real calls, compared with what their messages say, and of messages made by hand."""

import asyncio
from pathlib import Path

import pytest
from calls import DISTRIBUTE, PYTHON, TAKE, WAIT, Watched, call, phone
from journeys import call_of, journey
from workshop import Workshop

from yext.ladder.calls import calls_of, find_call
from yext.ladder.ladder import MOST_PARTICIPANTS, OTHERS, Ladder, ladder_of
from yext.record.file import read_record, write_record
from yext.record.journey import Journey, Outcome, Step, StepResult

QUIZ = Path(__file__).parents[3] / "samples" / "scripts" / "quiz.php"

Row = tuple[str, str, str, str, str]


def rows(ladder: Ladder) -> list[Row]:
    """The arrows: from, to, name, what it is about, outcome."""
    labels = [one.label for one in ladder.participants]
    return [
        (labels[one.source], labels[one.target], one.name, one.detail, one.outcome)
        for one in ladder.arrows
    ]


def drawn(journeys: list[Journey]) -> Ladder:
    (call,) = calls_of(journeys)
    return ladder_of(call)


def recorded(lab: Workshop, wanted: str) -> Ladder:
    """The ladder of a call, from a file of the record alone."""
    path = str(lab.folder / "record.jsonl")
    write_record(path, lab.engine.recorder.last(10_000))
    journeys, _ = read_record(path, 10_000, 1 << 30)
    call = find_call(calls_of(journeys), wanted)
    assert call is not None
    return ladder_of(call)


@pytest.fixture
def lab(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.configure("stopwait=20\ntermwait=100")
    return made


def test_the_call_of_an_ivr(lab: Workshop) -> None:
    lab.script("quiz.php", QUIZ.read_text().partition("\n")[2], "#!/usr/bin/env php\n")

    async def body() -> Ladder:
        async with lab.running():
            lab.engine.recorder.follow(lambda one: None)
            watched = Watched(lab, "chan.hangup", "chan.attach")
            await call(lab, "external/nodata/quiz.php")
            for heard, digit in (("tone/dial", "5"), ("tone/milliwatt", "1"), ("tone/busy", "#")):
                await phone(lab, f"wait playing {heard}")
                await phone(lab, f"dtmf {digit}")
            await watched.named("chan.hangup")
            return recorded(lab, "phone/1")

    ladder = asyncio.run(body())
    quiz = "external/nodata/quiz.php"
    assert [one.label for one in ladder.participants] == ["phone/1", "engine", "quiz.php"]
    assert rows(ladder) == [
        ("engine", "phone/1", "call.execute", "phone/", "handled"),
        ("phone/1", "engine", "chan.startup", "", "not handled"),
        ("phone/1", "quiz.php", "call.execute", quiz, "handled"),
        ("phone/1", "engine", "chan.connected", "ExtModule", "not handled"),
        ("quiz.php", "phone/1", "call.answered", "", "handled"),
        ("quiz.php", "engine", "chan.attach", "tone/dial", "not handled"),
        ("phone/1", "quiz.php", "chan.dtmf", "5", "handled"),
        ("quiz.php", "engine", "chan.attach", "tone/milliwatt", "not handled"),
        ("phone/1", "quiz.php", "chan.dtmf", "1", "handled"),
        ("quiz.php", "engine", "chan.attach", "tone/busy", "not handled"),
        ("phone/1", "quiz.php", "chan.dtmf", "#", "handled"),
        ("phone/1", "engine", "chan.disconnected", "goodbye", "not handled"),
        ("phone/1", "engine", "chan.hangup", "", "not handled"),
    ]
    assert [(one.source, one.first, one.last) for one in ladder.audio] == [
        ("tone/dial", 5, 7), ("tone/milliwatt", 7, 9), ("tone/busy", 9, 11),
    ]  # fmt: skip
    assert {one.participant for one in ladder.audio} == {2}
    assert set(ladder.left_out) == {"call.cdr"} and ladder.unsure == 0


def test_the_call_that_a_queue_script_connects(lab: Workshop) -> None:
    lab.script("take.py", TAKE + WAIT, PYTHON)
    lab.script("distribute.py", DISTRIBUTE, PYTHON)

    async def body() -> Ladder:
        async with lab.running():
            lab.engine.recorder.follow(lambda one: None)
            watched = Watched(lab, "chan.connected")
            await call(lab, "external/nodata/take.py")
            handled, _ = await lab.send(
                "call.execute",
                callto="external/nodata/distribute.py",
                direct="phone/operator",
                notify="phone/1",
            )
            assert handled
            await watched.named("chan.connected", id="phone/2", peerid="phone/1")
            return recorded(lab, "phone/2")

    ladder = asyncio.run(body())
    labels = ["phone/1", "engine", "take.py", "distribute.py", "phone/2"]
    assert [one.label for one in ladder.participants] == labels
    assert ladder.participants[3].channels == ["desk"]
    take, distribute = "external/nodata/take.py", "external/nodata/distribute.py"
    assert rows(ladder) == [
        ("engine", "phone/1", "call.execute", "phone/", "handled"),
        ("phone/1", "engine", "chan.startup", "", "not handled"),
        ("phone/1", "take.py", "call.execute", take, "handled"),
        ("phone/1", "engine", "chan.connected", "ExtModule", "not handled"),
        ("engine", "distribute.py", "call.execute", distribute, "handled"),
        ("distribute.py", "phone/2", "call.execute", "phone/operator", "handled"),
        ("distribute.py", "engine", "chan.locate", "", "handled"),
        ("phone/2", "engine", "chan.startup", "", "not handled"),
        ("phone/2", "engine", "chan.connected", "desk", "not handled"),
        ("phone/2", "distribute.py", "call.answered", "", "not handled"),
        ("distribute.py", "phone/2", "chan.connect", "phone/1", "handled"),
        ("engine", "engine", "chan.locate", "", "handled"),
        ("engine", "engine", "chan.locate", "", "handled"),
        ("distribute.py", "engine", "chan.disconnected", "", "not handled"),
        ("phone/1", "engine", "chan.connected", "phone/2", "not handled"),
        ("phone/2", "engine", "chan.connected", "phone/1", "not handled"),
    ]


def test_each_handler_that_had_a_part_has_an_arrow() -> None:
    steps = (
        Step("slow.py", 20, 10.0, StepResult.TIMED_OUT),
        Step("stats.py", 30, 0.1, StepResult.PASSED),
        Step("never.py", 200, 0.0, StepResult.NOT_ASKED),
    )
    route = journey(
        4, "call.route", {"id": "phone/1", "called": "99"}, steps=steps, by="route.py",
        retvalue="sip/1",
    )  # fmt: skip
    ladder = drawn([*call_of("phone/1", "a.py", "a/1"), route])
    assert rows(ladder)[-2:] == [
        ("phone/1", "route.py", "call.route", "99", Outcome.HANDLED),
        ("engine", "slow.py", "call.route", "", Outcome.TIMED_OUT),
    ]
    main, further = ladder.arrows[-2:]
    assert (main.answer, main.by, main.asked) == ("sip/1", "route.py", False)
    assert (further.took, further.by, further.asked) == (10.0, "slow.py", True)
    assert "stats.py" not in [one.label for one in ladder.participants]


OUTCOMES = {
    StepResult.TIMED_OUT: Outcome.TIMED_OUT,
    StepResult.LATE: Outcome.LATE,
    StepResult.GONE: Outcome.GONE,
}


@pytest.mark.parametrize("result", OUTCOMES)
def test_an_arrow_to_a_script_that_fails_says_how(result: StepResult) -> None:
    failed = journey(
        9, "chan.dtmf", {"id": "phone/1", "targetid": "a/1", "text": "1"},
        steps=(Step("a.py", 100, 5.0, result),),
    )  # fmt: skip
    ladder = drawn([*call_of("phone/1", "a.py", "a/1"), failed])
    assert rows(ladder)[-1] == ("phone/1", "a.py", "chan.dtmf", "1", OUTCOMES[result])


def test_the_channel_of_a_script_stands_under_its_name() -> None:
    ladder = drawn(call_of("phone/1", "a.py 5", "a/1"))
    assert [(one.label, one.channels) for one in ladder.participants] == [
        ("phone/1", ["phone/1"]), ("engine", []), ("a.py 5", ["a/1"]),
    ]  # fmt: skip


ATTACHED = {
    "by a handler": journey(9, "chan.attach", {"id": "phone/1", "source": "w"}, by="wave"),
    "and removed": journey(9, "chan.attach", {"id": "phone/1", "source": "w"}, after={}),
}
"""Messages that attach audio."""


@pytest.mark.parametrize("how", ATTACHED)
def test_audio_is_a_bar_until_the_channel_ends(how: str) -> None:
    ladder = drawn(
        [
            *call_of("phone/1", "a.py", "a/1"),
            ATTACHED[how],
            journey(10, "chan.dtmf", {"id": "phone/1", "text": "1"}),
            journey(11, "chan.hangup", {"id": "phone/1"}),
        ]
    )
    (audio,) = ladder.audio
    assert (audio.participant, audio.first, audio.last) == (0, 3, 5)


def test_what_was_not_attached_is_no_bar() -> None:
    refused = journey(9, "chan.attach", {"id": "phone/1", "source": "no/such"})
    assert drawn([*call_of("phone/1", "a.py", "a/1"), refused]).audio == []


def test_a_record_of_a_yate_that_does_not_know_its_senders() -> None:
    known = [Step("route.php", 50, 0.0, StepResult.PASSED), Step("sip", 90, 0.0, StepResult.ASKED)]
    ladder = drawn(
        [
            journey(1, "chan.startup", {"id": "sip/1"}, sender="?"),
            journey(2, "call.execute", {"id": "sip/1"}, sender="?", steps=tuple(known)),
            journey(3, "call.answered", {"id": "sip/2", "targetid": "sip/1"}, sender="?"),
        ]
    )
    assert rows(ladder) == [
        ("sip/1", "engine", "chan.startup", "", "not handled"),
        ("sip/1", "engine", "call.execute", "", "not handled"),
        ("sip/2", "sip/1", "call.answered", "", "not handled"),
    ]


def test_a_hostile_record_has_no_more_participants_than_can_be_drawn() -> None:
    more = [
        journey(10 + n, "chan.dtmf", {"id": f"x/{n}", "targetid": "phone/1", "peerid": "phone/1"})
        for n in range(100)
    ]
    ladder = drawn([*call_of("phone/1", "a.py", "a/1"), *more])
    assert len(ladder.participants) == MOST_PARTICIPANTS + 1
    assert ladder.participants[-1].label == OTHERS
    assert len(ladder.arrows) == 103
