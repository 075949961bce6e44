"""A node that handles the message `bench` with a function: started by the rows on nodes.

python -m tests.bench.node FOLDER NAME
"""

from __future__ import annotations

import asyncio
import signal
import sys

from yext import Engine, Message


def handle(message: Message) -> bool:
    """Handle a message as an answerer does."""
    message.retvalue = "ok"
    return True


async def main(folder: str, name: str) -> None:
    """Run the node until SIGTERM."""
    async with Engine(folder, node=name) as engine:
        engine.install("bench", handle, 50).owner = "answerer.py 50"
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, engine.halt)
        print("ready", file=sys.stderr, flush=True)
        await engine.halted()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
