"""A peer that sends unhandled messages as fast as it can: python -m tests.bench.flood WHERE WINDOW.

With a window of 0 it does not wait for answers, but reads them. With a rate, as 5000/s, it sends so
many a second.
"""

from __future__ import annotations

import asyncio
import sys

from tests.bench import client

ENDLESS = 2**60


class Torrent(client.Lines):
    """A peer that writes whenever the connection accepts more."""

    block = (b"%%>message:x:0:nobody::" + client.PARAMS + b"\n") * 500
    paused = False

    def connection_made(self, transport: object) -> None:
        """Begin to write."""
        super().connection_made(transport)
        self.pump()

    def pump(self) -> None:
        """Write until the connection accepts no more."""
        if not self.paused:
            self.write(self.block)
            asyncio.get_running_loop().call_soon(self.pump)

    def pause_writing(self) -> None:
        """Pause: the connection accepts no more."""
        self.paused = True

    def resume_writing(self) -> None:
        """Continue: the connection accepts more again."""
        self.paused = False
        self.pump()


_PACE = 0.005
"""Seconds between two writes at a rate."""


async def _pace(where: str, rate: int) -> None:
    """Send messages at a rate, catching up with what was late."""
    peer = client.Lines()
    await client.connect(where, peer)
    loop = asyncio.get_running_loop()
    line = b"%%>message:x:0:nobody::" + client.PARAMS + b"\n"
    print("ready", file=sys.stderr, flush=True)
    started, sent = loop.time(), 0
    while not peer.closed:
        due = int((loop.time() - started) * rate)
        peer.write(line * (due - sent))
        sent = due
        await asyncio.sleep(_PACE)


async def main(where: str, window: int) -> None:
    """Flood until the other side or a signal ends it."""
    if window:
        sender = client.Sender(ENDLESS, window, client.PARAMS, b"nobody")
        await client.connect(where, sender)
        sender.start()
    else:
        await client.connect(where, Torrent())
    print("ready", file=sys.stderr, flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    number, slash, _ = sys.argv[2].partition("/")
    asyncio.run((_pace if slash else main)(sys.argv[1], int(number)))
