"""A peer that sends unhandled messages as fast as it can: python -m tests.bench.flood WHERE WINDOW.

A window of 0 does not wait for answers, though it reads them.
"""

from __future__ import annotations

import asyncio
import sys

from tests.bench import client

ENDLESS = 2**60


class Torrent(client.Lines):
    """Writes whenever the connection takes more."""

    block = (b"%%>message:x:0:nobody::" + client.PARAMS + b"\n") * 500
    paused = False

    def connection_made(self, transport: object) -> None:
        """Begins."""
        super().connection_made(transport)
        self.pump()

    def pump(self) -> None:
        """Writes more, until the connection takes no more."""
        if not self.paused:
            self.write(self.block)
            asyncio.get_running_loop().call_soon(self.pump)

    def pause_writing(self) -> None:
        """The connection takes no more."""
        self.paused = True

    def resume_writing(self) -> None:
        """It takes more again."""
        self.paused = False
        self.pump()


async def main(where: str, window: int) -> None:
    """Floods until the other side or a signal ends it."""
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
