"""The reference program: copy lines between peers without reading them.

    python -m tests.bench.relay [--fan|--echo] unix:PATH|tcp:PORT [PROGRAM ARGUMENT…]

It uses the same event loop and transports as the engine. The first connection, or PROGRAM on
pipes, is the answerer: lines from later connections go to it, and its lines go to the latest
connection. With ``--fan`` each line goes to all other connections, with ``--echo`` back to its
sender.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import Any, Protocol


class Writer(Protocol):
    """An object that lines are written to."""

    def write(self, data: bytes, /) -> None: ...


class Hub:
    """All ends, and the routes of lines."""

    def __init__(self, way: str) -> None:
        self.way = way
        self.ends: list[End] = []

    def others(self, end: End) -> list[End]:
        """List the ends to which a line from `end` goes."""
        if self.way == "--echo":
            return [end]
        if self.way == "--fan":
            return [one for one in self.ends if one is not end]
        if end is self.ends[0]:
            return self.ends[-1:]
        return self.ends[:1]


class End(asyncio.Protocol):
    """One peer."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.transport: Any = None
        self.rest = b""
        self.out: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.hub.ends.append(self)

    def data_received(self, data: bytes) -> None:
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        others = self.hub.others(self)
        for line in lines:
            for other in others:
                other.send(line)

    def send(self, line: bytes) -> None:
        """Queue a line; the lines of one turn of the loop become one write, as in the engine."""
        if not self.out:
            asyncio.get_running_loop().call_soon(self.flush)
        self.out.append(line)

    def flush(self) -> None:
        """Write the queued lines."""
        out, self.out = self.out, []
        self.transport.write(b"\n".join(out) + b"\n")

    def connection_lost(self, error: Exception | None) -> None:
        if self in self.hub.ends:
            self.hub.ends.remove(self)


class PipeWriter:
    """The standard input of the program; here it always accepts a whole write at once."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def write(self, data: bytes) -> None:
        """Write all of `data`."""
        while data:
            data = data[os.write(self.descriptor, data) :]


def start_program(hub: Hub, command: list[str]) -> None:
    """Start a program on pipes, as the relay's first end."""
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    assert child.stdin is not None and child.stdout is not None
    end = End(hub)
    end.connection_made(PipeWriter(child.stdin.fileno()))
    output = child.stdout.fileno()
    end.child = child  # type: ignore[attr-defined]  # keeps the pipes open
    loop = asyncio.get_running_loop()
    loop.add_reader(output, lambda: end.data_received(os.read(output, 262144)))


async def main(where: str, way: str, command: list[str]) -> None:
    """Listen until ended by a signal."""
    hub = Hub(way)
    kind, _, place = where.partition(":")
    loop = asyncio.get_running_loop()
    if kind == "tcp":
        server = await loop.create_server(lambda: End(hub), "127.0.0.1", int(place), backlog=2048)
    else:
        server = await loop.create_unix_server(lambda: End(hub), place, backlog=2048)
    if command:
        start_program(hub, command)
    print("ready", file=sys.stderr, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    words = sys.argv[1:]
    chosen = words.pop(0) if words[0].startswith("--") else ""
    asyncio.run(main(words[0], chosen, words[1:]))
