"""Scripts as real processes: starts, early ends, restarts, stops."""

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest
from workshop import CANARY, IDLE, Workshop, alive, gone

from yext import log
from yext.extmodule.script import states

DOCS = Path(__file__).parents[4] / "docs" / "scripts.md"

QUICK = "stopwait=20\ntermwait=100\nrestart_delay=1"
"""Options for short waits."""

TALK = "echo '%%>setlocal:restart:true'\nread -r line\n"
"""The beginning of a script that speaks the protocol and wants to be restarted."""


@pytest.fixture
def lab(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.configure(QUICK)
    return made


# The states


def test_the_documented_table_of_states_is_the_one_in_the_code() -> None:
    table = DOCS.read_text().partition("| --- | --- | --- |\n")[2].partition("\n\n")[0]
    documented = {tuple(row.strip("| ").split(" | ")) for row in table.splitlines()}
    coded = {
        (state, event, after)
        for state, events in states.TRANSITIONS.items()
        for event, after in events.items()
    }
    assert documented == coded
    rows = (states.__doc__ or "").partition("-----------\n")[2].partition("\n\n")[0]
    assert {tuple(re.split("  +", row.strip())) for row in rows.splitlines()} == coded


def test_every_state_is_reached_and_left() -> None:
    after = {state for events in states.TRANSITIONS.values() for state in events.values()}
    assert after == set(states.TRANSITIONS)
    assert set(states.LIVE) | set(states.IDLE) | {states.ScriptState.BACKING_OFF} == after


def test_a_script_runs_once_it_has_spoken(lab: Workshop) -> None:
    lab.script("talk.sh", f"read -r go < {lab.folder}/go\necho '%%>output:hello'\n" + IDLE)
    os.mkfifo(lab.folder / "go")

    async def story() -> None:
        async with lab.running():
            script = await lab.start("talk.sh")
            assert script.state == "starting"
            (lab.folder / "go").write_text("go\n")
            await lab.event("^hello$")
            assert script.state == "running"
            await lab.do("external stop talk.sh")
            assert script.state == "stopped"

    asyncio.run(story())


# The environment of a script


def test_a_script_finds_what_yate_gives_it_and_nothing_else(
    lab: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.script(
        "probe.py",
        """import json, os, signal, sys
fds = sorted(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}"))
names = ("SIGINT", "SIGQUIT", "SIGPIPE", "SIGTERM", "SIGHUP", "SIGALRM")
mask = int(next(l for l in open("/proc/self/status") if l.startswith("SigIgn")).split()[1], 16)
ignored = [name for name in names if mask >> getattr(signal, name) - 1 & 1]
found = dict(fds=fds, ignored=ignored, argv=sys.argv[1:], cwd=os.getcwd(), mark=os.environ["MARK"],
            group=os.getpgid(0) == os.getpid())
print("%%>output:" + json.dumps(found), flush=True)
sys.stdin.read()
""",
        # Python itself ignores SIGPIPE; a wrapper would hide what the script was given.
        head=f"#!{sys.executable} -IS\n",
    )
    monkeypatch.setenv("MARK", "from the engine")

    async def story() -> None:
        async with lab.running():
            await lab.start("probe.py one two")
            found = json.loads((await lab.event("^{.*}$")).text)
            assert found["fds"] == [0, 1, 2]
            assert set(found["ignored"]) - {"SIGPIPE"} == {"SIGINT", "SIGQUIT"}
            assert found["argv"] == ["one two"]
            assert found["cwd"] == os.getcwd()
            assert found["mark"] == "from the engine"
            assert found["group"]

    asyncio.run(story())


# Early ends


def test_an_early_end_is_told_to_the_session_that_started_it(lab: Workshop) -> None:
    lab.script(
        "ivr.py", "import sys\nimport yate_that_is_not_there\n", head="#!/usr/bin/env python3\n"
    )

    async def story() -> None:
        async with lab.running():
            await lab.start("ivr.py")
            event = await lab.event("ivr.py ended", "notice")
            assert event.session == "engine"
            head, *rest = event.lines
            assert re.fullmatch(
                r"ivr.py ended \d\.\d\d s after its start, exit status 1, never spoke the protocol",
                head,
            )
            assert "ModuleNotFoundError: No module named 'yate_that_is_not_there'" in rest
            assert rest[-1].startswith("do: install it for ")
            assert lab.of("ivr.py").state == "failed"
            why = await lab.do("external why ivr.py")
            assert [line.strip() for line in event.lines] == [
                line.strip() for line in why.text.splitlines()[1:]
            ]

    asyncio.run(story())


def test_an_early_end_of_a_configured_script_is_told_to_all(lab: Workshop) -> None:
    lab.configure(QUICK, "[scripts]\nbad.sh=x")
    lab.script("bad.sh", "echo oops >&2\nkill -SEGV $$\n")

    async def story() -> None:
        async with lab.running():
            event = await lab.event("bad.sh x ended", "notice")
            assert event.session == ""
            assert "killed by SIGSEGV" in event.lines[0]
            assert "oops" in event.lines

    asyncio.run(story())


def test_a_stray_first_line_is_told_at_once(lab: Workshop) -> None:
    lab.script("php.sh", "echo 'PHP Warning:  cannot load \033[1mthing'\n" + IDLE)

    async def story() -> None:
        async with lab.running():
            await lab.start("php.sh")
            event = await lab.event("not part of the protocol", "notice")
            assert event.session == "engine"
            assert event.lines[0].endswith("PHP Warning:  cannot load \\x1b[1mthing")
            assert lab.of("php.sh").pid is not None

    asyncio.run(story())


def test_a_stray_line_is_in_the_story_of_an_early_end(lab: Workshop) -> None:
    lab.script("warn.sh", "echo 'hello, world'\nexit 3\n")

    async def story() -> None:
        async with lab.running():
            await lab.start("warn.sh")
            event = await lab.event("warn.sh ended", "notice")
            assert "exit status 3" in event.lines[0]
            assert event.lines[1] == "printed: hello, world"

    asyncio.run(story())


def test_a_stop_is_no_early_end(lab: Workshop) -> None:
    lab.script("calm.sh", IDLE)

    async def story() -> None:
        async with lab.running():
            script = await lab.start("calm.sh")
            reply = await lab.do("external stop calm.sh")
            assert reply.text == "External command stopped\r\n"
            assert reply.params["ended"] in ("exit status 0", "killed by SIGTERM")
            assert (script.state, script.last_failure) == ("stopped", None)
            assert not lab.find_events("", "notice")

    asyncio.run(story())


# Standard error


def test_standard_error_is_told_and_its_last_lines_are_kept(lab: Workshop) -> None:
    lab.script("log.sh", "seq 1 250 >&2\nprintf 'the \\007end' >&2\nexec 2>&-\n" + IDLE)

    async def story() -> None:
        async with lab.running():
            script = await lab.start("log.sh")
            await lab.event("^<log.sh.*> 250$", "stderr")
            pid = script.pid
            assert lab.find_events(rf"^<log\.sh\[{pid}\]:stderr> 1$", "stderr")
            await lab.do("external stop log.sh")
            lines = (await lab.do("external log -n 1000 log.sh")).text.splitlines()
            assert (await lab.do("external log log.sh")).text.splitlines() == lines[-20:]
            assert len(lines) == 200
            assert lines[-2].endswith(f"[{pid}] 250")
            assert lines[-1].endswith("the \\x07end")

    asyncio.run(story())


def test_a_flood_on_standard_error_is_logged_in_part_counted_and_kept(lab: Workshop) -> None:
    lab.configure("lograte=10\nloglines=30")
    lab.script("log.sh", "seq 1 1000 >&2\n" + IDLE)

    async def story() -> None:
        async with lab.running():
            await lab.start("log.sh")
            event = await lab.event("'log.sh' wrote .* more lines on standard error", "debug")
            logged = [one.text for one in lab.find_events("^<log", "stderr")]
            assert logged[:10] == [str(number) for number in range(1, 11)]
            assert event.level == log.WARN
            await lab.do("external stop log.sh")
            assert sum(_left_out(lab)) + len(lab.find_events("", "stderr")) == 1000
            lines = (await lab.do("external log -n 99 log.sh")).text.splitlines()
            assert [line.split()[-1] for line in lines] == [str(n) for n in range(971, 1001)]

    asyncio.run(story())


def _left_out(lab: Workshop) -> list[int]:
    """The numbers of lines that were left out of the log, as it counts them."""
    events = lab.find_events("more lines on standard error", "debug")
    return [int(event.text.split("wrote ")[1].split()[0]) for event in events]


def test_what_a_flood_left_out_is_told_before_the_end(lab: Workshop) -> None:
    lab.configure("lograte=10")
    lab.script("log.sh", "seq 1 1000 >&2\nexit 3\n")

    async def story() -> None:
        async with lab.running():
            await lab.start("log.sh")
            end = await lab.event("^log.sh ended", "notice")
            assert end.lines[1:] == tuple(str(number) for number in range(989, 1001))
            assert sum(_left_out(lab)) + len(lab.find_events("", "stderr")) == 1000

    asyncio.run(story())


# Restart


def test_restart_brings_a_script_back_with_growing_delays_and_gives_up(lab: Workshop) -> None:
    lab.configure("restart_delay=8\nrestart_max=3")
    lab.script("crash.sh", TALK + "echo broken >&2\nexit 9\n")

    async def story() -> None:
        async with lab.running():
            script = await lab.start("crash.sh")
            event = await lab.event("is given up", "notice")
            assert script.state == "failed"
            assert script.restarts == 3
            assert "started again 3 times in 60 s" in event.lines[0]
            assert "last exit status 9" in event.lines[0]
            assert "broken" in event.lines
            assert event.lines[-1].startswith("do: ")
            waits = [
                re.search(r"again in .* s, (\d) of 3", event.text)
                for event in lab.find_events("is started again", "debug")
            ]
            assert [wait[1] for wait in waits if wait] == ["1", "2", "3"]
            shown = (await lab.do("external show crash.sh")).text.splitlines()[1].split("\t")
            assert shown[2].startswith("failed ")

    asyncio.run(story())


def test_a_delay_doubles_with_jitter_and_shows(lab: Workshop) -> None:
    lab.configure("restart_delay=20000")
    lab.script("crash.sh", TALK + "exit 9\n")

    async def story() -> None:
        async with lab.running():
            script = await lab.start("crash.sh")
            await lab.event("is started again in")
            left = float(re.fullmatch(r"backing off \((.*) s\)", script.describe_state())[1])  # type: ignore[index]
            assert 14.5 <= left <= 25
            assert script.describe_restarts() == "1 of 5"
            reply = await lab.do("external stop crash.sh")
            assert reply.text == "External command stopped\r\n"
            assert "ended" not in reply.params
            assert script.state == "stopped"

    asyncio.run(story())


def test_a_script_that_backs_off_is_started_by_hand_once(lab: Workshop) -> None:
    lab.configure("restart_delay=20000")
    marker = lab.folder / "calm"
    lab.script("crash.sh", TALK + f"test -e {marker} || exit 9\n" + IDLE)

    async def story() -> None:
        async with lab.running():
            script = await lab.start("crash.sh")
            await lab.event("is started again in")
            marker.touch()
            assert await lab.start("crash.sh") is script
            assert script.restarts == 0
            assert script.state in states.LIVE

    asyncio.run(story())


def test_what_cannot_heal_is_not_tried_again(lab: Workshop) -> None:
    path = lab.script("crash.sh", TALK + "rm $0\nexit 9\n")

    async def story() -> None:
        async with lab.running():
            script = await lab.start("crash.sh")
            event = await lab.event("No such file or directory .ENOENT", "notice")
            assert event.session == "engine"
            assert script.state == "failed"
            assert script.restarts == 1
            assert not path.exists()

    asyncio.run(story())


def test_what_can_heal_is_tried_again(lab: Workshop) -> None:
    """A program that is open for writing is busy (ETXTBSY) until it is closed."""
    lab.configure("restart_delay=8\nrestart_max=1000")
    program = lab.folder / "scripts" / "program"
    program.write_bytes(Path("/bin/cat").read_bytes())
    program.chmod(0o755)

    async def story() -> None:
        async with lab.running():
            script = await lab.start("program -")
            assert script.peer is not None
            assert script.pid is not None
            script.peer.settings = script.peer.settings.changed(restart=True)
            pid = script.pid
            # Linux refuses to open it for writing while it runs: another file takes its place.
            fresh = program.with_name("fresh")
            fresh.write_bytes(program.read_bytes())
            fresh.chmod(0o755)
            with open(fresh, "ab"):
                fresh.rename(program)
                os.kill(pid, signal.SIGKILL)
                await lab.event("Text file busy")
                assert script.state == "backing off"
            while script.pid is None:
                await lab.next_event("Loading external module")
            assert script.state in ("starting", "running")

    asyncio.run(story())


# Stop


@pytest.mark.parametrize(
    ("body", "ended"),
    [
        ("read -r line\nexit 4\n", "exit status 4"),
        ("while :; do read -r line || sleep 100; done\n", "killed by SIGTERM"),
        ("trap '' TERM\nwhile :; do read -r line || sleep 0.02; done\n", "killed by SIGKILL"),
        ("kill -STOP $$\n", "killed by SIGKILL"),
    ],
    ids=["by itself", "by SIGTERM", "by SIGKILL", "stopped"],
)
def test_stop_tells_how_the_script_ended(lab: Workshop, body: str, ended: str) -> None:
    lab.script("x.sh", "echo '%%>output:here'\n" + body)

    async def story() -> None:
        async with lab.running():
            script = await lab.start("x.sh")
            pid = script.pid
            assert pid is not None
            await lab.event("^here$")
            reply = await lab.do("external stop x.sh")
            assert reply.text == "External command stopped\r\n"
            assert reply.params["ended"] == ended
            assert not alive(pid)

    asyncio.run(story())


def test_two_stops_wait_for_the_same_end(lab: Workshop) -> None:
    lab.script("x.sh", "echo '%%>output:here'\ntrap '' TERM\n" + IDLE + "sleep 100\n")

    async def story() -> None:
        async with lab.running():
            await lab.start("x.sh")
            await lab.event("^here$")
            replies = await asyncio.gather(
                lab.do("external stop x.sh"), lab.do("external stop x.sh")
            )
            assert [reply.params["ended"] for reply in replies] == ["killed by SIGKILL"] * 2

    asyncio.run(story())


def test_a_grandchild_that_holds_the_pipes_hides_no_death_and_goes_too(lab: Workshop) -> None:
    lab.script(
        "parent.sh",
        "(trap '' TERM; echo \"%%>output:child $(exec sh -c 'echo $PPID')\"; "
        "while :; do sleep 0.05; done) &\nread -r line\n",
    )

    async def story() -> None:
        async with lab.running():
            script = await lab.start("parent.sh")
            child = int((await lab.event("^child ")).text.split()[1])
            assert script.pid is not None
            os.kill(script.pid, signal.SIGKILL)
            await lab.event("parent.sh ended .*killed by SIGKILL", "notice")
            await gone(child)

    asyncio.run(story())


def test_closing_the_output_alone_is_no_death_but_the_ladder_follows(lab: Workshop) -> None:
    lab.script("mute.sh", "echo '%%>output:here'\nexec >&-\nsleep 100\n")

    async def story() -> None:
        async with lab.running():
            script = await lab.start("mute.sh")
            event = await lab.event("mute.sh was ended", "notice")
            assert "because it closed its standard output, killed by SIGTERM" in event.lines[0]
            assert script.state == "failed"

    asyncio.run(story())


def test_closing_the_input_is_told_and_messages_pass_by(lab: Workshop) -> None:
    lab.script(
        "deaf.sh",
        "echo '%%>install::thing'\nread -r a\nexec <&-\necho '%%>output:deaf'\nsleep 100\n",
    )

    async def story() -> None:
        async with lab.running():
            await lab.start("deaf.sh")
            await lab.event("^deaf$")
            assert (await lab.send("thing"))[0] is False
            await lab.event("'deaf.sh' closed its standard input")

    asyncio.run(story())


def test_quit_is_no_failure_and_one_that_lingers_is_ended(lab: Workshop) -> None:
    lab.script("bye.sh", "echo '%%>quit'\nsleep 100\n")

    async def story() -> None:
        async with lab.running():
            script = await lab.start("bye.sh")
            await lab.event("terminating")
            assert (script.state, script.last_failure) == ("stopped", None)
            assert script.last_exit is not None
            assert script.last_exit.status.describe() == "killed by SIGTERM"

    asyncio.run(story())


def test_the_end_of_the_engine_cuts_the_ladder_short(lab: Workshop) -> None:
    lab.configure("stopwait=60000\ntermwait=60000")
    lab.script("x.sh", "echo '%%>output:here'\ntrap '' TERM\n" + IDLE + "sleep 100\n")

    async def story() -> None:
        async with lab.running():
            script = await lab.start("x.sh")
            await lab.event("^here$")
            loop = asyncio.get_running_loop()
            waiting = asyncio.create_task(script.stop())
            await asyncio.wait_for(script.stop(loop.time() + 0.05), 5)
            await waiting
            assert script.last_exit is not None
            assert script.last_exit.status.describe() == "killed by SIGKILL"

    asyncio.run(story())


def test_a_script_stays_up_while_others_come_and_go(lab: Workshop) -> None:
    lab.script("canary.sh", CANARY)
    lab.script("x.sh", IDLE)

    async def story() -> None:
        async with lab.running():
            canary = await lab.start_canary()
            for _ in range(5):
                await lab.start("x.sh")
                await lab.do("external restart x.sh")
                await lab.do("external stop x.sh")
            assert (await lab.send("canary"))[0]
            assert canary.state == "running"

    asyncio.run(story())
