"""What a script got in a record, given to another version of it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from workshop import Workshop

from yext import Message
from yext.record.journey import UNKNOWN, Change, Journey, Step, StepResult
from yext.replay import run
from yext.replay.difference import Difference, Replayed, State
from yext.replay.run import Replay, ReplayError, Wanted, replay

ASKS = """#!/usr/bin/env python3
import sys
print("%%>install:50:call.route")
print("%%>watch:call.cdr", flush=True)
for line in sys.stdin:
    parts = line.rstrip("\\n").split(":")
    if parts[0] == "%%>message":
        asked, called = parts[1], [one for one in parts[5:] if one.startswith("called=")][0]
        print(f"%%>message:q:0:database::account=pbx:{called}", flush=True)
    elif parts[:2] == ["%%<message", "q"]:
        print(f"%%<message:{asked}:{parts[2]}::{parts[4]}:via=db:caller", flush=True)
    elif parts[:2] == ["%%<message", ""]:
        print("%%>message::0:billed::" + ":".join(parts[5:6]), flush=True)
"""
"""Asks the database about each number, and says what it has seen of each call record."""


async def recorded(lab: Workshop, messages: Sequence[Message]) -> list[Journey]:
    """Send messages to the script while they are recorded."""
    path = lab.script("asks.py", ASKS, head="")
    async with lab.running(quiet=True):
        script = await lab.start("asks.py")
        assert script.begun is not None
        await script.begun.settled()

        def database(message: Message) -> bool:
            message.retvalue = f"sip/{message['called']}"
            message["rows"] = "1"
            return message["called"] != "0nobody"

        def prefix(message: Message) -> bool:
            message["called"] = f"0{message['called']}"
            message.retvalue = "earlier"
            return False

        lab.engine.install("database", database)
        lab.engine.install("call.route", prefix, priority=10)
        billed = asyncio.Event()
        journeys: list[Journey] = []

        def follow(journey: Journey) -> None:
            journeys.append(journey)
            if journey.name == "billed":
                billed.set()

        unfollow = lab.engine.recorder.follow(follow)
        for message in messages:
            await lab.engine.dispatch(message)
            if message.name == "call.cdr":
                await asyncio.wait_for(billed.wait(), 20)
        unfollow()
    assert path.exists()
    return journeys


@pytest.fixture(scope="module")
def journeys(tmp_path_factory: pytest.TempPathFactory) -> list[Journey]:
    """A record of four messages."""
    return asyncio.run(
        recorded(
            Workshop(tmp_path_factory.mktemp("record")),
            [
                Message("call.route", {"called": "1", "caller": "5"}, retvalue="-"),
                Message("call.cdr", {"chan": "sip/1"}),
                Message("call.route", {"called": "nobody"}),
                Message("call.other", {"called": "2"}),
            ],
        )
    )


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait no long for what a changed script does not do."""
    monkeypatch.setattr(run, "LACK_SECONDS", 0.3)


def play(journeys: Sequence[Journey], script: Path, label: str = "asks.py") -> Replay:
    return asyncio.run(replay(journeys, Wanted(str(script), "", label)))


