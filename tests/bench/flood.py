"""A peer that sends unhandled messages as fast as it can: python -m tests.bench.flood WHERE WINDOW.

With a window of 0 it does not wait for answers, but reads them.
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
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
