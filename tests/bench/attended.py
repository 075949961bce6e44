"""An engine with an operator in the same process: python -m tests.bench.attended -c DIR.

The engine of `yext serve`, with one local session. The session runs the command in the parameter
``line`` of a message ``bench.order`` and returns the reply as the message's return value. Its
output is discarded, because the speed of a terminal is not measured. A message ``bench.count``
returns the number of tasks.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from yext import Engine, Message
from yext.console import gctuning
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.server.rmanager import RManager
from yext.console.session.session import Session
from yext.console.session.view import PlainView


async def main(config: Path) -> None:
    """Run until SIGTERM."""
    engine = Engine(config, modules={"rmanager": RManager})
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        session = Session(engine, "console", view=PlainView(nowhere))
        interpreter = Interpreter(session, TABLE)

        async def order(message: Message) -> bool:
            reply = await interpreter.run(message["line"])
            message.retvalue = reply.text
            return reply.ok

        def count(message: Message) -> bool:
            message.retvalue = str(len(asyncio.all_tasks()))
            return True

        engine.install("bench.order", order)
        engine.install("bench.count", count)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, engine.halt)
        async with engine:
            gctuning.resume()
            print("ready", file=sys.stderr, flush=True)
            await engine.halted()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[2])))
