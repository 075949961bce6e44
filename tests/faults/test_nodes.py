"""Nodes as processes that are cut off, slowed, reset, killed, stopped and started again."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from sharing import SECONDS, Node, removed, running

from tests.clusterfaults import SHARING, NodeProcess, Wire, holding, through_faults
from tests.networks import SLOW_WAYS, WAYS, Way
from yext import Message
from yext.cluster.link.protocol import LinkProtocol
from yext.record.journey import Journey, StepResult


def linked(folder: Path, address: str) -> Node:
    """A node in this process with a link to that address."""
    return Node(folder, "alder", f"{SHARING}[link beech]\naddress={address}\n")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a silent node be gone soon, so that the tests need not wait."""
    monkeypatch.setattr(LinkProtocol, "silence", 1.0)


async def here(alder: Node) -> None:
    """Wait until the other node can be asked."""
    async with asyncio.timeout(SECONDS):
        while not alder.homes("user.work"):
            await asyncio.sleep(0.01)


async def work(alder: Node, ident: str) -> bool:
    """Have a message handled on the other node."""
    message = Message("user.work", {"id": ident})
    return await asyncio.wait_for(alder.engine.dispatch(message), SECONDS)


def test_messages_through_all_faults_are_accounted_for_exactly(tmp_path: Path) -> None:
    """`make cluster` has 100,000 of them."""
    account = asyncio.run(through_faults(tmp_path, 3000))
    account.check()
    assert account.results["handled"] > 1500
    assert account.results["gone"] > 0


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("way", WAYS)
def test_a_way_that_is_cut_without_a_word(tmp_path: Path, way: str) -> None:
    async def main(between: Way) -> None:
        alder = linked(tmp_path, between.address)
        async with running(alder):
            await here(alder)
            assert await work(alder, "1")
            futures = await holding(alder, between.node, 10)
            between.cut()
            assert await asyncio.wait_for(asyncio.gather(*futures), SECONDS) == [False] * 10
            await alder.says("node beech is gone: nothing was heard of it for")
            await removed(alder, "user.work")
            assert not await work(alder, "2")
            between.mend()
            await here(alder)
            assert await work(alder, "3")
        assert [one for one in between.node.worked() if "hold" not in one] == ["1", "3"]

    async def run() -> None:
        async with WAYS[way](tmp_path) as between:
            await main(between)

    asyncio.run(run())


@pytest.mark.parametrize("way", SLOW_WAYS)
def test_a_way_that_is_slow(tmp_path: Path, way: str) -> None:
    async def main(between: Way) -> None:
        alder = linked(tmp_path, between.address)
        async with running(alder):
            await here(alder)
            between.slow()
            journeys: list[Journey] = []
            alder.engine.recorder.follow(journeys.append)
            assert all(await asyncio.gather(*(work(alder, str(one)) for one in range(20))))
            step = next(one for one in journeys if one.name == "user.work").steps[0]
            assert step.there is not None
            assert step.took - step.there > 0.05, "the way, apart from the time there"
            assert step.there < step.took - step.there
            between.mend()

    async def run() -> None:
        async with SLOW_WAYS[way](tmp_path) as between:
            await main(between)

    asyncio.run(run())


def test_a_link_that_is_reset_is_open_again(tmp_path: Path) -> None:
    async def main() -> None:
        with NodeProcess(tmp_path, "beech") as beech:
            async with Wire(beech.port) as wire:
                alder = linked(tmp_path, f"127.0.0.1:{wire.port}")
                async with running(alder):
                    await here(alder)
                    futures = await holding(alder, beech, 10)
                    wire.reset()
                    assert not any(await asyncio.wait_for(asyncio.gather(*futures), SECONDS))
                    await here(alder)
                    assert await work(alder, "1")

    asyncio.run(main())


def test_a_node_that_is_killed_releases_what_it_has(tmp_path: Path) -> None:
    async def main() -> None:
        with NodeProcess(tmp_path, "beech") as beech:
            alder = linked(tmp_path, f"127.0.0.1:{beech.port}")
            async with running(alder):
                futures = await holding(alder, beech, 100)
                journeys: list[Journey] = []
                alder.engine.recorder.follow(journeys.append)
                beech.stop()
                assert not any(await asyncio.wait_for(asyncio.gather(*futures), SECONDS))
                told = await alder.says("node beech is gone: ")
                assert "100 messages that it had go on without it" in told
                beech.start()
                await here(alder)
                assert await work(alder, "1")

    asyncio.run(main())


@pytest.mark.usefixtures("impatient")
def test_a_node_that_hangs_is_left_out_until_it_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        with NodeProcess(tmp_path, "beech") as beech:
            alder = linked(tmp_path, f"127.0.0.1:{beech.port}")
            async with running(alder):
                await here(alder)
                beech.signal(signal.SIGSTOP)
                journeys: list[Journey] = []
                alder.engine.recorder.follow(journeys.append)
                assert not await work(alder, "1")
                routed = [one for one in journeys if one.name == "user.work"]
                assert routed[0].steps[0].result is StepResult.GONE
                assert not await work(alder, "2")
                beech.signal(signal.SIGCONT)
                await here(alder)
                assert await work(alder, "3")
            assert beech.worked().count("1") <= 1
            assert "2" not in beech.worked()

    asyncio.run(main())
