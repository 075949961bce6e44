"""A node as a process of its own, for tests that kill, stop and cut it.

    python -m tests.clusternode FOLDER NAME

It handles ``user.work``, each id of which it first writes to ``FOLDER/work.log``: what is there was
handled, whatever became of the answer. ``user.hold`` is never answered.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from yext import Engine, Message


async def main(folder: str, name: str) -> None:
    """Run the node until SIGTERM."""
    log = os.open(Path(folder) / "work.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def work(message: Message) -> bool:
        os.write(log, f"{message['id']}\n".encode())
        message.retvalue = message["id"]
        return True

    async def hold(message: Message) -> bool:
        os.write(log, f"hold {message['id']}\n".encode())
        await asyncio.Event().wait()
        return True

    async with Engine(folder, node=name) as engine:
        engine.install("user.work", work, 50).owner = "work.py"
        engine.install("user.hold", hold, 50).owner = "hold.py"
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, engine.halt)
        print("ready", flush=True)
        await engine.halted()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