def changed(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """Write another version of the script, with some text replaced."""
    text = ASKS
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = tmp_path / "changed.py"
    path.write_text(text)
    path.chmod(0o755)
    return path


def different(result: Replay) -> list[Replayed]:
    return [one for one in result.messages if not one.same]


def test_the_unchanged_script_does_the_same(journeys: list[Journey], tmp_path: Path) -> None:
    result = play(journeys, changed(tmp_path))
    assert result.same, different(result)
    assert [one.journey and one.journey.name for one in result.messages] == [
        None, "call.route", "call.cdr", "call.route"
    ]  # fmt: skip
    assert [len(one.sent) for one in result.messages] == [1, 1, 0, 1]


def test_exactly_the_differences_are_found(journeys: list[Journey], tmp_path: Path) -> None:
    path = changed(tmp_path, ("via=db", "via=DB"), ("account=pbx", "account=sip"))
    result = play(journeys, path)
    first, second = different(result)
    assert first.differences == [Difference("param", "via", "db", "DB")] == second.differences
    (pair,) = first.sent
    assert pair.differences() == [Difference("param", "account", "pbx", "sip")]


def test_the_outcome_and_the_return_value_are_compared(
    journeys: list[Journey], tmp_path: Path
) -> None:
    path = changed(tmp_path, ("{parts[2]}::{parts[4]}:via=db:caller", "true::x:via=db:caller"))
    first, second = different(play(journeys, path))
    assert first.differences == [Difference("retvalue", "", "sip/01", "x")]
    assert second.differences == [
        Difference("outcome", "", "not handled", "handled"),
        Difference("retvalue", "", "sip/0nobody", "x"),
    ]


@pytest.mark.usefixtures("impatient")
def test_messages_of_its_own_come_and_go(journeys: list[Journey], tmp_path: Path) -> None:
    path = changed(tmp_path, ("0:billed", "0:other"))
    (alone,) = different(play(journeys, path))
    pairs = [
        (pair.recorded and pair.recorded.name, pair.sent and pair.sent.name) for pair in alone.sent
    ]
    assert alone.journey is None
    assert pairs == [(None, "other"), ("billed", None)]


@pytest.mark.usefixtures("impatient")
def test_a_handler_that_is_gone(journeys: list[Journey], tmp_path: Path) -> None:
    result = play(journeys, changed(tmp_path, ("install:50:call.route", "install:50:call.rout")))
    first = different(result)[0]
    assert first.differences[0] == Difference("outcome", "", "handled", "not handled")
    assert first.sent[0].sent is None, "what it had asked the database"


def test_a_script_that_dies_ends_the_replay(journeys: list[Journey], tmp_path: Path) -> None:
    result = play(journeys, changed(tmp_path, ("asked, called =", "sys.exit(3); asked, called =")))
    assert not result.same
    assert "exit status 3" in result.error[0]
    assert result.error[-1].startswith("not given: #")
    assert result.messages[1].differences[0] == Difference("outcome", "", "handled", "gone")


@pytest.mark.usefixtures("impatient")
def test_one_that_does_not_answer(journeys: list[Journey], tmp_path: Path) -> None:
    silent = (
        "asked, called =",
        "print('%%>setlocal:timeout:20', flush=True); continue; asked, called =",
    )
    path = changed(
        tmp_path, silent, ("import sys\n", "import sys\nprint('%%>setlocal:timeout:20')\n")
    )
    first = different(play(journeys, path))[0]
    assert first.differences[0] == Difference("outcome", "", "handled", "timed out")


@pytest.mark.parametrize(
    ("text", "seconds", "reason"),
    [
        ("#!/bin/sh\nexit 3\n", 20.0, "exit status 3"),
        ("#!/bin/sh\nread -r line\n", 0.05, "was not ready within 0 s"),
        ("#!/bin/nothing\n", 20.0, "/bin/nothing"),
    ],
)
def test_a_script_that_does_not_start(
    journeys: list[Journey],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    seconds: float,
    reason: str,
) -> None:
    monkeypatch.setattr(run, "READY_SECONDS", seconds)
    path = tmp_path / "bad.sh"
    path.write_text(text)
    path.chmod(0o755)
    with pytest.raises(ReplayError, match=reason):
        play(journeys, path)


def test_a_name_that_is_not_in_the_record(journeys: list[Journey], tmp_path: Path) -> None:
    with pytest.raises(ReplayError) as caught:
        play(journeys, changed(tmp_path), "nobody.py")
    assert "no message that nobody.py got; --as one of: " in str(caught.value)
    assert "asks.py" in str(caught.value)


def test_a_record_of_a_yate_with_nothing_for_the_script(tmp_path: Path) -> None:
    path = changed(tmp_path, ("install:50:call.route", "install:50:x"))
    with pytest.raises(ReplayError, match="--as one of: nobody is named there"):
        play(record_of_a_yate(), path, "nobody.py")


# A record of a Yate


def yate(
    number: int, name: str, params: dict[str, str], steps: Sequence[Step], end: State
) -> Journey:
    """A message as the record of a Yate has it."""
    return Journey(
        number, float(number), name, "?", params, steps=steps, handled=True, took=UNKNOWN,
        after=end.params, retvalue=end.retvalue, first_retvalue="", ended=True,
    )  # fmt: skip


def record_of_a_yate(*names: str) -> list[Journey]:
    """A call and what the database was asked, with handlers of these names."""
    steps = [Step(name, 50, UNKNOWN, StepResult.PASSED) for name in names]
    if steps:
        steps[-1].result = StepResult.ASKED
    asked = {"account": "pbx", "called": "9"}
    return [
        yate(1, "database", asked, [], State("", "sip/9", {**asked, "rows": "1"})),
        yate(
            2, "call.route", {"called": "9", "caller": "5"}, steps,
            State("", "sip/9", {"called": "9", "caller": "5", "via": "db"}),
        ),
    ]  # fmt: skip


@pytest.mark.parametrize("names", [(), ("cdrbuild", "asks.py"), ("asks.py",)])
def test_a_record_of_a_yate_serves(tmp_path: Path, names: Sequence[str]) -> None:
    path = tmp_path / "asks.py"
    path.write_text(ASKS)
    path.chmod(0o755)
    result = play(record_of_a_yate(*names), path)
    assert result.same, different(result)
    assert result.by_name is not bool(names)
    assert len(result.messages) == 2
    (message,) = different(play(record_of_a_yate(*names), changed(tmp_path, ("via=db", "via=DB"))))
    assert message.differences == [Difference("param", "via", "db", "DB")]


# A record of a call


IVR = """#!/bin/sh
echo "%%>setlocal:timeout:10000"
while IFS=: read -r head id time name rest; do
    case $head:$name in
    '%%>message:call.execute')
        echo "%%>install:100:chan.dtmf:targetid:ivr/$$"
        echo "%%<message:$id:true:call.execute::targetid=ivr/$$"
        echo "%%>message:a:0:call.answered::id=ivr/$$"
        echo "%%>message:b:0:chan.attach::source=tone/$1" ;;
    '%%>message:chan.dtmf')
        echo "%%<message:$id:true:chan.dtmf:"
        echo "%%>message:c:0:call.drop::id=ivr/$$"
        exit 0 ;;
    esac
done
"""


def call_record() -> list[Journey]:
    """Two calls, one after the other, to processes 7 and 8."""
    found = []
    for start, process in ((1, "ivr/7"), (11, "ivr/8")):
        called = {"callto": "external/nodata/ivr.sh dial", "id": "phone/1"}
        answered = (Change("targetid", None, process),)
        own = [
            ("call.answered", {"id": process}),
            ("chan.attach", {"source": "tone/dial"}),
            ("call.drop", {"id": process}),
        ]
        execute = Step("extmodule", 100, 0.1, StepResult.HANDLED, answered)
        dtmf = {"id": "phone/1", "targetid": process, "text": "4"}
        pressed = Step("ivr.sh", 100, 0.1, StepResult.HANDLED)
        found += [
            Journey(
                start, start, "call.execute", "engine", called, steps=[execute], handled=True,
                took=0.1, after={**called, "targetid": process}, ended=True,
            ),
            *(
                Journey(start + at, start + at, name, "ivr.sh", params, handled=True, ended=True)
                for at, (name, params) in zip((1, 2, 5), own, strict=True)
            ),
            Journey(
                start + 4, start + 4, "chan.dtmf", "engine", dtmf, steps=[pressed], handled=True,
                took=0.1, ended=True,
            ),
        ]  # fmt: skip
    return found


def test_a_call_is_replayed_without_its_time(tmp_path: Path) -> None:
    path = tmp_path / "ivr.sh"
    path.write_text(IVR)
    path.chmod(0o755)
    result = play(call_record(), path, "ivr.sh")
    assert result.same, different(result)
    assert len(result.messages) == 5
    assert list(result.ids) == ["ivr/7", "ivr/8"], "made up by each process"
    path.write_text(IVR.replace("tone/$1", "tone/busy"))
    (alone,) = different(play(call_record(), path, "ivr.sh"))
    wrong = [pair.differences() for pair in alone.sent if not pair.same]
    assert wrong == [[Difference("param", "source", "tone/dial", "tone/busy")]] * 2
