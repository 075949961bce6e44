"""Nodes by a real NATS server: they find each other, ask each other, and notice what is wrong."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path

import pytest
from natsservers import NatsServer
from nodes import Slow
from sharing import SECONDS, SHARE, Node, installed, removed, running

from yext import Message
from yext.cluster import nats
from yext.record.journey import Journey, StepResult


def on(server: NatsServer, more: str = "", share: str = SHARE) -> str:
    """The text of a yext.conf."""
    return f"{share}[nats]\nservers={server.url}\n{more}"


def test_nodes_find_each_other_and_share(tmp_path: Path) -> None:
    async def main(server: NatsServer) -> None:
        nodes = [Node(tmp_path, name, on(server)) for name in ("alder", "be.ech", "cedar")]
        alder, beech, cedar = nodes
        async with running(*nodes):
            count: Counter[str] = Counter()
            for node in (beech, cedar):
                name = node.engine.node
                handler = node.engine.install(
                    "call.route", lambda message, name=name: bool(count.update([name])) or True
                )
                handler.owner = "route.py"
            async with asyncio.timeout(SECONDS):
                standins = alder.cluster.exchange.asking.standins
                while [len(one.homes) for one in standins.values()] != [2]:
                    await asyncio.sleep(0.01)
            for _ in range(200):
                assert await alder.engine.dispatch(Message("call.route", {"called": "9:%é"}))
            assert count.total() == 200
            assert min(count.values()) > 50
            text = (await alder.engine.command("status cluster")).text
            assert ";be.ech=nats|1|0|0|" in text
            reply = await alder.engine.command("node be.ech external info")
            assert reply.ok
            assert (await alder.engine.command("external info --all")).text.count("node ") == 3

    with NatsServer(tmp_path) as server:
        asyncio.run(main(server))


def test_a_node_with_another_prefix_is_not_found(tmp_path: Path) -> None:
    async def main(server: NatsServer) -> None:
        alder, beech = Node(tmp_path, "alder", on(server)), Node(tmp_path, "beech", on(server))
        other = Node(tmp_path, "other", on(server, "prefix=shop.two\n"))
        async with running(other, alder, beech):
            await alder.says("node beech has come")
            assert list(alder.cluster.exchange.nodes) == ["beech"]
            assert not other.cluster.exchange.nodes

    with NatsServer(tmp_path) as server:
        asyncio.run(main(server))


def test_a_server_that_dies_is_noticed_and_local_work_goes_on(tmp_path: Path) -> None:
    async def main(server: NatsServer) -> None:
        alder, beech = Node(tmp_path, "alder", on(server)), Node(tmp_path, "beech", on(server))
        async with running(alder, beech):
            slow = Slow()
            beech.engine.dispatcher.install(slow)
            alder.engine.install("call.route", lambda message: True, 90)
            await installed(beech, "call.route")
            async with asyncio.timeout(SECONDS):
                while not alder.cluster.exchange.asking.standins:
                    await alder.engine.dispatcher.changed()
            journeys: list[Journey] = []
            alder.engine.recorder.follow(journeys.append)
            futures = [
                asyncio.ensure_future(alder.engine.dispatch(Message("call.route")))
                for _ in range(50)
            ]
            async with asyncio.timeout(SECONDS):
                while len(slow.taken) < 50:
                    await asyncio.sleep(0.01)
            server.stop()
            assert all(await asyncio.wait_for(asyncio.gather(*futures), SECONDS))
            routed = [one for one in journeys if one.name == "call.route"]
            steps = {step.owner: step.result for one in routed for step in one.steps}
            assert steps["beech:slow.py"] is StepResult.GONE
            told = await alder.says("nats (127.0.0.1:")
            assert "nodes gone: 1, messages that go on without them: 50" in told
            assert not alder.cluster.exchange.asking.standins
            assert await alder.engine.dispatch(Message("call.route"))
            server.start()
            for dispatch in slow.taken:
                dispatch.answered(True)
            async with asyncio.timeout(SECONDS):
                while not alder.cluster.exchange.asking.standins:
                    await alder.engine.dispatcher.changed()

    with NatsServer(tmp_path) as server:
        asyncio.run(main(server))


def test_a_server_that_hangs_is_noticed(tmp_path: Path) -> None:
    async def main(server: NatsServer) -> None:
        alder, beech = Node(tmp_path, "alder", on(server)), Node(tmp_path, "beech", on(server))
        async with running(alder, beech):
            beech.engine.install("call.route", lambda message: True)
            await installed(alder, "call.route")
            server.signal(signal.SIGSTOP)
            await removed(alder, "call.route")
            await alder.says("the server does not answer for")
            assert not await alder.engine.dispatch(Message("call.route"))
            server.signal(signal.SIGCONT)
            await installed(alder, "call.route")
            assert await alder.engine.dispatch(Message("call.route"))

    with NatsServer(tmp_path) as server:
        asyncio.run(main(server))


USERS = """authorization {{ users = [
  {{ user: alder, password: a, permissions: {{ publish: {alder}, subscribe: {reads} }} }}
  {{ user: beech, password: b }}
] }}"""


def credentials(folder: Path, user: str, password: str) -> str:
    path = folder / f"{user}.credentials"
    path.write_text(f"{user}:{password}\n")
    path.chmod(0o600)
    return f"credentials={path}\n"


def test_what_the_server_forbids_is_told_at_once(tmp_path: Path) -> None:
    """Nothing waits for a timeout: the message goes on, and the node is left out."""
    conf = USERS.format(
        alder='["yext.alive.*.alder", "yext.announce.*.alder", "yext.want.*.alder",'
        ' "yext.reset.*.alder"]',
        reads='["yext.*.alder.*", "yext.alive._all.*"]',
    )

    async def main(server: NatsServer) -> None:
        alder = Node(tmp_path, "alder", on(server, credentials(tmp_path, "alder", "a")))
        beech = Node(tmp_path, "beech", on(server, credentials(tmp_path, "beech", "b")))
        async with running(beech, alder):
            beech.engine.install("call.route", lambda message: True)
            await installed(alder, "call.route")
            journeys: list[Journey] = []
            alder.engine.recorder.follow(journeys.append)
            assert not await asyncio.wait_for(alder.engine.dispatch(Message("call.route")), SECONDS)
            (journey,) = [one for one in journeys if one.name == "call.route"]
            assert journey.outcome == "unreachable"
            assert await alder.says("nats forbids this node to publish to yext.ask.beech.alder")
            assert not alder.cluster.exchange.asking.standins
            assert not await alder.engine.dispatch(Message("call.route"))

    with NatsServer(tmp_path, conf) as server:
        asyncio.run(main(server))


def test_a_subscription_that_is_forbidden_is_told(tmp_path: Path) -> None:
    conf = USERS.format(alder='"yext.>"', reads='["yext.alive._all.*"]')

    async def main(server: NatsServer) -> None:
        alder = Node(tmp_path, "alder", on(server, credentials(tmp_path, "alder", "a")))
        async with running(alder):
            await alder.says("nats forbids this node to subscribe to yext.*.alder.*")
            await alder.says("the server forbids to subscribe to yext.*.alder.*")

    with NatsServer(tmp_path, conf) as server:
        asyncio.run(main(server))


def test_permissions_keep_a_node_from_using_the_name_of_another(tmp_path: Path) -> None:
    """With the permissions of docs/cluster.md a node that forges a name is not heard."""
    conf = USERS.format(
        alder='"yext.*.*.alder"',
        reads='["yext.*.alder.*", "yext.*.mallory.*", "yext.alive._all.*"]',
    )

    async def main(server: NatsServer) -> None:
        mallory = Node(tmp_path, "mallory", on(server, credentials(tmp_path, "alder", "a")))
        beech = Node(tmp_path, "beech", on(server, credentials(tmp_path, "beech", "b")))
        async with running(beech, mallory):
            await mallory.says("nats forbids this node to publish to yext.alive._all.mallory")
            assert not beech.cluster.exchange.nodes

    with NatsServer(tmp_path, conf) as server:
        asyncio.run(main(server))


def test_a_wrong_password_is_told(tmp_path: Path) -> None:
    conf = USERS.format(alder='">"', reads='">"')

    async def main(server: NatsServer) -> None:
        alder = Node(tmp_path, "alder", on(server, credentials(tmp_path, "alder", "xyzzy")))
        async with running(alder):
            told = await alder.says("nats (127.0.0.1:")
            assert "authorization violation" in told.lower()
            assert "xyzzy" not in "".join(alder.log)
            assert "nats=nats|||||||" in (await alder.engine.command("status cluster")).text

    with NatsServer(tmp_path, conf) as server:
        asyncio.run(main(server))


def test_passwords_in_addresses_are_not_shown() -> None:
    assert nats._shown("nats://user:secret@nats.example:4333") == "nats.example:4333"
    assert nats._shown("nats.example") == "nats.example:4222"


def test_two_nodes_of_the_same_name_are_told(tmp_path: Path) -> None:
    async def main(server: NatsServer) -> None:
        beech, alder = Node(tmp_path, "beech", on(server)), Node(tmp_path, "alder", on(server))
        (tmp_path / "twin").mkdir()
        twin = Node(tmp_path / "twin", "alder", on(server))
        async with running(beech, alder):
            alder.engine.install("call.route", lambda message: True)
            await installed(beech, "call.route")
            async with running(twin):
                await beech.says("two nodes on nats are called alder")
                await alder.says("another node on nats is called alder too")
                await twin.says("another node on nats is called alder too")
                node = beech.cluster.exchange.nodes["alder"]
                assert node.instance == alder.cluster.exchange.instance
                assert await beech.engine.dispatch(Message("call.route"))

    with NatsServer(tmp_path) as server:
        asyncio.run(main(server))


def test_a_link_is_used_before_nats(tmp_path: Path) -> None:
    from ports import free_port

    async def main(server: NatsServer) -> None:
        port = free_port()
        listener = f"[listener l]\ntype=tcp\nport={port}\nrole=global\n"
        link = f"[link beech]\naddress=127.0.0.1:{port}\n"
        beech, alder = (
            Node(tmp_path, "beech", on(server), listener),
            Node(tmp_path, "alder", on(server, link)),
        )
        async with running(beech, alder):
            beech.engine.install("call.route", lambda message: True)
            async with asyncio.timeout(SECONDS):
                while True:
                    both = [alder.cluster.exchange.nodes.get("beech"),
                            beech.cluster.exchange.nodes.get("alder")]  # fmt: skip
                    if all(one is not None and one.carrier.kind == "link" for one in both):
                        break
                    await asyncio.sleep(0.01)
            await installed(alder, "call.route")
            assert await alder.engine.dispatch(Message("call.route"))
            assert not [one for one in alder.log if "refused" in one]

    with NatsServer(tmp_path) as server:
        asyncio.run(main(server))


def test_a_stop_leaves_nothing(tmp_path: Path) -> None:
    async def main(server: NatsServer) -> None:
        alder, beech = Node(tmp_path, "alder", on(server)), Node(tmp_path, "beech", on(server))
        async with running(alder, beech):
            await alder.says("node beech has come")
            await beech.engine.stop()
            await alder.says("node beech is gone: it was stopped")
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert left == []

    with NatsServer(tmp_path) as server:
        asyncio.run(main(server))


def test_the_package_is_asked_for_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from yext import Engine

    (tmp_path / "yext.conf").write_text("[nats]\n")
    monkeypatch.setattr(nats, "find_spec", lambda name: None)

    async def main() -> None:
        (problem,) = Engine(tmp_path).rehearse()
        assert "pip install 'yate-yext[nats]'" in problem.text
        assert problem.line == 1
        async with Engine(tmp_path):
            pass

    asyncio.run(main())
