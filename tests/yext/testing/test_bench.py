"""The steps of a test with the fixture `yext`: scripts, messages, stubs, expectations, time."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from yext import Message
from yext.testing.bench import TestBench

HEAD = "#!/usr/bin/env python3\nimport os, sys, time\n"

ROUTER = """
print("%%>install:50:call.route", flush=True)
print("router is up", file=sys.stderr, flush=True)
for line in sys.stdin:
    kind, ident, *rest = line.rstrip("\\n").split(":")
    if kind == "%%>message":
        print(f"%%<message:{ident}:true::sip/{sys.argv[1]}:by=router", flush=True)
"""

SILENT = 'print("%%>install:50:call.route", flush=True)\nfor line in sys.stdin: pass\n'

Write = Callable[[str, str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write an executable script; return its path."""

    def written(name: str, body: str) -> str:
        path = tmp_path / name
        path.write_text(HEAD + body)
        path.chmod(0o755)
        return str(path)

    return written


# Scripts


def test_a_script_is_ready_once_it_was_started(yext: TestBench, write: Write) -> None:
    script = yext.script(write("router.py", ROUTER), "7")
    assert (script.state, script.stderr) == ("running", "router is up\n")
    answer = yext.send("call.route", called="1")
    answer.assert_handled(by="router.py", retvalue="sip/7")
    assert (answer.handled, answer.retvalue, answer.params["by"]) == (True, "sip/7", "router")
    assert (answer.by, answer["by"], script.name) == ("router.py", "router", "router.py")
    assert answer.seconds > 0
    assert answer.journey is not None
    script.assert_running()
    assert script.stop() == "exit status 0"
    assert script.state == "stopped"
    yext.send("call.route").assert_not_handled()


def test_a_script_is_looked_for_in_the_folders_then_in_scripts_dir(
    tmp_path: Path, write: Write
) -> None:
    for folder in ("first", "second", "third"):
        (tmp_path / folder).mkdir()
    conf = tmp_path / "extmodule.conf"
    conf.write_text(f"[general]\nscripts_dir={tmp_path}/third/\n")
    for place in ("second/a.py", "third/a.py", "third/b.py"):
        write(place, ROUTER.replace("{sys.argv[1]}", place))
    bench = TestBench(tmp_path, folders=[tmp_path / "first", tmp_path / "second"])
    try:
        for name, place in (("a.py", "second/a.py"), ("b.py", "third/b.py")):
            script = bench.script(name)
            bench.send("call.route").assert_handled(by=name, retvalue=f"sip/{place}")
            script.stop()
        with pytest.raises(AssertionError, match=r"no c\.py in .*first, .*second, nor in sc"):
            bench.script("c.py")
    finally:
        bench.close()


def test_a_script_that_ends_well_has_been_ready(yext: TestBench, write: Write) -> None:
    once = yext.script(write("once.py", 'print("%%>output:done", flush=True)\n'))
    assert yext.expect_log("done")
    assert once.wait_end() == "exit status 0"


def test_the_end_of_a_script_may_be_looked_at(yext: TestBench, write: Write) -> None:
    script = yext.script(write("three.py", 'print("%%>output:a", flush=True)\ninput()\nexit(3)\n'))
    os.kill(script.pid or 0, 15)
    assert script.wait_end() == "killed by SIGTERM"


# Messages


def test_parameters_may_have_any_name(yext: TestBench) -> None:
    got = yext.watch("my.message")
    yext.send("my.message", {"name": "n", "within": "w", "retvalue": "r"}, retvalue="R", a="b")
    call = got.assert_once(name="n", a="b")
    assert (call.params["within"], call.params["retvalue"], call.retvalue) == ("w", "r", "R")


def test_several_messages_are_sent_at_once(yext: TestBench, write: Write) -> None:
    body = """
print("%%>install:50:ask", flush=True)
held = []
for line in sys.stdin:
    if line.startswith("%%>message"):
        held.append(line.split(":")[1])
        if len(held) == 2:
            for ident in reversed(held):
                print(f"%%<message:{ident}:true::{ident == held[0]}", flush=True)
"""
    yext.script(write("both.py", body))
    first, second = yext.send_nowait("ask", n="1"), yext.send_nowait("ask", n="2")
    answers = yext.gather()
    assert [answer.params["n"] for answer in answers] == ["1", "2"]
    assert [answer.retvalue for answer in answers] == ["True", "False"]
    assert first.answer() is answers[0]
    assert second.answer().by == "both.py"


