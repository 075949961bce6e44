"""Signals that stop an engine, make it read its configuration again, or reopen its log."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from yext.log import NOTE, WARN

if TYPE_CHECKING:
    from yext import Engine


def handle(
    engine: Engine,
    stopping: Iterable[signal.Signals],
    reopen: Callable[[], None] = lambda: None,
) -> None:
    """Halt `engine` on the signals in `stopping`, and reload it on SIGHUP, as Yate does.

    Needs a running event loop.

    Args:
        reopen: opens the file of the log again, on SIGHUP and SIGUSR1; may raise OSError.
    """
    loop = asyncio.get_running_loop()
    for number in stopping:
        loop.add_signal_handler(number, engine.halt)
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        _reopen(engine, reopen)
        task = loop.create_task(_reload(engine))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    handle_harmless(engine, reopen)


def handle_harmless(engine: Engine, reopen: Callable[[], None] = lambda: None) -> None:
    """Reopen the log on SIGUSR1, and let SIGUSR2 do nothing: by default both end a process.

    Needs a running event loop. `reopen` is as for `handle`.
    """
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, _reopen, engine, reopen)
    loop.add_signal_handler(
        signal.SIGUSR2, engine.log.debug, NOTE, "engine", "SIGUSR2 has no effect"
    )


def _reopen(engine: Engine, reopen: Callable[[], None]) -> None:
    try:
        reopen()
    except OSError as error:
        text = f"The log stays in the file that is open: {error.filename}: {error.strerror}"
        engine.log.debug(WARN, "engine", text)


async def _reload(engine: Engine) -> None:
    """Reload, and log the outcome: a signal has no session that could get a reply.

    The engine itself has logged what is wrong with the configuration.
    """
    done = await engine.reload()
    for line in done.lines if done.ok else ("Nothing was changed.",):
        engine.log.output(line)
