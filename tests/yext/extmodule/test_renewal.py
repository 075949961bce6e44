"""A script that is started anew beside the one that runs, and takes over when it is ready."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from workshop import TIMEOUT, Workshop, alive, gone

from yext import Message
from yext.dispatcher import FunctionHandler
from yext.engine.module import Renewal
from yext.extmodule import renewal
from yext.extmodule.script.script import Script

ANSWERS = """echo '%%>install:50:call.route'
while IFS=: read -r head id rest; do
    case $head in '%%>message') echo "%%<message:$id:true::{}" ;; esac
done
"""
"""A script whose version is the return value."""

ON_A_WORD = """echo '%%>install:50:call.route'
while IFS=: read -r head id rest; do
    case $head in '%%>message') read -r word < "{}"; echo "%%<message:$id:true::old" ;; esac
done
"""
"""A script that answers once a word is written to a named pipe."""


@pytest.fixture
def lab(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.configure("stopwait=20\ntermwait=200", "[scripts]\nroute.sh=")
    made.script("route.sh", ANSWERS.format("v1"))
    return made


@asynccontextmanager
async def running(lab: Workshop) -> AsyncIterator[None]:
    """Run the engine, and wait until its script is ready."""
    async with lab.running():
        await asyncio.wait_for(lab.engine.dispatcher.installed("call.route"), TIMEOUT)
        yield


async def renew(lab: Workshop) -> Renewal:
    """Start the one script anew that has changed."""
    (done,) = await asyncio.wait_for(lab.module.restart_changed(again=False), TIMEOUT)
    return done


async def successor(lab: Workshop) -> Script:
    """Wait for the process that is started anew."""
    while not any(one.pid for one in lab.module.supervisor.beside):
        await asyncio.sleep(0)
    (found,) = lab.module.supervisor.beside
    return found


async def version(lab: Workshop) -> str:
    handled, message = await lab.send("call.route")
    assert handled
    return message.retvalue


def test_the_new_one_takes_over(lab: Workshop) -> None:
    async def story() -> None:
        async with running(lab):
            old = lab.of("route.sh").pid
            assert old is not None
            assert await lab.module.restart_changed(again=False) == []
            lab.script("route.sh", ANSWERS.format("v2"))
            done = await renew(lab)
            script = lab.of("route.sh")
            assert done.ok
            assert done.lines[0].startswith(
                f"route.sh has changed: pid {script.pid} took over in place of pid {old} after 0."
            )
            assert await version(lab) == "v2"
            await gone(old)
            assert script.configured
            assert (await lab.do("external")).text == "1. route.sh \r\n"
            assert lab.module.counts() == (1, 0, 0)

    asyncio.run(story())


def test_one_that_does_not_start_leaves_the_old_one_alone(lab: Workshop) -> None:
    async def story() -> None:
        async with running(lab):
            old = lab.of("route.sh").pid
            lab.script("route.sh", "echo oops >&2; exit 3\n")
            done = await renew(lab)
            assert not done.ok
            assert done.lines[0] == (
                f"route.sh has changed, and the new one did not start: pid {old} goes on"
            )
            assert "exit status 3" in done.lines[1]
            assert "oops" in "\n".join(done.lines)
            assert (await version(lab), lab.of("route.sh").pid) == ("v1", old)
            assert lab.find_events("", "notice") == [], "the one who asked tells it"
            assert await lab.module.restart_changed(again=False) == [], "it is told once"
            (again,) = await lab.module.restart_changed(again=True)
            assert not again.ok

    asyncio.run(story())


@pytest.mark.parametrize(
    ("mode", "reason"), [(0o644, "not executable"), (0o755, "it was not ready within 0")]
)
def test_other_ways_of_not_starting(
    lab: Workshop, monkeypatch: pytest.MonkeyPatch, mode: int, reason: str
) -> None:
    monkeypatch.setattr(renewal, "READY_SECONDS", 0.05)

    async def story() -> None:
        async with running(lab):
            lab.script("route.sh", "read -r line\n").chmod(mode)
            done = await renew(lab)
            assert not done.ok
            assert reason in done.lines[1]
            assert await version(lab) == "v1"
            assert lab.module.supervisor.beside == {}

    asyncio.run(story())


def test_a_message_that_the_old_one_has_is_answered_by_it(lab: Workshop) -> None:
    pipe = lab.folder / "pipe"
    os.mkfifo(pipe)

    async def story() -> None:
        lab.script("route.sh", ON_A_WORD.format(pipe))
        async with running(lab):
            old = lab.of("route.sh").pid
            assert old is not None
            message = Message("call.route")
            waiting = asyncio.ensure_future(lab.engine.dispatch(message))
            await asyncio.sleep(0)
            lab.script("route.sh", ANSWERS.format("v2"))
            assert (await renew(lab)).ok
            assert await version(lab) == "v2"
            assert alive(old)
            await asyncio.to_thread(pipe.write_text, "go\n")
            assert await asyncio.wait_for(waiting, TIMEOUT)
            assert message.retvalue == "old"
            await gone(old)

    asyncio.run(story())


def test_it_takes_the_place_among_handlers_of_one_priority(lab: Workshop) -> None:
    async def story() -> None:
        async with running(lab):
            lab.engine.install("call.route", lambda message: False, priority=50)
            lab.script("route.sh", ANSWERS.format("v2"))
            assert (await renew(lab)).ok
            view = lab.engine.dispatcher.view("call.route")
            mine = [one for one in view if one.priority == 50 and not one.built_in]
            assert [isinstance(one, FunctionHandler) for one in mine] == [False, True]

    asyncio.run(story())


def test_a_handler_that_comes_late_is_waited_for(lab: Workshop) -> None:
    pipe = lab.folder / "pipe"
    os.mkfifo(pipe)

    async def story() -> None:
        async with running(lab):
            body = f"echo '%%>watch:x'\nread -r line\nread -r word < '{pipe}'\n"
            body += ANSWERS.format("v2")
            lab.script("route.sh", body)
            task = asyncio.ensure_future(renew(lab))
            begun = (await successor(lab)).begun
            assert begun is not None
            await asyncio.wait_for(begun.settled(), TIMEOUT)
            for _ in range(100):
                await asyncio.sleep(0)
            assert not task.done(), "it has spoken, and has no handler yet"
            await asyncio.to_thread(pipe.write_text, "go\n")
            assert (await task).ok
            assert await version(lab) == "v2"

    asyncio.run(story())


def test_a_handler_that_was_dropped_is_waited_for_a_while(
    lab: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "LACK_SECONDS", 0.05)

    async def story() -> None:
        async with running(lab):
            lab.script("route.sh", ANSWERS.format("v2").replace("call.route", "call.other"))
            assert (await renew(lab)).ok
            assert not (await lab.send("call.route"))[0]
            assert (await lab.send("call.other"))[0]

    asyncio.run(story())


def test_a_script_that_had_failed_is_started(lab: Workshop) -> None:
    async def story() -> None:
        lab.script("route.sh", "exit 3\n")
        async with lab.running():
            await lab.event("exit status 3", "notice")
            lab.script("route.sh", ANSWERS.format("v2"))
            done = await renew(lab)
            assert done.ok
            assert "in place of" not in done.lines[0]
            assert await version(lab) == "v2"

    asyncio.run(story())


def test_commands_do_not_mean_the_one_that_is_not_ready(lab: Workshop) -> None:
    pipe = lab.folder / "pipe"
    os.mkfifo(pipe)

    async def story() -> None:
        lab.script("route.sh", "exit 3\n")
        async with lab.running():
            await lab.event("exit status 3", "notice")
            lab.script("route.sh", f"read -r word < '{pipe}'\n" + ANSWERS.format("v2"))
            task = asyncio.ensure_future(renew(lab))
            await successor(lab)
            assert not (await lab.do("external stop route.sh")).ok
            await asyncio.to_thread(pipe.write_text, "go\n")
            assert (await task).ok
            assert (await lab.do("external stop route.sh")).ok

    asyncio.run(story())


def test_one_that_was_stopped_meanwhile_stays_stopped(lab: Workshop) -> None:
    pipe = lab.folder / "pipe"
    os.mkfifo(pipe)

    async def story() -> None:
        async with running(lab):
            lab.script("route.sh", f"read -r word < '{pipe}'\n" + ANSWERS.format("v2"))
            task = asyncio.ensure_future(renew(lab))
            writer = await asyncio.to_thread(pipe.open, "w")
            await lab.do("external stop route.sh")
            writer.write("go\n")
            writer.close()
            done = await task
            assert (done.ok, done.lines[1]) == (False, "it was stopped meanwhile")
            assert (await lab.do("external")).text == ""
            assert not (await lab.send("call.route"))[0]

    asyncio.run(story())


def test_an_old_one_that_dies_while_it_answers_is_not_started_again(lab: Workshop) -> None:
    pipe = lab.folder / "pipe"
    os.mkfifo(pipe)

    async def story() -> None:
        lab.script("route.sh", "echo '%%>setlocal:restart:true'\n" + ON_A_WORD.format(pipe))
        async with running(lab):
            old = lab.of("route.sh").pid
            assert old is not None
            waiting = asyncio.ensure_future(lab.engine.dispatch(Message("call.route")))
            await asyncio.sleep(0)
            lab.script("route.sh", ANSWERS.format("v2"))
            assert (await renew(lab)).ok
            os.kill(old, signal.SIGKILL)
            assert await asyncio.wait_for(waiting, TIMEOUT) is False
            await gone(old)
            assert lab.find_events("is started again") == []
            assert await version(lab) == "v2"
            assert (await lab.do("external")).text == "1. route.sh \r\n"

    asyncio.run(story())


def test_the_engine_stops_both(lab: Workshop) -> None:
    async def story() -> tuple[int | None, int | None]:
        async with running(lab):
            lab.script("route.sh", "read -r line\n")
            task = asyncio.ensure_future(renew(lab))
            pids = lab.of("route.sh").pid, (await successor(lab)).pid
        assert not (await task).ok
        return pids

    old, new = asyncio.run(story())
    assert old is not None and new is not None
    assert not alive(old) and not alive(new)


def test_reload_starts_changed_scripts_anew(lab: Workshop) -> None:
    async def story() -> None:
        async with running(lab):
            lab.script("route.sh", ANSWERS.format("v2"))
            reply = await lab.do("reload --restart-changed")
            assert reply.ok and "route.sh has changed: pid " in reply.text
            assert await version(lab) == "v2"
            lab.script("route.sh", "exit 3\n")
            reply = await lab.do("reload --restart-changed extmodule")
            assert not reply.ok
            assert "did not start: pid " in reply.params["reason"]
            assert reply.params["hint"] == "mend it, reload --restart-changed again"
            assert not (await lab.do("reload --restart-changed")).ok, "it is tried each time"
            assert (await lab.do("reload")).ok

    asyncio.run(story())
