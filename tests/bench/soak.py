"""Everything at once for as long as wanted: python -m tests.bench.soak [MINUTES].

Peers of all kinds come and go at random: senders, handlers that answer, that do not, that leave
with messages in hand, watchers that do not read, scripts, operators with the flow on. Each
message must come back exactly once, and memory, descriptors and tasks of the engine must stay
within the formula of docs/performance.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from tests.bench import client
from tests.bench.target import Target, configured, process

BASE_MEMORY = 64 * 2**20
PEER_MEMORY = 12 * 1024
RECORD_MEMORY = 3 * 32 * 2**20
UNREAD_MEMORY = 4 * 2**20
"""Bytes of the formula: the engine, each peer, the record of messages, each that does not read."""

BASE_DESCRIPTORS = 32
PEER_DESCRIPTORS = 1
SCRIPT_DESCRIPTORS = 4
BASE_TASKS = 16
SESSION_TASKS = 4
SCRIPT_TASKS = 2
"""Descriptors and tasks of the formula."""

AT_ONCE = 12
"""How many of the visitors below there are at a time."""

CHECK_SECONDS = 1.0


@dataclass
class Told:
    """What a soak found.

    Attributes:
        sent, returned: messages.
        visits: how many peers, scripts and operators have come and gone.
        failures: what was not as it must be, in words.
        worst: the largest memory, descriptors and tasks that were seen.
    """

    sent: int = 0
    returned: int = 0
    visits: int = 0
    failures: list[str] = field(default_factory=list)
    worst: tuple[int, int, int] = (0, 0, 0)


class Counting(client.Lines):
    """Sends messages and strikes off what comes back."""

    def __init__(self, told: Told, name: str, count: int) -> None:
        super().__init__()
        self.told = told
        self.waited = {f"{name}-{number}".encode() for number in range(count)}
        self.done = asyncio.Event()

    def send_all(self) -> None:
        """Sends every message."""
        tail = b":0:bench::" + client.PARAMS + b"\n"
        self.told.sent += len(self.waited)
        self.write(b"".join([b"%%>message:" + one + tail for one in self.waited]))

    def lines(self, lines: list[bytes]) -> None:
        for line in lines:
            ident = line[11:].partition(b":")[0]
            if ident not in self.waited:
                self.told.failures.append(f"came back again: {line.decode()}")
            self.waited.discard(ident)
            self.told.returned += 1
        if not self.waited:
            self.done.set()


class Soak:
    """One soak of one engine."""

    def __init__(self, target: Target, told: Told) -> None:
        self.target = target
        self.told = told
        self.random = random.Random()
        self._numbers = iter(range(1, 2**62))
        self._orders = client.Replies()

    async def run(self, seconds: float) -> None:
        """Has visitors come and go, and looks at the engine meanwhile."""
        await client.connect(self.target.unix, self._orders)
        until = perf_counter() + seconds
        visitors = [asyncio.create_task(self._visit(until)) for _ in range(AT_ONCE)]
        while perf_counter() < until:
            await asyncio.sleep(min(CHECK_SECONDS, seconds / 4))
            await self._check(AT_ONCE)
        for ended in await asyncio.gather(*visitors, return_exceptions=True):
            if ended is not None:
                self.told.failures.append(repr(ended))
        await self._check(0)
        self._orders.transport.close()

    async def _visit(self, until: float) -> None:
        kinds: list[Callable[[], Awaitable[None]]] = [
            self._sender, self._sender, self._answerer, self._deserter,
            self._unread_watcher, self._script, self._operator,
        ]  # fmt: skip
        while perf_counter() < until:
            await self.random.choice(kinds)()
            self.told.visits += 1

    async def _sender(self) -> None:
        """Sends up to a thousand messages and stays until all are back."""
        one = Counting(self.told, f"s{next(self._numbers)}", self.random.randint(1, 1000))
        await client.connect(self.target.unix, one)
        one.send_all()
        try:
            await asyncio.wait_for(one.done.wait(), 60)
        except TimeoutError:
            self.told.failures.append(f"{len(one.waited)} messages did not come back")
        one.transport.close()

    async def _stays(self) -> None:
        await asyncio.sleep(self.random.uniform(0.01, 1))

    async def _answerer(self) -> None:
        """Handles some messages, then leaves."""
        one = client.Answerer(self.random.choice([b":true::ok\n", b":false::\n"]))
        await client.connect(self.target.unix, one)
        one.write(b"%%%%>install:%d:bench\n" % self.random.randint(1, 99))
        await self._stays()
        one.transport.close()

    async def _deserter(self) -> None:
        """Takes messages and leaves without an answer."""
        one = client.Lines()
        await client.connect(self.target.tcp, one)
        one.write(b"%%>install:5:bench\n")
        await asyncio.sleep(self.random.uniform(0.01, 0.2))
        one.transport.abort()

    async def _unread_watcher(self) -> None:
        """Watches everything and reads nothing."""
        one = client.Lines()
        await client.connect(self.target.unix, one)
        one.write(b"%%>watch:\n")
        one.transport.pause_reading()
        await self._stays()
        one.transport.abort()

    async def _script(self) -> None:
        """Has a script started and stopped."""
        name = b"answerer.py %d,s%d" % (self.random.randint(1, 99), next(self._numbers))
        await self._order(b"external start " + name)
        await self._stays()
        await self._order(b"external stop " + name)

    async def _operator(self) -> None:
        """Looks at the flow for a while, and gives a command in a remote session."""
        await self._order(self.random.choice([b"flow on", b"flow on handled", b"flow last"]))
        remote = client.Replies()
        await client.connect(self.target.manager, remote)
        await remote.ask(b"status\r")
        await self._stays()
        remote.transport.close()
        await self._order(b"flow off")

    async def _order(self, line: bytes) -> None:
        """Has the local session carry out a command, whatever comes of it."""
        one = client.Replies()
        await client.connect(self.target.unix, one)
        await one.ask(b"%%>message:order:0:bench.order::line=" + line)
        one.transport.close()

    async def _check(self, visitors: int) -> None:
        """Compares the engine's memory, descriptors and tasks with the formula."""
        answer = await self._orders.ask(b"%%>message:count:0:bench.count::")
        tasks = int(answer.split(b":")[4])
        descriptors = len(list(Path(f"/proc/{self.target.pid}/fd").iterdir()))
        seen = (self.target.memory(), descriptors, tasks)
        bounds = (
            BASE_MEMORY + RECORD_MEMORY + visitors * (PEER_MEMORY + UNREAD_MEMORY),
            BASE_DESCRIPTORS + visitors * (PEER_DESCRIPTORS + SCRIPT_DESCRIPTORS),
            BASE_TASKS + visitors * (SESSION_TASKS + SCRIPT_TASKS),
        )
        for what, found, bound in zip(("bytes", "descriptors", "tasks"), seen, bounds, strict=True):
            if found > bound:
                self.told.failures.append(
                    f"{found:,} {what} with {visitors} visitors, not {bound:,}"
                )
        worst = self.told.worst
        self.told.worst = (max(seen[0], worst[0]), max(seen[1], worst[1]), max(seen[2], worst[2]))


async def soak(seconds: float) -> Told:
    """Runs an engine for so long with everything at once."""
    told = Told()
    with configured() as (conf, target):
        command = (sys.executable, "-m", "tests.bench.attended", "-c", str(conf))
        async with process(*command) as target.pid:
            await Soak(target, told).run(seconds)
    if told.returned != told.sent:
        told.failures.append(f"{told.sent:,} messages sent, {told.returned:,} came back")
    return told


def main() -> int:
    """Soaks for so many minutes; 60 where nothing is said."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    told = asyncio.run(soak(minutes * 60))
    memory, descriptors, tasks = told.worst
    print(f"{told.returned:,} messages came back of {told.sent:,}; {told.visits:,} visits")
    print(f"at most {memory / 1e6:.0f} MB, {descriptors} descriptors, {tasks} tasks")
    for failure in told.failures[:50]:
        print(failure)
    return 1 if told.failures else 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        raise SystemExit(main())
