"""A console as a peer of the bus: its own messages, and the times of others'."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from yates import Yate

from yext import Engine, Message
from yext.console.client.bus import BusPeer, Measured
from yext.console.client.connection import ConnectError
from yext.console.client.hosts import Host
from yext.console.client.link import AttachedLink, Beside
from yext.console.client.login import Password

Story = Callable[[Engine, str], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    """Play a story on an engine with a listener of role global, as a Yate has."""
    path = str(folder / "bus")
    (folder / "extmodule.conf").write_text(
        f"[general]\n[listener bus]\ntype=unix\npath={path}\nrole=global\n"
    )

    async def run() -> None:
        async with asyncio.timeout(30), Engine(folder) as engine:
            await story(engine, path)

    asyncio.run(run())


async def connected(path: str) -> BusPeer:
    peer = BusPeer(path, lambda reason: None)
    await peer.connect()
    return peer


def test_a_message_goes_through_the_handlers_and_comes_back_changed(tmp_path: Path) -> None:
    async def story(engine: Engine, path: str) -> None:
        def route(message: Message) -> bool:
            message.retvalue = "sip/1"
            message.params["seen"] = message["called"]
            return True

        engine.install("call.route", route)
        peer = await connected(path)
        message = Message("call.route", {"called": "9:9"})
        assert await peer.dispatch(message)
        assert (message.retvalue, message["seen"]) == ("sip/1", "9:9")
        assert not await peer.dispatch(Message("no.such"))
        peer.close()

    play(tmp_path, story)


def test_messages_of_others_are_measured_and_not_changed(tmp_path: Path) -> None:
    async def story(engine: Engine, path: str) -> None:
        peer = await connected(path)
        seen: asyncio.Queue[Measured] = asyncio.Queue()
        peer.measure(["call.route"], seen.put_nowait)
        while not engine.dispatcher.is_installed("call.route"):
            await asyncio.sleep(0)

        def route(message: Message) -> bool:
            message.params["changed"] = "yes"
            return True

        engine.install("call.route", route)
        message = Message("call.route", {"called": "99"})
        assert await engine.dispatch(message)
        assert set(message.params) == {"called", "changed"}
        found = await seen.get()
        while found.answer.name != "call.route":
            found = await seen.get()
        assert found.took is not None and found.took > 0
        assert dict(found.before or {}) == {"called": "99"}
        assert found.retvalue is not None
        assert ("changed", "yes") in found.answer.changes
        peer.stop_measuring()
        peer.close()

    play(tmp_path, story)


def test_a_message_that_was_not_begun_here_has_no_time(tmp_path: Path) -> None:
    async def story(engine: Engine, path: str) -> None:
        peer = await connected(path)
        seen: asyncio.Queue[Measured] = asyncio.Queue()
        peer.measure([], seen.put_nowait)
        assert not await peer.dispatch(Message("no.such"))  # It has been watched since then.
        await engine.dispatch(Message("a.b"))
        found = await seen.get()
        while found.answer.name != "a.b":
            found = await seen.get()
        assert (found.took, found.before) == (None, None)
        peer.close()

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("where", "reason"),
    [("nohost", "HOST:PORT"), ("host:x", "HOST:PORT"), ("/nonexistent/bus", "No such file")],
)
def test_why_there_is_no_bus(where: str, reason: str) -> None:
    async def run() -> None:
        with pytest.raises(ConnectError, match=reason):
            await BusPeer(where, print).connect()

    asyncio.run(run())


def test_an_attached_console_sends_messages_and_follows_them(tmp_path: Path) -> None:
    async def story(engine: Engine, path: str) -> None:
        yate, manager = Yate(), str(tmp_path / "m")
        yate.replies["dispatcher handlers name=^"] = (
            "call.route priority=50 trackname='cdrbuild'\r\n"
            "call.route priority=100 trackname='regexroute'\r\n"
            "engine.timer priority=90 trackname='tone'\r\n"
        )
        engine.install("call.route", lambda message: True)
        async with await asyncio.start_unix_server(yate.serve, manager):
            link = AttachedLink(Host(path=manager), Password(), Beside(bus=path))
            await link.connect()
            await link.introduce()
            assert "attached to" in (await link.overview()).remarks[0]
            words = {word.text: word.description for word in await link.complete("message call")}
            assert words == {"call.route": "handled by cdrbuild regexroute"}
            assert (await link.run("message call.route called=99")).ok
            assert not (await link.run("message no.such")).ok
            await link.run("flow on call.*")
            while not engine.dispatcher.is_installed("call.route"):
                await asyncio.sleep(0)
            link.own.view = None
            while not (reply := await link.run("flow last")).text.count("call.route"):
                await engine.dispatch(Message("call.route", {"called": "1"}))
                await asyncio.sleep(0)
            assert "ms" in reply.text
            table = asyncio.ensure_future(link.run("top 0.3"))
            while not table.done():
                await engine.dispatch(Message("call.route", {"called": "1"}))
                await asyncio.sleep(0.01)
            heading, *rows = (await table).text.splitlines()
            assert heading.split("\t")[0] == "message"
            (row,) = [row.split("\t") for row in rows if row.startswith("call.route")]
            assert float(row[1]) > 0 and float(row[2]) > 0 and row[4] == "0"
            assert not [line for line in yate.lines if line.startswith("message")]
            await link.close()

    play(tmp_path, story)


def test_a_hostile_bus_is_bounded(tmp_path: Path) -> None:
    """It sends what was not asked for: other names, endless lines, answers to nobody."""
    path = str(tmp_path / "bus")
    told: list[str] = []

    async def hostile(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"%%<setlocal:reenter:false:true\n")
        for number in range(5000):
            writer.write(f"%%>message:{number}:1:name{number}::a=1\n%%<message:x:true::\n".encode())
            writer.write(b"%%>message\n%%<message:\nnoise\n%%<message::maybe:x:\n")
        with contextlib.suppress(OSError):
            while not writer.is_closing():
                writer.write(b"x" * 65536)
                await writer.drain()

    async def run() -> None:
        lost = asyncio.Event()

        def ended(reason: str) -> None:
            told.append(reason)
            lost.set()

        async with asyncio.timeout(60), await asyncio.start_unix_server(hostile, path):
            peer = BusPeer(path, ended)
            await peer.connect()
            peer.measure(["call.route"], lambda measured: None)
            await lost.wait()
            with pytest.raises(ConnectError):
                await peer.dispatch(Message("a"))

    asyncio.run(run())
    assert told
