"""Recorded messages as tests, which pass as they stand."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from workshop import Workshop

from yext import Message, Reply
from yext.console.export.formats import writer_for
from yext.console.export.origin import Origin, origin_of
from yext.console.testrun import report
from yext.console.testrun.runner import run_file
from yext.console.transcripts.pytests import test_text as pytest_text
from yext.console.transcripts.saved import SavedStub, saved_test
from yext.console.transcripts.writing import transcript_text
from yext.engine.module import Program
from yext.record.journey import UNKNOWN, Change, Journey, Step, StepResult

ASKS = """#!/usr/bin/env python3
import sys
print("%%>setlocal:trackparam:asks.py")
print("%%>install:50:call.route", flush=True)
for line in sys.stdin:
    parts = line.rstrip("\\n").split(":")
    if parts[0] == "%%>message":
        asked, params = parts[1], parts[5:]
        called = [one for one in params if one.startswith("called=")][0]
        print(f"%%>message:q:0:database::account=pbx:{called}", flush=True)
    elif parts[0] == "%%<message":
        print(f"%%<message:{asked}:{parts[2]}::{parts[4]}:via=db:caller", flush=True)
"""
"""Asks the database about each number."""

pytest_plugins = "pytester"

EVIL = "'\"\\ \x1b[31m\n\udcff%s {x} #"


def database(message: Message) -> bool:
    message.retvalue = f"sip/{message['called']}"
    message["rows"] = "1"
    return message["called"] != "nobody"


async def recorded(lab: Workshop, messages: Sequence[Message]) -> tuple[list[Journey], Origin]:
    """Send messages to the script while they are recorded."""
    lab.script("asks.py", ASKS, head="")
    async with lab.running(quiet=True):
        await lab.start("asks.py")
        await lab.engine.dispatcher.installed("call.route")
        lab.engine.install("database", database, priority=80)
        lab.engine.install("call.route", lambda message: bool(message.get("spy")), priority=10)
        unfollow = lab.engine.recorder.follow(lambda journey: None)
        for message in messages:
            await lab.engine.dispatch(message)
        unfollow()
        return lab.engine.recorder.last(100), origin_of(lab.engine, "")


MESSAGES = (
    ("call.route", {"called": "99", "caller": EVIL}),
    ("call.route", {"called": "98", "odd-name": "x", "name": "n", "class": "c"}),
    ("call.route", {"called": "nobody"}),
    ("call.route", {"called": "99", "spy": "yes"}),
    ("call.other", {"x": ""}),
)


@pytest.fixture
def record(tmp_path: Path) -> tuple[list[Journey], Origin]:
    messages = [Message(name, params, retvalue="-") for name, params in MESSAGES]
    return asyncio.run(recorded(Workshop(tmp_path), messages))


def _code(reply: Reply) -> int:
    return int(not reply.ok)


def test_a_transcript_passes_as_it_stands(
    record: tuple[list[Journey], Origin], tmp_path: Path
) -> None:
    journeys, origin = record
    path = tmp_path / "saved" / "calls.yext"
    path.parent.mkdir()
    assert writer_for(str(path))(str(path), journeys, origin) == len(journeys) == 8
    assert path.stat().st_mode & 0o077 == 0, "messages may hold passwords"
    result = run_file(str(path), _code)
    assert result.ok, "\n".join([*report.text_lines(result), path.read_text()])
    assert len(result.steps) == 1 + len(MESSAGES) + 3
    text = path.read_text()
    assert "scripts ../scripts\nscript asks.py\n" in text
    assert "  handled by stub\n" in text, "what another module handled is handled by a stub"


def test_a_changed_script_fails_it(record: tuple[list[Journey], Origin], tmp_path: Path) -> None:
    path = tmp_path / "calls.yext"
    writer_for(str(path))(str(path), *record)
    script = tmp_path / "scripts/asks.py"
    script.write_text(script.read_text().replace("via=db", "via=other"))
    result = run_file(str(path), _code)
    assert len(result.failures) == 3
    for failure in result.failures:
        differences = [line for line in failure.lines if not line.startswith(" ")]
        assert differences == ["- via=db", "+ via=other"]


def test_a_module_of_pytest_passes_as_it_stands(
    record: tuple[list[Journey], Origin], tmp_path: Path, pytester: pytest.Pytester
) -> None:
    path = tmp_path / "test_calls.py"
    writer_for(str(path))(str(path), *record)
    without = ("cacheprovider", "hypothesispytest", "asyncio", "anyio")
    done = pytester.runpytest(*(f"-pno:{name}" for name in without), str(path))
    done.assert_outcomes(passed=1)


def yate(name: str, params: Mapping[str, str], steps: Sequence[Step], retvalue: str) -> Journey:
    """A message as the record of a Yate has it."""
    return Journey(
        1, 0.0, name, "?", params, steps=steps, handled=True, took=UNKNOWN,
        after={**params, "added": "1"}, retvalue=retvalue, ended=True,
    )  # fmt: skip


def test_what_a_module_of_a_yate_answered_is_a_stub() -> None:
    steps = [Step("register", 80, UNKNOWN, StepResult.ASKED)]
    journey = yate("user.auth", {"username": "bob"}, steps, "secret")
    test = saved_test([journey], [Program("route.py", "9", "running", path="/s/route.py")], [])
    assert test.scripts == [], "it has no part in this"
    assert test.items[0] == SavedStub(
        "user.auth", {}, 80, True, "secret", (Change("added", None, "1"),)
    )
    text = transcript_text(test, "/t/x.yext")
    assert "stub user.auth\n  priority 80\n  return secret\n  added=1\n" in text
    assert "send user.auth username=bob\n  handled by stub\n" in text


def test_scripts_of_a_record_alone_are_told_by_their_names() -> None:
    steps = [Step("route.php", 50, UNKNOWN, StepResult.ASKED)]
    test = saved_test([yate("call.route", {}, steps, "x")], [], [])
    assert test.scripts == [("route.php", "")]
    assert "script route.php\n" in transcript_text(test, "/t/x.yext")
    assert 'yext.script(SCRIPTS / "route.php")' in pytest_text(test, "/t/test_x.py")


def test_a_handler_that_the_record_does_not_name_is_a_stub() -> None:
    test = saved_test([yate("database", {"account": "pbx"}, [], "x")], [], [])
    text = transcript_text(test, "/t/x.yext")
    assert "stub database\n  return x\n  added=1\n" in text
    assert "send database account=pbx\n  handled by stub\n" in text


def phone_call() -> list[Journey]:
    """A call from the telephone to a script, as a yext records it."""
    execute = {"callto": "external/nodata/ivr.sh dial"}
    phone = {"id": "phone/1", "module": "phone"}
    answered = Step("extmodule", 100, 0.1, StepResult.HANDLED, (Change("targetid", None, "ivr/7"),))
    by_phone = Step("phone", 100, 0.1, StepResult.HANDLED)
    pressed = Step("ivr.sh", 100, 0.1, StepResult.HANDLED)
    return [
        Journey(number, number, name, sender, params, steps=steps, handled=bool(steps),
                after={**params, **more}, ended=True)
        for number, (name, sender, params, steps, more) in enumerate(
            [
                ("call.execute", "console", {**execute, "direct": "phone/"}, [by_phone], {}),
                ("chan.startup", "engine", phone, [], {}),
                ("call.execute", "engine", {**execute, **phone}, [answered], {"targetid": "ivr/7"}),
                ("call.answered", "ivr.sh", {"id": "ivr/7", "targetid": "phone/1"}, [by_phone], {}),
                ("chan.attach", "ivr.sh", {"source": "tone/dial"}, [], {}),
                ("chan.dtmf", "engine", {**phone, "text": "4", "targetid": "ivr/7"}, [pressed], {}),
                ("call.drop", "ivr.sh", {"id": "ivr/7", "reason": "goodbye"}, [], {}),
                ("chan.hangup", "engine", {**phone, "status": "answered"}, [], {}),
            ],
            1,
        )
    ]  # fmt: skip


def test_a_call_is_saved_as_a_call() -> None:
    test = saved_test(phone_call(), [], [], "/s/")
    assert transcript_text(test, "/t/x.yext").splitlines()[2:] == [
        "scripts ../s",
        "",
        "command call external/nodata/ivr.sh dial phone/",
        "  ...",
        "sent call.answered targetid=phone/1",
        "sent chan.attach source=tone/dial",
        "",
        "command phone dtmf 4",
        "  ...",
        "sent call.drop reason=goodbye",
    ]
    assert pytest_text(test, "/t/test_x.py").splitlines()[-5:] == [
        '    caller = yext.call("external/nodata/" + str(SCRIPTS.resolve() / "ivr.sh") + " dial")',
        '    yext.expect("call.answered", targetid="phone/1")',
        '    yext.expect("chan.attach", source="tone/dial")',
        '    caller.press("4")',
        '    yext.expect("call.drop", reason="goodbye")',
    ]


def test_a_script_beside_a_call_is_started() -> None:
    step = Step("route.py", 50, 0.1, StepResult.HANDLED)
    route = Journey(9, 9, "call.route", "console", {}, steps=[step], handled=True, ended=True)
    assert saved_test([*phone_call(), route], [], []).scripts == [("route.py", "")]


def test_a_caller_that_hangs_up() -> None:
    call = phone_call()
    call[7].params["status"] = "dropped"  # type: ignore[index]
    test = saved_test(call, [], [], "/s/")
    assert transcript_text(test, "/t/x.yext").endswith("\ncommand phone hangup\n  ...\n")
    assert pytest_text(test, "/t/test_x.py").endswith("    caller.hangup()\n")


def test_a_parameter_that_is_taken_away_is_not_expected_by_pytest() -> None:
    call = phone_call()
    call[4] = Journey(
        5, 5, "chan.attach", "ivr.sh", {"source": "tone/dial", "x": "1"}, after={"x": "1"},
        ended=True,
    )  # fmt: skip
    text = pytest_text(saved_test(call, [], [], "/s/"), "/t/test_x.py")
    assert 'yext.expect("chan.attach", x="1")' in text


STEP = "\ncommand external execute /bin/evil\n"
"""What would be a step of its own."""


def hostile_records() -> list[list[Journey]]:
    """Records whose scripts, or whose Yate, have chosen texts that look like steps."""

    def one(name: str = "x", sender: str = "console", **more: object) -> list[Journey]:
        values: dict[str, object] = {"params": {}, "handled": True, "ended": True} | more
        return [Journey(1, 1, name, sender, **values)]  # type: ignore[arg-type]

    step = Step("a\ncommand\tevil.py", 50, 0.1, StepResult.HANDLED)
    stub = Step("other", 50, 0.1, StepResult.HANDLED, changes=(Change(STEP, None, "1"),))
    called, digits, several = phone_call(), phone_call(), phone_call()
    for journey in (*called, *several):
        if "callto" in journey.params:
            more = STEP if journey in called else ";external execute /bin/evil"
            journey.params["callto"] += more  # type: ignore[index]
    for journey in digits:
        if journey.name == "chan.dtmf":
            journey.params["text"] = "4;external execute /bin/evil"  # type: ignore[index]
    return [
        one(f"x{STEP}"),
        one(params={STEP: "1"}),
        one(params={}, after={STEP: "1"}),
        one(steps=[step]),
        one(steps=[stub]),
        called,
        digits,
        several,
    ]


@pytest.mark.parametrize("record", hostile_records())
def test_no_text_of_a_record_becomes_a_command(record: list[Journey]) -> None:
    test = saved_test(record, [], [], "/s/")
    text = transcript_text(test, "/t/x.yext")
    commands = [line for line in text.splitlines() if line.startswith("command")]
    assert not any("evil" in line for line in commands)
    assert "# left out" in text
    compile(pytest_text(test, "/t/test_x.py"), "x", "exec")
