"""Apply everything at once for a given time: python -m tests.bench.soak [MINUTES].

Peers of all kinds connect and leave at random: senders, handlers that answer, handlers that leave
without answering, watchers that do not read, scripts, operators with the flow on; guests, peers and
scripts that attack, and beside them consoles that are attached to hostile servers. Each message
must come back exactly once, one that is sent alone must not wait, and memory, descriptors and tasks
of the engine must stay within the formula of
docs/performance.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter

from tests.bench import client, hostile
from tests.bench.result import percentile
from tests.bench.target import Target, configured, process
from tests.ports import free_port

BASE_MEMORY = 64 * 2**20
PEER_MEMORY = 12 * 1024
RECORD_MEMORY = 3 * 32 * 2**20
UNREAD_MEMORY = 4 * 2**20
"""Bytes in the formula: the engine, each peer, the record, each peer that does not read."""

BASE_DESCRIPTORS = 32
PEER_DESCRIPTORS = 1
SCRIPT_DESCRIPTORS = 4
BASE_TASKS = 16 + 20
SESSION_TASKS = 4
SCRIPT_TASKS = 2
"""Descriptors and tasks in the formula; the guests of one source have twenty places."""

AT_ONCE = 12
"""The number of visitors at a time."""

CHECK_SECONDS = 1.0

CANARY_SECONDS = 0.02
"""The time between two messages of the canary, and the processor time that 99 of 100 may take."""


@dataclass
class SoakResult:
    """The result of a soak.

    Attributes:
        sent, returned: numbers of messages.
        visits: number of peers, scripts and operators that have connected and left.
        failures: each violated condition, in words.
        worst: the largest memory, descriptors and tasks measured.
        canary: processor time of the engine while each message of the canary was away, in seconds.
        attacks: number of consoles that were attached to a hostile server.
    """

    sent: int = 0
    returned: int = 0
    visits: int = 0
    failures: list[str] = field(default_factory=list)
    worst: tuple[int, int, int] = (0, 0, 0)
    canary: list[float] = field(default_factory=list)
    attacks: int = 0


class Counting(client.Lines):
    """A peer that sends messages and checks off those that come back."""

    def __init__(self, result: SoakResult, name: str, count: int) -> None:
        super().__init__()
        self.result = result
        self.waited = {f"{name}-{number}".encode() for number in range(count)}
        self.done = asyncio.Event()

    def send_all(self) -> None:
        """Send every message."""
        tail = b":0:bench::" + client.PARAMS + b"\n"
        self.result.sent += len(self.waited)
        self.write(b"".join([b"%%>message:" + one + tail for one in self.waited]))

    def lines(self, lines: list[bytes]) -> None:
        for line in lines:
            ident = line[11:].partition(b":")[0]
            if ident not in self.waited:
                self.result.failures.append(f"came back again: {line.decode()}")
            self.waited.discard(ident)
            self.result.returned += 1
        if not self.waited:
            self.done.set()


class Canary(client.Lines):
    """A peer that handles its own messages, of which one is away at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.back = asyncio.Event()

    def lines(self, lines: list[bytes]) -> None:
        for line in lines:
            if line.startswith(b"%%>message:"):
                self.write(b"%%<message:" + line[11:].partition(b":")[0] + b":true::\n")
            elif line.startswith(b"%%<message:"):
                self.back.set()


