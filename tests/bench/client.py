"""The client for engine, relay and Yate alike: senders, answerers, watchers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any

PARAMS = b"id=sip/1:caller=1001:called=2002:module=sip:status=incoming:address=10.0.0.1"
"""The parameters of a message, unless a row uses others."""


class Lines(asyncio.Protocol):
    """A peer that receives whole lines."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.rest = b""
        self.closed = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        self.lines(lines)

    def lines(self, lines: list[bytes]) -> None:
        """Receive the lines of one read."""

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True


class Answerer(Lines):
    """A peer that answers each message; `verdict` is the text after the id."""

    def __init__(self, verdict: bytes = b":true::ok\n") -> None:
        super().__init__()
        self.verdict = verdict
        self.holding: list[bytes] | None = None

    def lines(self, lines: list[bytes]) -> None:
        ids = [line[11:].split(b":", 1)[0] for line in lines if line.startswith(b"%%>message:")]
        if self.holding is not None:
            self.holding += ids
            return
        if ids:
            self.answer(ids)

    def answer(self, ids: list[bytes]) -> None:
        """Answer the messages of these ids in one write."""
        self.write(b"".join([b"%%<message:" + one + self.verdict for one in ids]))


class Replies(Lines):
    """A peer that sends lines and waits for the replies."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()

    def lines(self, lines: list[bytes]) -> None:
        for line in lines:
            self.queue.put_nowait(line)

    async def ask(self, line: bytes) -> bytes:
        """Send a line and wait for the next one received."""
        self.write(line + b"\n")
        return await self.queue.get()


class Sender(Lines):
    """A peer that keeps `window` messages in flight until `count` have come back."""

    def __init__(self, count: int, window: int, params: bytes, name: bytes = b"bench") -> None:
        super().__init__()
        self.count = count
        self.window = window
        self.tail = b":0:" + name + b"::" + params + b"\n"
        self.sent = self.got = 0
        self.started = 0.0
        self.latencies: list[float] = []
        self.done: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        """Send the first window."""
        self.started = perf_counter()
        self.pump(self.window)

    def pump(self, more: int) -> None:
        """Send up to `more` further messages, as long as `count` allows."""
        more = min(more, self.count - self.sent)
        first = self.sent
        self.sent += more
        tail = self.tail
        self.write(b"".join([b"%%%%>message:%d%s" % (first + n, tail) for n in range(more)]))
        self._at = perf_counter()

    def data_received(self, data: bytes) -> None:
        if not self.started:
            super().data_received(data)
            return
        came = data.count(b"\n")
        if self.window == 1 and came:
            self.latencies.append(perf_counter() - self._at)
        self.got += came
        if self.got < self.count:
            self.pump(came)
        elif not self.done.done():
            self.done.set_result(perf_counter() - self.started)


async def connect(where: str, protocol: Lines) -> None:
    """Connect a peer to ``unix:PATH`` or ``tcp:HOST:PORT``."""
    loop = asyncio.get_running_loop()
    kind, _, place = where.partition(":")
    if kind == "unix":
        await loop.create_unix_connection(lambda: protocol, place)
    else:
        host, _, port = place.rpartition(":")
        await loop.create_connection(lambda: protocol, host or "127.0.0.1", int(port))


@contextlib.asynccontextmanager
async def answering(
    where: str, priorities: list[int], *, install: bool = True, passing: bool = False
) -> AsyncIterator[list[Answerer]]:
    """Connect answerers with these priorities; with `passing`, all but the last one pass."""
    made: list[Answerer] = []
    for number, priority in enumerate(priorities):
        last = number == len(priorities) - 1
        one = Answerer(b":false::\n" if passing and not last else b":true::ok\n")
        await connect(where, one)
        if install:
            await settle(one, b"%%%%>install:%d:bench" % priority)
        made.append(one)
    try:
        yield made
    finally:
        for one in made:
            one.transport.close()
        await asyncio.sleep(0.02)


async def settle(peer: Lines, line: bytes) -> None:
    """Send a line to the engine and wait until it has been carried out."""
    heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    lines = peer.lines

    def waiting(came: list[bytes]) -> None:
        if not heard.done():
            heard.set_result(None)

    peer.lines = waiting  # type: ignore[method-assign, assignment]
    peer.write(line + b"\n")
    await heard
    peer.lines = lines  # type: ignore[method-assign]


async def send(
    where: str, count: int, window: int, params: bytes = PARAMS, name: bytes = b"bench"
) -> Sender:
    """Send `count` messages and wait until all are back; return the sender, with its results."""
    sender = Sender(count, window, params, name)
    await connect(where, sender)
    sender.start()
    await sender.done
    sender.transport.close()
    return sender
