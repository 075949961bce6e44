"""A bare client of NATS that answers requests: what a message over NATS is measured against.

python -m tests.bench.natsreply URL
"""

from __future__ import annotations

import asyncio
import signal
import sys

import nats
from nats.aio.msg import Msg


async def main(url: str) -> None:
    """Answer until SIGTERM."""
    client = await nats.connect(url)

    async def answer(message: Msg) -> None:
        await client.publish(message.reply, message.data)

    await client.subscribe("bench", cb=answer)
    await client.flush()
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    print("ready", file=sys.stderr, flush=True)
    await over.wait()
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
