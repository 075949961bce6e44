"""Signals that stop an engine, make it read its configuration again, or reopen its log."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from yext.log import NOTE, WARN

if TYPE_CHECKING:
    from yext import Engine


def handle(
    engine: Engine,
    stopping: Iterable[signal.Signals],
    reopen: Callable[[], None] = lambda: None,
    reloading: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Halt `engine` on the signals in `stopping`, and reload it on SIGHUP, as Yate does.

    Needs a running event loop.

    Args:
        reopen: opens the file of the log again, on SIGHUP and SIGUSR1; may raise OSError.
        reloading: makes what is entered during a reload.
    """
    loop = asyncio.get_running_loop()
    for number in stopping:
        loop.add_signal_handler(number, engine.halt)
    reloads = _Reloads(engine, reloading)

    def hang_up() -> None:
        _reopen(engine, reopen)
        reloads.ask()

    loop.add_signal_handler(signal.SIGHUP, hang_up)
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


class _Reloads:
    """Reloads of one engine on a signal: signals that come during one are one more together."""

    def __init__(
        self, engine: Engine, reloading: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._engine = engine
        self._reloading = reloading
        self._asked = False
        self._task: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """Reload, now or after the reload that goes on."""
        self._asked = True
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._reload())

    async def _reload(self) -> None:
        """Reload, and log the outcome: a signal has no session that could get a reply.

        The engine itself has logged what is wrong with the configuration.
        """
        try:
            while self._asked:
                self._asked = False
                with self._reloading():
                    done = await self._engine.reload()
                for line in done.report if done.ok else ("Nothing was changed.",):
                    self._engine.log.output(line)
        finally:
            self._task = None
