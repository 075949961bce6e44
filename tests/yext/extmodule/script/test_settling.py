"""When a script is settled: it has done what it does at first, or has ended."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from workshop import IDLE, TIMEOUT, Workshop

from yext.engine.module import starts_of
from yext.extmodule.script.settling import Start

IN_STEPS = """echo '%%>setlocal:restart:false'
read -r answer
echo '%%>install:50:one'
read -r answer
echo '%%>message:m:0:slow::'
read -r answer
echo '%%>install:50:two'
"""


@pytest.fixture
def lab(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def played(story: Callable[[Workshop], Awaitable[None]]) -> Callable[[Workshop], None]:
    """A test that plays a story."""

    def test(lab: Workshop) -> None:
        asyncio.run(_awaited(story(lab)))

    return test


async def _awaited(one: Awaitable[None]) -> None:
    await one


async def reaches(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0.005)


async def settled(lab: Workshop, line: str) -> Start:
    script = await lab.start(line)
    start = script.begun
    assert start is not None
    await asyncio.wait_for(start.settled(), TIMEOUT)
    return start


@played
async def test_all_that_a_script_asks_for_at_first_is_carried_out(lab: Workshop) -> None:
    lab.script("steps.sh", IN_STEPS + IDLE)
    async with lab.running():
        held = asyncio.Event()

        async def slow(message: object) -> bool:
            await held.wait()
            return True

        lab.engine.install("slow", slow)
        waiting = asyncio.ensure_future(settled(lab, "steps.sh"))
        await asyncio.wait_for(lab.engine.dispatcher.installed("one"), TIMEOUT)
        assert not waiting.done()
        held.set()
        start = await waiting
        assert lab.engine.dispatcher.is_installed("two")
        assert (start.over, start.reason, start.promising) == (False, (), False)


@played
async def test_a_script_that_does_not_read_yet_is_not_settled(lab: Workshop) -> None:
    go = lab.folder / "go"
    lab.script(
        "busy.sh",
        f"echo '%%>watch:a'\nwhile [ ! -e {go} ]; do sleep 0.01; done\necho '%%>watch:b'\n" + IDLE,
    )
    async with lab.running():
        script = await lab.start("busy.sh")
        assert script.begun is not None
        waiting = asyncio.ensure_future(script.begun.settled())
        await reaches(
            lambda: script.peer is not None and len(script.peer.subscriptions.watches) == 1
        )
        await reaches(lambda: script.unread() > 0)
        assert not waiting.done()
        go.touch()
        await asyncio.wait_for(waiting, TIMEOUT)
        assert script.peer is not None
        assert list(script.peer.subscriptions.watches) == ["a", "b"]


@played
async def test_a_script_that_ends_is_settled_with_its_reason(lab: Workshop) -> None:
    lab.script("bad.sh", "exit 3\n")
    lab.script("good.sh", "echo '%%>quit'\n")
    async with lab.running():
        bad, good = await settled(lab, "bad.sh"), await settled(lab, "good.sh")
        assert bad.over and bad.ran and "exit status 3" in bad.reason[0]
        assert (good.over, good.reason) == (True, ())
        assert [bad.promising, good.promising] == [False, False]
        reply = await lab.do("external start gone.sh")
        assert not reply.ok
        gone = starts_of(lab.engine)[-1]
        assert (gone.ran, gone.over, gone.label) == (False, True, "gone.sh")
        await asyncio.wait_for(gone.settled(), TIMEOUT)


@played
async def test_a_script_that_is_brought_back_may_install_yet(lab: Workshop) -> None:
    lab.configure("restart_delay=60000")
    lab.script("again.sh", "echo '%%>setlocal:restart:true'\nread -r line\nexit 1\n")
    async with lab.running():
        start = await settled(lab, "again.sh")
        assert start.reason
        assert start.promising
        await lab.do("external stop again.sh")
        assert not start.promising


@played
async def test_a_start_by_the_configuration_has_no_session(lab: Workshop) -> None:
    lab.script("idle.sh", IDLE)
    lab.configure(rest="[scripts]\nidle.sh=")
    async with lab.running():
        await lab.start("idle.sh 2")
        assert [(one.label, one.session) for one in starts_of(lab.engine)] == [
            ("idle.sh", ""),
            ("idle.sh 2", "engine"),
        ]
