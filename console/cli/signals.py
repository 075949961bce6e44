"""Signals that stop an engine or make it read its configuration again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yext import Engine


def handle(engine: Engine, stopping: Iterable[signal.Signals]) -> None:
    """Halt `engine` on the signals in `stopping`, and reload it on SIGHUP, as Yate does.

    Needs a running event loop.
    """
    loop = asyncio.get_running_loop()
    for number in stopping:
        loop.add_signal_handler(number, engine.halt)
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(_reload(engine))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)


async def _reload(engine: Engine) -> None:
    """Reload, and log the outcome: a signal has no session that could get a reply.

    The engine itself has logged what is wrong with the configuration.
    """
    done = await engine.reload()
    for line in done.lines if done.ok else ("Nothing was changed.",):
        engine.log.output(line)
