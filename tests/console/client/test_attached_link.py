"""The link to an engine behind a remote manager, against a manager that only repeats replies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from yext.console.client.hosts import Host
from yext.console.client.link import AttachedLink
from yext.console.client.login import Password
from yext.console.link import Counts
from yext.console.replies.draw import Page
from yext.console.replies.render import draw
from yext.log import Event

YATE = {
    "status engine": "name=engine,type=system,version=6.4.1,nodename=pbx1;plugins=2",
    "status overview": "name=engine,type=system;plugins=2\r\n"
    "name=extmodule,type=misc;scripts=3,chans=1",
    "version": "version:  6.4.1\r\nrelease:  1\r\nrevision: 0",
    "external": "1. route.py 99",
    "external info": "1. route.py 99\r\n\tGlobal, pid=41\r\n2. bus 127.0.0.1:1\r\n\tGlobal, pid=1",
    "uptime": "Uptime: 0 00:00:01 (1) user: 0.1 kernel: 0.1",
    "help": "Available commands:\r\n  uptime\r\n  reload [plugin]",
}

YEXT = YATE | {
    "version": "version:  0.1.0\r\nrelease:  yext",
    "external show": "script\tparameter\tstate\tpid\r\nroute.py\t99\trunning\t41",
}


class Manager:
    """A remote manager that answers command lines from a table.

    Attributes:
        lines: the command lines that it got.
    """

    def __init__(self, replies: Mapping[str, str]) -> None:
        self.lines: list[str] = []
        self.writer: asyncio.StreamWriter | None = None
        self._replies = replies

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        while line := (await reader.readline()).decode().strip():
            if line.startswith("help yext-"):
                text = f"No help for '{line.removeprefix('help ')}'"
            else:
                self.lines.append(line)
                text = self._replies.get(line, "")
            writer.write(f"{text}\r\n".encode() if text else b"")
        writer.close()


Story = Callable[[AttachedLink, Manager], Awaitable[None]]


@asynccontextmanager
async def attached(
    path: str, replies: Mapping[str, str]
) -> AsyncIterator[tuple[AttachedLink, Manager]]:
    manager = Manager(replies)
    async with await asyncio.start_unix_server(manager.serve, path):
        link = AttachedLink(Host(path=path), Password())
        await link.connect()
        try:
            await link.introduce()
            manager.lines.clear()
            yield link, manager
        finally:
            await link.close()


def play(tmp_path: Path, replies: Mapping[str, str], story: Story) -> None:
    async def run() -> None:
        async with asyncio.timeout(20), attached(str(tmp_path / "m"), replies) as (link, manager):
            await story(link, manager)

    asyncio.run(run())


def test_who_is_there_is_asked_at_the_beginning(tmp_path: Path) -> None:
    async def story(link: AttachedLink, manager: Manager) -> None:
        assert (link.node, (await link.overview()).version) == ("pbx1", "6.4.1")
        assert link.counts() == Counts(running=1), "a peer of a listener is no script"
        assert link.flow() == f"attached to {tmp_path}/m | flow off"

    play(tmp_path, YATE, story)


def test_scripts_are_counted_again_after_a_command_of_a_module(tmp_path: Path) -> None:
    async def story(link: AttachedLink, manager: Manager) -> None:
        seen: asyncio.Queue[Event] = asyncio.Queue()
        link.subscribe(seen.put_nowait)
        await link.run("uptime")
        await link.run("module reload extmodule")
        assert (await seen.get()).lines == ("not a peer",), "it came while they were counted"
        assert manager.lines == ["uptime", "module reload extmodule", "external info"]
        await link.run("external")
        assert manager.lines[3:] == ["external"], "a look changes nothing"

    info = YATE["external info"] + "\r\nnot a peer"
    play(tmp_path, YATE | {"external info": info}, story)


@pytest.mark.parametrize(
    ("replies", "state", "asked"),
    [(YATE, "connected", ["external"]), (YEXT, "running", ["external", "external show",
                                                          "external info"])],
)  # fmt: skip
def test_a_picture_asks_no_yate_for_what_would_start_a_script(
    tmp_path: Path, replies: Mapping[str, str], state: str, asked: list[str]
) -> None:
    async def story(link: AttachedLink, manager: Manager) -> None:
        reply = await link.run("external")
        drawn = await draw(reply, "external", Page(80, False, True), link.look_up)
        assert drawn.splitlines()[1].split()[:3] == ["route.py", "99", state]
        assert [line for line in manager.lines if line.startswith("external")] == asked

    play(tmp_path, replies, story)


def test_what_only_looks_is_run_on_this_side(tmp_path: Path) -> None:
    async def story(link: AttachedLink, manager: Manager) -> None:
        assert (await link.run("flow")).text.startswith("Flow: off")
        assert (await link.run("watch 1 uptime")).text.startswith("Uptime")
        assert (await link.run("history")).text.split() == ["1", "flow", "2", "watch", "1",
                                                            "uptime", "3", "history"]  # fmt: skip
        assert manager.lines == ["uptime"]
        assert link.usage("watch ") == "watch SECONDS COMMAND"
        assert [word.text for word in await link.complete("flow pau")] == ["pause"]

    play(tmp_path, YATE, story)


def test_commands_are_those_that_the_other_end_lists(tmp_path: Path) -> None:
    async def story(link: AttachedLink, manager: Manager) -> None:
        words = {word.text: word.description for word in await link.complete("")}
        assert words == {"uptime": "", "reload": "[plugin]"}

    play(tmp_path, YATE, story)


def test_a_lost_connection_is_reported_and_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yext.console.client.link.FIRST_WAIT", 0.0)

    async def story(link: AttachedLink, manager: Manager) -> None:
        seen: asyncio.Queue[Event] = asyncio.Queue()
        link.subscribe(seen.put_nowait)
        assert manager.writer is not None
        manager.writer.close()
        assert (await seen.get()).lines[0].startswith(f"Connection to {tmp_path}/m lost: ")
        reply = await link.run("uptime")
        assert (reply.ok, reply.params["error"]) == (False, "notconnected")
        assert (await seen.get()).lines[0] == f"Connected to {tmp_path}/m again"
        assert (await link.run("uptime")).ok

    play(tmp_path, YATE, story)
