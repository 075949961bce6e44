"""Nodes as processes, a connection that can be cut, and an account of messages through faults.

    python -m tests.clusterfaults [MESSAGES]

sends 100,000 messages, or so many, through a restart of the NATS server, a cut of a link, and the
death of a node; it prints the account, and how soon faults were noticed (`make cluster`).
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from tests.natsservers import NatsServer
from tests.ports import free_port
from tests.sharing import SECONDS, Node, running
from yext import Message
from yext.dispatcher import Dispatch

ROOT = Path(__file__).parents[1]
WINDOW = 200
SHARING = "[share]\nhandle=user.*\n"


class NodeProcess:
    """A node as a process of its own (`tests.clusternode`).

    Args:
        folder: where its folder is made.
        name: its name.
        yext: its yext.conf beside ``[share]``.
        before: a command that it is run by, for another network namespace.
    """

    def __init__(
        self, folder: Path, name: str, yext: str = "", before: tuple[str, ...] = (),
        address: str = "127.0.0.1",
    ) -> None:  # fmt: skip
        self.name = name
        self.port = free_port()
        self.folder = folder / name
        self.folder.mkdir()
        (self.folder / "yext.conf").write_text(SHARING + yext)
        access = "" if address == "127.0.0.1" else "open=yes\n"
        (self.folder / "extmodule.conf").write_text(
            f"[listener nodes]\ntype=tcp\naddr={address}\nport={self.port}\nrole=global\n{access}"
        )
        self._before = before
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        command = [*self._before, sys.executable, "-m", "tests.clusternode"]
        self._process = subprocess.Popen(
            [*command, str(self.folder), self.name], cwd=ROOT, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        os.kill(self._process.pid, number)

    def stop(self) -> None:
        """Kill it, and wait until it has ended."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def worked(self) -> list[str]:
        """The ids of the messages that it has handled, in order."""
        log = self.folder / "work.log"
        return log.read_text().split("\n")[:-1] if log.exists() else []

    def __enter__(self) -> NodeProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Wire:
    """A way to a listener that can be cut, slowed and reset.

    Args:
        port: the listener's.

    Attributes:
        port: where the way begins.
        seconds: how long each piece of data is kept back.
    """

    def __init__(self, port: int) -> None:
        self.port = free_port()
        self.seconds = 0.0
        self._to = port
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_server(self._arrived, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Carry nothing any more, without a word."""
        self._flows.clear()

    def mend(self) -> None:
        """Carry what was kept back, and all that follows."""
        self._flows.set()

    def reset(self) -> None:
        """Reset all connections."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _arrived(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            other, onward = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        self._writers += (writer, onward)
        for one, another in ((reader, onward), (other, writer)):
            task = asyncio.get_running_loop().create_task(self._carry(one, another))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if self.seconds:
                    await asyncio.sleep(self.seconds)
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


class Account(NamedTuple):
    """What became of messages.

    Attributes:
        sent: how many were sent.
        returned: how often each id has returned: once, or there is a mistake.
        handled: the ids that were handled, by the answer here.
        worked: the ids that nodes have handled, by their own logs.
        asked, answered, lost: the sums over all nodes.
        results: how many ended how.
    """

    sent: int
    returned: collections.Counter[str]
    handled: set[str]
    worked: list[str]
    asked: int
    answered: int
    lost: int
    results: collections.Counter[str]

    def check(self) -> None:
        """Check that each message returned once, was handled at most once, and is accounted for."""
        assert len(self.returned) == self.sent
        assert set(self.returned.values()) == {1}
        assert len(set(self.worked)) == len(self.worked), "handled twice"
        assert self.handled <= set(self.worked)
        assert sum(self.results.values()) == self.sent
        assert self.asked == self.answered + self.lost
        assert self.answered == self.results["handled"] == len(self.handled)
        assert self.lost == self.results["gone"] + self.results["unreachable"]
        assert len(self.worked) - len(self.handled) <= self.lost


class Traffic:
    """Messages with ids, so many at a time in flight, on one node."""

    def __init__(self, node: Node, count: int) -> None:
        self._dispatcher = node.engine.dispatcher
        self._count = count
        self._next = 0
        self._done = asyncio.Event()
        self._milestones: dict[int, asyncio.Event] = {}
        self.returned: collections.Counter[str] = collections.Counter()
        self.handled: set[str] = set()
        self.results: collections.Counter[str] = collections.Counter()

    def start(self) -> None:
        """Send the first ones."""
        for _ in range(min(WINDOW, self._count)):
            self._send()

    async def reached(self, part: float) -> None:
        """Wait until a part of all messages has returned."""
        mark = max(1, int(self._count * part))
        if self.returned.total() < mark:
            await self._milestones.setdefault(mark, asyncio.Event()).wait()

    def _send(self) -> None:
        if self._next == self._count:
            return
        self._next += 1
        message = Message("user.work", {"id": str(self._next)})
        self._dispatcher.enqueue(Dispatch(self._dispatcher, message, self._ended))

    def _ended(self, dispatch: Dispatch) -> None:
        ident = dispatch.message["id"]
        self.returned[ident] += 1
        if dispatch.handled:
            self.handled.add(ident)
            assert dispatch.message.retvalue == ident
        outcome = dispatch.outcome
        self.results["handled" if dispatch.handled else outcome or "nobody"] += 1
        milestone = self._milestones.get(self.returned.total())
        if milestone is not None:
            milestone.set()
        # When no node is there all would return at once, before a node can come back.
        delay = 0.0 if dispatch.handled else 0.001
        asyncio.get_running_loop().call_later(delay, self._send)


async def through_faults(folder: Path, count: int) -> Account:
    """Send messages through a cut link, a restart of the NATS server and the death of a node."""
    with (
        NatsServer(folder) as server,
        NodeProcess(folder, "beech") as beech,
        NodeProcess(folder, "cedar", f"[nats]\nservers={server.url}\n") as cedar,
    ):
        async with Wire(beech.port) as wire:
            alder = Node(
                folder, "alder",
                f"{SHARING}[link beech]\naddress=127.0.0.1:{wire.port}\n"
                f"[nats]\nservers={server.url}\n",
            )  # fmt: skip
            async with running(alder):
                await both_here(alder)
                traffic = Traffic(alder, count)
                traffic.start()
                await traffic.reached(0.15)
                server.stop()
                await traffic.reached(0.3)
                server.start()
                await both_here(alder)
                await traffic.reached(0.45)
                wire.reset()
                await traffic.reached(0.6)
                beech.stop()
                await traffic.reached(0.75)
                beech.start()
                await traffic.reached(1.0)
                exchange = alder.cluster.exchange
                nodes = [*exchange.nodes.values(), *alder.gone]
                return Account(
                    count, traffic.returned, traffic.handled,
                    [*beech.worked(), *cedar.worked()],
                    sum(node.asked for node in nodes),
                    sum(node.answered for node in nodes),
                    sum(node.lost for node in nodes),
                    traffic.results,
                )  # fmt: skip


async def both_here(alder: Node) -> None:
    """Wait until both nodes can be asked."""
    async with asyncio.timeout(SECONDS):
        while len(alder.homes("user.work")) < 2:
            await asyncio.sleep(0.01)


async def released(folder: Path, way: str) -> float:
    """Return the seconds from the kill of a node to the release of the messages that it has."""
    with NatsServer(folder) as server:
        nats = f"[nats]\nservers={server.url}\n"
        with NodeProcess(folder, "beech", nats if way == "nats" else "") as beech:
            link = f"[link beech]\naddress=127.0.0.1:{beech.port}\n"
            alder = Node(folder, "alder", SHARING + (nats if way == "nats" else link))
            async with running(alder):
                futures = await holding(alder, beech, 100)
                began = perf_counter()
                beech.signal(signal.SIGKILL)
                await asyncio.wait_for(asyncio.gather(*futures), SECONDS)
                return perf_counter() - began


async def holding(alder: Node, beech: NodeProcess, count: int) -> list[asyncio.Future[bool]]:
    """Send messages that the other node takes and never answers; wait until it has them."""
    async with asyncio.timeout(SECONDS):
        while not alder.homes("user.hold"):
            await asyncio.sleep(0.01)
        messages = [Message("user.hold", {"id": str(number)}) for number in range(count)]
        futures = [asyncio.ensure_future(alder.engine.dispatch(one)) for one in messages]
        while len(beech.worked()) < count:
            await asyncio.sleep(0.01)
    return futures


async def server_noticed(folder: Path, number: int) -> float:
    """Return the seconds until the death, or the stop, of a server is noticed."""
    with NatsServer(folder) as server:
        nats = f"[nats]\nservers={server.url}\n"
        with NodeProcess(folder, "beech", nats):
            alder = Node(folder, "alder", SHARING + nats)
            async with running(alder):
                async with asyncio.timeout(SECONDS):
                    while not alder.homes("user.work"):
                        await asyncio.sleep(0.01)
                began = perf_counter()
                server.signal(number)
                async with asyncio.timeout(SECONDS):
                    while alder.homes("user.work"):
                        await alder.engine.dispatcher.changed()
                return perf_counter() - began


def main(count: int) -> None:
    """Print the account, and the times."""
    with tempfile.TemporaryDirectory() as name:
        began = perf_counter()
        account = asyncio.run(through_faults(Path(name), count))
        took = perf_counter() - began
    print(f"asked {account.asked:,}, answered {account.answered:,}, lost {account.lost:,}")
    print(f"returned: {dict(account.results)}")
    account.check()
    results = ", ".join(f"{key} {value:,}" for key, value in sorted(account.results.items()))
    print(f"{count:,} messages in {took:.0f} s: {results}; each returned once")
    handled_only = len(account.worked) - len(account.handled)
    print(f"handled on a node: {len(account.worked):,}, of which no answer came: {handled_only:,}")
    for way in ("link", "nats"):
        with tempfile.TemporaryDirectory() as name:
            seconds = asyncio.run(released(Path(name), way))
            print(f"kill -9 of a node with 100 messages, {way}: released after {seconds:.4f} s")
    for what, number in (("death", signal.SIGKILL), ("hang", signal.SIGSTOP)):
        with tempfile.TemporaryDirectory() as name:
            seconds = asyncio.run(server_noticed(Path(name), number))
            print(f"{what} of the NATS server: noticed after {seconds:.4f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 100_000)