def test_a_stub_answers_and_remembers(yext: TestBench) -> None:
    other = yext.stub("database", retvalue="other", filter=("account", "cdr"), priority=50)
    stub = yext.stub("database", retvalue="a", handled=False)
    yext.send("database", account="pbx").assert_not_handled()
    assert yext.send("database", account="cdr").by == "stub"
    stub.assert_once(account="pbx")
    stub.assert_never(account="cdr")
    assert other.assert_once().retvalue == "other"
    stub.remove()
    yext.send("database", account="pbx")
    assert len(stub.calls) == 1


def test_a_stub_may_be_a_function(yext: TestBench) -> None:
    def look_up(message: Message) -> str | bool | None:
        message["seen"] = "yes"
        return {"text": "found", "no": False, "": None}[message["ask"]]

    yext.stub("database", function=look_up, retvalue="default")
    found = [yext.send("database", ask=ask) for ask in ("text", "no", "")]
    assert [(one.handled, one.retvalue) for one in found] == [
        (True, "found"), (False, "default"), (True, "default"),
    ]  # fmt: skip
    assert found[0].params["seen"] == "yes"


def test_the_sequence_of_messages_is_expected(yext: TestBench) -> None:
    for name, params in (("a", {}), ("b", {"n": "1"}), ("b", {"n": "2"}), ("c", {})):
        yext.send(name, params)
    found = yext.expect_sequence("a", ("b", {"n": "2"}), "c")
    assert [one.name for one in found] == ["a", "b", "c"]
    yext.expect_none("b")


def test_what_does_not_come_is_not_waited_for(yext: TestBench, write: Write) -> None:
    yext.script(write("router.py", ROUTER), "7")
    yext.expect_none("user.notify")
    yext.send("user.notify")
    with pytest.raises(AssertionError, match=r"expected  no user\.notify"):
        yext.expect_none("user.notify")


def test_a_handler_is_waited_for_by_the_script_that_installs_it(
    yext: TestBench, write: Write
) -> None:
    first, second = write("one.py", ROUTER), write("two.py", ROUTER)
    yext.script(first, "1")
    yext.start(second, "2")  # It is called by its whole path, as by external start.
    yext.wait_handler("call.route", of="two.py")
    yext.command("external stop one.py")
    yext.send("call.route").assert_handled(retvalue="sip/2")


def test_the_set_up_is_written_byte_for_byte(tmp_path: Path, write: Write) -> None:
    write("router.py", ROUTER)
    (tmp_path / "extmodule.conf").write_text("[scripts]\nrouter.py=1\n")
    folder = tmp_path / "again"
    folder.mkdir()
    bench = TestBench(tmp_path, folders=[tmp_path], scratch=lambda: folder)
    try:
        bench.script("router.py", "2")
        bench.stub("database", retvalue="ü:\udcff\n", filter=("account", "a:b"))
        with pytest.raises(AssertionError, match="go on"):
            bench.send("database", account="no").assert_handled()
    finally:
        bench.close()
    text = (folder / "extmodule.conf").read_text()
    assert text.count("router.py") == 2
    again = TestBench(folder)
    try:
        again.wait_handler("database")
        answer = again.send("database", account="a:b").assert_handled(retvalue="ü:\udcff\n")
        assert answer.by.endswith("stubs.py")
        again.send("database", account="b").assert_not_handled()
    finally:
        again.close()


# Time


def test_there_are_exactly_as_many_timers_as_ticks(yext: TestBench) -> None:
    timers = yext.watch("engine.timer")
    yext.tick(3)
    assert len(timers.calls) == 3
    for _ in range(4):
        yext.tick(0.5)
    assert len(timers.calls) == 5
    times = [int(call.params["time"]) for call in timers.calls]
    assert times == list(range(times[0], times[0] + 5))


def test_a_message_times_out_by_ticks(yext: TestBench, write: Write) -> None:
    yext.script(write("silent.py", SILENT))
    yext.stub("call.route", retvalue="fallback", priority=90)
    sent = yext.send_nowait("call.route")
    yext.tick(9)
    assert yext.engine.dispatcher.in_flight == 1
    yext.tick(1.1)
    answer = yext.gather(sent)[0].assert_handled(by="stub", retvalue="fallback")
    assert "silent.py' did not answer 'call.route' in time" in "\n".join(yext.log)
    assert answer.journey is not None
    assert [step.result for step in answer.journey.steps][-2:] == ["timed out", "handled"]


