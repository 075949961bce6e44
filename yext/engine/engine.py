"""The engine: its life cycle, and the embedding interface."""

from __future__ import annotations

import asyncio
import functools
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType

from yext import command, conf, log
from yext.bus import Bus
from yext.command import Reply
from yext.commander import EMBEDDER, Commander
from yext.engine.audit import PeerAudit
from yext.engine.commands import EngineCommands
from yext.engine.loader import Loader, Reloaded, load_rest
from yext.engine.module import Module
from yext.engine.status import EngineStatus, first_run_params
from yext.engine.ticker import Ticker
from yext.errors import EngineError
from yext.record.timing import TraceTimes

STOP_SECONDS = 6.0
"""How long a stop may take in all, until the last child has ended."""

STARTUP_SECONDS = 1.0
"""How long after the start events are kept for the command `events`."""

REST_SECONDS = 0.2
"""How long after the start the modules are imported that a start itself does not need."""

HALT_SECONDS = 3.0
"""How much of the stop the handlers of engine.halt may take."""

OperatorRunner = Callable[[str, str, str], Awaitable[Reply]]
"""Carries out a command of an operator of another node: gets the operator's name, what may be done
for it (``user`` or ``admin``), and the line."""

ModuleFactory = Callable[["Engine"], Module]
"""Makes a module of a front end for an engine."""


class Engine(Bus):
    """An engine that runs external modules.

        async with Engine("conf") as engine:
            engine.install("call.route", route, priority=50)
            handled = await engine.dispatch(Message("call.route", {"called": "99"}))
            reply = await engine.command("external start x.py")

    Args:
        config_dir: a Yate configuration directory (yate.conf, extmodule.conf, …, each
            optional); None for the built-in defaults.
        node: the node name; without it that of yate.conf, or the host's.
        modules: modules of the front end, by Yate's names, beside the built-in ones.
        supervised: whether a supervisor starts the engine again when it asks for it.
        shared_dir: Yate's shared path, whose folder ``scripts`` has the scripts unless the
            configuration says otherwise; None for ``share`` beside the configuration directory.

    Attributes:
        trace_times: the switches that log how long messages take.
        loader: the modules of the engine.
        ticker: sends engine.timer and counts the messages of each second.
        operator_runner: carries out the commands of other nodes' operators, as a console has it;
            None for the commands of modules alone.
    """

    def __init__(
        self,
        config_dir: str | os.PathLike[str] | None = None,
        *,
        node: str | None = None,
        modules: Mapping[str, ModuleFactory] | None = None,
        supervised: bool = False,
        shared_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(config_dir)
        self.supervised = supervised
        self.run_params = first_run_params(self, node, supervised, shared_dir)
        self.trace_times = TraceTimes(self.recorder, self.log)
        made = {name: functools.partial(make, self) for name, make in (modules or {}).items()}
        self.loader = Loader(self, made, named=node is not None)
        self.modules = self.loader.modules
        self.ticker = Ticker(self)
        self.operator_runner: OperatorRunner | None = None
        self._commands = EngineCommands(self, self.loader, self.trace_times)
        self._rest: asyncio.TimerHandle | None = None
        self._running = False

    async def __aenter__(self) -> Engine:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Read the configuration, load the modules and open their listeners.

        Mistakes in the configuration are logged with file and line and skipped; everything
        else starts.

        Raises:
            EngineError: the engine runs already.
        """
        if self._running:
            raise EngineError("the engine runs already")
        self._running = True
        started = time.ctime(self.started_at)
        self.announce(f"Yate ({os.getpid()}) is starting {started}", stamped=False)
        self.loader.read_main()
        self._install_own()
        await self.loader.load_all()
        await self.dispatch(self.system_message("engine.start"))
        self.announce(f"Yate engine is initialized and starting up on {self.node}")
        self.log.startup_ends = time.time() + STARTUP_SECONDS
        self.started = True
        self.ticker.start()
        self._rest = asyncio.get_running_loop().call_later(REST_SECONDS, load_rest)

    def _install_own(self) -> None:
        status = EngineStatus(self, self.loader.modules, self.ticker)
        for name, handler, priority in (
            ("engine.status", status.handle, 90),
            ("engine.command", self._commands.command, 100),
            ("engine.help", self._commands.describe, 100),
        ):
            self.install(name, handler, priority, track="engine").built_in = True
        self.dispatcher.watch("engine.command", PeerAudit(self.recorder.secret))

    async def stop(self) -> None:
        """Stop everything: no child, socket file or task is left.

        The handlers of engine.stop and engine.halt come first and have `HALT_SECONDS`; all of it
        takes at most `STOP_SECONDS`.
        """
        if not self._running:
            return
        self._running = self.started = False
        self._halted.set()
        deadline = asyncio.get_running_loop().time() + STOP_SECONDS
        self.ticker.stop()
        if self._rest is not None:
            self._rest.cancel()
        self.announce(f"Yate engine is shutting down with code {self.exit_code}")
        try:
            async with asyncio.timeout(HALT_SECONDS):
                await self.dispatch(self.system_message("engine.stop"))
                await self.dispatch(self.system_message("engine.halt"))
        except TimeoutError:
            self.log.debug(log.WARN, "engine", "a handler of engine.halt did not answer in time")
        await self.loader.stop(deadline)
        await self.dispatcher.wait_idle(0.5)
        await self.dispatcher.stop()
        self.loader.modules.clear()

    async def command(self, line: str, commander: Commander | None = None) -> Reply:
        """Carry out a command line, ``external start x.py`` for example."""
        return await command.run(self, line, commander or EMBEDDER)

    async def complete(
        self, partline: str, partword: str, commander: Commander | None = None
    ) -> list[str]:
        """Return the words that may come next in a command line."""
        return await command.complete(self, partline, partword, commander or EMBEDDER)

    async def reload(
        self, plugin: str = "", *, force: bool = False, restart_changed: bool = False
    ) -> Reloaded:
        """Read the configuration again and make the engine agree with it.

        A mistake in a file changes nothing at all. Neither does a section or a file that is
        missing although something that it has started runs, unless by `force`.

        Args:
            plugin: the one module to reload, empty for all.
            force: whether what is missing in the files is ended.
            restart_changed: whether programs are started anew whose files have changed.
        """
        return await self.loader.reload(plugin, force=force, restart_changed=restart_changed)

    def rehearse(self) -> list[conf.Problem]:
        """Read all configuration as a start does, and start nothing.

        Returns:
            The mistakes, and what could not be started or opened now. The engine is of no other
            use afterwards.
        """
        return self.loader.rehearse()