class Soak:
    """A soak of one engine.

    Args:
        guests: the address of a remote manager that lets guests in.
    """

    def __init__(self, target: Target, guests: str, result: SoakResult) -> None:
        self.target = target
        self.guests = guests
        self.result = result
        self.random = random.Random()
        self._numbers = iter(range(1, 2**62))
        self._orders = client.Replies()

    async def run(self, seconds: float) -> None:
        """Let visitors connect and leave, and check the engine meanwhile."""
        await client.connect(self.target.unix, self._orders)
        until = perf_counter() + seconds
        visitors = [asyncio.create_task(self._visit(until)) for _ in range(AT_ONCE)]
        visitors += [asyncio.create_task(work(until)) for work in (self._sing, self._attach)]
        while perf_counter() < until:
            await asyncio.sleep(min(CHECK_SECONDS, seconds / 4))
            await self._check(AT_ONCE)
        for ended in await asyncio.gather(*visitors, return_exceptions=True):
            if ended is not None:
                self.result.failures.append(repr(ended))
        await self._check(0)
        self._orders.transport.close()

    async def _visit(self, until: float) -> None:
        kinds: list[Callable[[], Awaitable[None]]] = [
            self._sender, self._sender, self._answerer, self._deserter,
            self._unread_watcher, self._script, self._operator,
            partial(hostile.guest, self.guests, self.random),
            partial(hostile.peer, self.target.unix, self.random), self._hostile_script,
        ]  # fmt: skip
        while perf_counter() < until:
            await self.random.choice(kinds)()
            self.result.visits += 1

    async def _sender(self) -> None:
        """Send up to a thousand messages and stay until all are back."""
        one = Counting(self.result, f"s{next(self._numbers)}", self.random.randint(1, 1000))
        await client.connect(self.target.unix, one)
        one.send_all()
        try:
            await asyncio.wait_for(one.done.wait(), 60)
        except TimeoutError:
            self.result.failures.append(f"{len(one.waited)} messages did not come back")
        one.transport.close()

    async def _stays(self) -> None:
        await asyncio.sleep(self.random.uniform(0.01, 1))

    async def _answerer(self) -> None:
        """Handle some messages, then leave."""
        one = client.Answerer(self.random.choice([b":true::ok\n", b":false::\n"]))
        await client.connect(self.target.unix, one)
        one.write(b"%%%%>install:%d:bench\n" % self.random.randint(1, 99))
        await self._stays()
        one.transport.close()

    async def _deserter(self) -> None:
        """Take messages and leave without an answer."""
        one = client.Lines()
        await client.connect(self.target.tcp, one)
        one.write(b"%%>install:5:bench\n")
        await asyncio.sleep(self.random.uniform(0.01, 0.2))
        one.transport.abort()

    async def _unread_watcher(self) -> None:
        """Watch everything and read nothing."""
        one = client.Lines()
        await client.connect(self.target.unix, one)
        one.write(b"%%>watch:\n")
        one.transport.pause_reading()
        await self._stays()
        one.transport.abort()

    async def _script(self) -> None:
        """Start a script and stop it."""
        name = b"answerer.py %d,s%d" % (self.random.randint(1, 99), next(self._numbers))
        await self._order(b"external start " + name)
        await self._stays()
        await self._order(b"external stop " + name)

    async def _hostile_script(self) -> None:
        """Start a script that attacks, and stop it."""
        await self._order(b"external start hostile_script.py")
        await self._stays()
        await self._order(b"external stop hostile_script.py")

    async def _sing(self, until: float) -> None:
        """Send the messages of the canary."""
        one = Canary()
        await client.connect(self.target.unix, one)
        one.write(b"%%>install:50:canary\n")
        while perf_counter() < until:
            before = self.target.cpu()
            one.back.clear()
            one.write(b"%%>message:own:0:canary::\n")
            await asyncio.wait_for(one.back.wait(), 60)
            self.result.canary.append(self.target.cpu() - before)
            await asyncio.sleep(CANARY_SECONDS)
        one.transport.close()

    async def _attach(self, until: float) -> None:
        """Attach consoles to hostile servers."""
        while perf_counter() < until:
            wrong = await hostile.attached(self.random)
            self.result.attacks += 1
            if wrong:
                self.result.failures.append(wrong)

    async def _operator(self) -> None:
        """Follow the flow for a while, and give a command in a remote session."""
        await self._order(self.random.choice([b"flow on", b"flow on handled", b"flow last"]))
        remote = client.Replies()
        await client.connect(self.target.manager, remote)
        await remote.ask(b"status\r")
        await self._stays()
        remote.transport.close()
        await self._order(b"flow off")

    async def _order(self, line: bytes) -> None:
        """Run a command in the local session, ignoring its outcome."""
        one = client.Replies()
        await client.connect(self.target.unix, one)
        await one.ask(b"%%>message:order:0:bench.order::line=" + line)
        one.transport.close()

    async def _check(self, visitors: int) -> None:
        """Compare the engine's memory, descriptors and tasks with the formula."""
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
                self.result.failures.append(
                    f"{found:,} {what} with {visitors} visitors, not {bound:,}"
                )
        worst = self.result.worst
        self.result.worst = (max(seen[0], worst[0]), max(seen[1], worst[1]), max(seen[2], worst[2]))


async def soak(seconds: float) -> SoakResult:
    """Run an engine with everything at once for this many seconds."""
    result = SoakResult()
    with configured() as (conf, target):
        port = free_port()
        with (conf / "rmanager.conf").open("a") as file:
            file.write(f"[guests]\nport={port}\npassword=sesame\ntelnet=yes\n")
        command = (sys.executable, "-m", "tests.bench.attended", "-c", str(conf))
        async with process(*command) as target.pid:
            await Soak(target, f"tcp:127.0.0.1:{port}", result).run(seconds)
    if result.returned != result.sent:
        result.failures.append(f"{result.sent:,} messages sent, {result.returned:,} came back")
    return result


def main() -> int:
    """Soak for the given number of minutes, 60 by default."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    result = asyncio.run(soak(minutes * 60))
    memory, descriptors, tasks = result.worst
    print(f"{result.returned:,} messages came back of {result.sent:,}; {result.visits:,} visits")
    print(f"at most {memory / 1e6:.0f} MB, {descriptors} descriptors, {tasks} tasks")
    p99 = percentile(result.canary, 0.99)
    print(f"canary: {len(result.canary):,} messages, p99 {p99 * 1e3:.1f} ms of processor time")
    print(f"{result.attacks:,} consoles attached to hostile servers")
    if p99 > CANARY_SECONDS:
        result.failures.append(f"the canary waited for more than {CANARY_SECONDS * 1e3:.0f} ms")
    for failure in result.failures[:50]:
        print(failure)
    return 1 if result.failures else 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        raise SystemExit(main())