def test_the_limit_of_a_call_is_that_of_the_clock(yext: TestBench) -> None:
    yext.clock.speed = 0
    caller = yext.call("tone/dial")
    assert yext.command(f"control {caller.id} timeout=5000").ok
    yext.tick(4)
    assert caller.hung_up is None
    yext.tick(2)
    assert caller.hung_up == "timeout"


def test_a_caller_needs_a_clock_that_runs(yext: TestBench) -> None:
    caller = yext.call("tone/dial").hear("tone:dial")
    yext.clock.speed = 0
    with pytest.raises(AssertionError, match="the clock stands still"):
        caller.press("1")


def test_what_was_heard_since_the_last_sound_counts(yext: TestBench) -> None:
    """Digits and sounds that came and went between two steps are not missed, nor found twice."""
    caller = yext.call("tone/dial").hear("tone:dial")
    for digits in ("1", "23", "4"):
        yext.send("chan.dtmf", id="x", targetid=caller.id, text=digits)
    yext.tick(0.1)
    caller.hear("dtmf:1").hear("dtmf:2").hear("dtmf:34")
    with pytest.raises(AssertionError, match=r"it has heard: tone/dial, digits 1234"):
        caller.hear("dtmf:4", within=0.01)
    assert caller.digits == "1234"
    caller.hangup()
    caller.hear("tone:dial")
    with pytest.raises(AssertionError, match="the call is over"):
        caller.hear("tone:busy")


@pytest.mark.yext(speed=20)
def test_a_file_is_said_into_the_call(yext: TestBench, tmp_path: Path) -> None:
    said = bytes(range(256)) * 50
    (tmp_path / "in.slin").write_bytes(said)
    caller = yext.call(f"wave/record/{tmp_path}/out.slin")
    caller.say(tmp_path / "in.slin")
    caller.hangup()
    assert said in (tmp_path / "out.slin").read_bytes()


@pytest.mark.parametrize(
    ("sound", "reason"), [("gone.slin", "No such file"), ("tone:none", "there is no tone:none")]
)
def test_what_cannot_be_said_fails_the_test(yext: TestBench, sound: str, reason: str) -> None:
    caller = yext.call("tone/dial")
    with pytest.raises(AssertionError, match=f"expected  to say {sound}\n.*{reason}"):
        caller.say(sound)


def test_restarts_come_by_ticks(yext: TestBench, write: Write) -> None:
    yext.clock.speed = 0
    body = 'print("%%>setlocal:restart:true", flush=True)\nfor line in sys.stdin: pass\n'
    script = yext.script(write("again.py", body))
    before = script.pid
    os.kill(before or 0, 9)
    assert yext.expect_log("ended")
    yext.tick(1)
    assert script.pid not in (None, before)
    script.stop()


# Commands


def test_commands_are_those_of_a_session(yext: TestBench, write: Write) -> None:
    script = yext.script(write("router.py", ROUTER), "7")
    assert yext.command("message call.route called=1").ok
    assert yext.command("flow last").text.count("call.route") == 1
    assert yext.command("external restart router.py 7").ok
    assert script.state == "starting"
    assert not yext.command("externel").known


# The end


def test_nothing_is_left_of_an_engine(tmp_path: Path, write: Write) -> None:
    (tmp_path / "extmodule.conf").write_text(
        f"[listener a]\ntype=unix\npath={tmp_path}/a.sock\nrole=global\n"
    )
    before = set(os.listdir("/proc/self/fd"))
    bench = TestBench(tmp_path)
    script = bench.script(write("router.py", ROUTER), "1")
    bench.send_nowait("call.route")
    pid = script.pid
    assert (tmp_path / "a.sock").exists()
    bench.close()
    assert not Path(f"/proc/{pid}").exists()
    assert not (tmp_path / "a.sock").exists()
    assert len(set(os.listdir("/proc/self/fd")) - before) <= 1  # That of listdir itself.
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    names = [Path(f"/proc/{child}/cmdline").read_bytes() for child in children]
    assert not [name for name in names if name.startswith(b"/bin/sh")]  # The warden.
