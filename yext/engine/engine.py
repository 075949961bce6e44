"""The engine: life cycle, run parameters, timer, reload and halt."""

from __future__ import annotations

import asyncio
import functools
import os
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Final, NamedTuple

from yext import conf, log
from yext.completing import complete as complete_line
from yext.dispatcher import Dispatch, Dispatcher
from yext.engine.commands import Commander, Embedder, EngineCommands, Reply
from yext.engine.commands import run as run_command
from yext.engine.loader import ModuleFactory, load_rest, make_module, wanted_modules
from yext.engine.module import Module
from yext.engine.status import engine_status, first_run_params
from yext.engine.ticker import Ticker
from yext.errors import EngineError
from yext.handler import FunctionHandler, Handler, HandlerFunction, Sender
from yext.message import Message
from yext.record.recorder import Sniffer
from yext.record.timing import TraceTimes

if TYPE_CHECKING:
    from pathlib import Path

STOP_SECONDS = 6.0
"""How long a stop may take in all, from the signal to the last child gone."""

RESTART_CODE = 128
"""The exit code by which an engine asks its supervisor to start it again, as Yate's."""

STARTUP_SECONDS = 1.0
"""For how long after the start all that is told is kept for the command `events`."""

REST_SECONDS = 0.2
"""How long after the start the modules are imported that a start itself does not need."""

HALT_SECONDS = 3.0
"""How long of that the handlers of engine.halt may take."""


class Reloaded(NamedTuple):
    """What a reload did: whether it was carried out, a line for each change or mistake, and why
    it was not carried out where that is no mistake in a file."""

    ok: bool
    lines: tuple[str, ...] = ()
    refused: str = ""

    @property
    def reason(self) -> str:
        """Why it was not carried out, in one line."""
        return "" if self.ok else self.refused or "; ".join(self.lines)

    @property
    def hint(self) -> str:
        """What to do about that."""
        return "module list" if self.refused else "mend it, reload again"


class Engine:
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
        supervised: whether something starts the engine again when it ends.

    Attributes:
        log, sniffer, dispatcher: what was told, what was recorded, and the bus itself.
        trace_times: whether the log has how long messages took.
        run_params: the run parameters, as ``${NAME}`` in configuration files finds them.
        modules: the loaded modules by name.
        ticker: sends engine.timer, and knows how many messages were dispatched in a second.
        started_at: start, seconds since 1970.
        program_output: the descriptor that executed programs write to, None for nowhere.
        exit_code: what the process is to exit with, set by `halt`.
    """

    def __init__(
        self,
        config_dir: str | os.PathLike[str] | None = None,
        *,
        node: str | None = None,
        modules: Mapping[str, ModuleFactory] | None = None,
        supervised: bool = False,
    ) -> None:
        self.config_dir = _absolute(config_dir) if config_dir is not None else None
        self.log = log.Log()
        self.sniffer = Sniffer()
        self.trace_times = TraceTimes(self.sniffer, self.log)
        self.dispatcher = Dispatcher(self.log, self.sniffer)
        self.supervised = supervised
        self.started_at = time.time()
        self.program_output: int | None = None
        self.exit_code = 0
        self.modules: dict[str, Module] = {}
        self.conf = conf.Conf("yate.conf", conf.Rules())
        self.run_params = first_run_params(self, node)
        self._node = node
        self._front_modules = dict(modules or {})
        self._commands = EngineCommands(self)
        self._halted = asyncio.Event()
        self._rest: asyncio.TimerHandle | None = None
        self.ticker = Ticker(self)
        self._reloading = asyncio.Lock()
        self._running = False

    @property
    def node(self) -> str:
        """The node name."""
        return self.run_params["nodename"]

    # Life cycle

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
        """Reads the configuration, loads the modules, opens what they listen on.

        Mistakes in the configuration are logged with file and line and skipped; everything
        else starts. Raises `EngineError` when the engine runs already.
        """
        if self._running:
            raise EngineError("the engine runs already")
        self._running = True
        self._tell(f"Yate ({os.getpid()}) is starting {time.ctime(self.started_at)}", stamped=False)
        self._read_main()
        self._install_own()
        for name in wanted_modules(self.conf, self._front_modules):
            await self.load_module(name, initialize=False)
        self._tell("Initializing plugins")
        for module in self.modules.values():
            await self._initialize(module)
        self._tell("Initialization complete")
        await self.dispatch(self.system_message("engine.start"))
        self._tell(f"Yate engine is initialized and starting up on {self.node}")
        self.log.startup_ends = time.time() + STARTUP_SECONDS
        self.ticker.start()
        self._rest = asyncio.get_running_loop().call_later(REST_SECONDS, load_rest)

    async def stop(self) -> None:
        """Stops everything: no child, socket file or task is left.

        Handlers of engine.stop and engine.halt are told first and given up to `HALT_SECONDS`;
        all of it takes at most `STOP_SECONDS`.
        """
        if not self._running:
            return
        self._running = False
        self._halted.set()
        deadline = asyncio.get_running_loop().time() + STOP_SECONDS
        self.ticker.stop()
        if self._rest is not None:
            self._rest.cancel()
        self._tell(f"Yate engine is shutting down with code {self.exit_code}")
        try:
            async with asyncio.timeout(HALT_SECONDS):
                await self.dispatch(self.system_message("engine.stop"))
                await self.dispatch(self.system_message("engine.halt"))
        except TimeoutError:
            self.log.debug(log.WARN, "engine", "a handler of engine.halt did not answer in time")
        for module in reversed(list(self.modules.values())):
            await module.stop(deadline)
            module.unload()
        await self.dispatcher.wait_idle(0.5)
        await self.dispatcher.stop()
        self.modules.clear()

    def halt(self, exit_code: int = 0) -> None:
        """Asks for the engine's end; whoever runs it waits for that with `halted`."""
        self.exit_code = exit_code & 0xFF
        self._halted.set()

    def restart(self) -> None:
        """Asks for the engine's end, and whoever supervises it for a new start."""
        self.halt(RESTART_CODE)

    async def halted(self) -> int:
        """Waits until somebody asked for the engine's end; returns the exit code."""
        await self._halted.wait()
        return self.exit_code

    @property
    def halting(self) -> bool:
        """Whether the engine is on its way down."""
        return self._halted.is_set()

    # The bus

    def install(
        self,
        name: str,
        handler: HandlerFunction,
        priority: int = 100,
        *,
        filter: tuple[str, str] | None = None,
        track: str = "",
    ) -> Handler:
        """Installs a function or coroutine function as a handler of messages called `name`.

        It gets the `Message`, may change it, and returns whether it handled it; an empty
        name gets every message. One that raises is logged and counts as not handled.
        `filter` is a parameter and the value that it must have; `track` names the handler in
        the tracking parameter ``handlers``. Returns what `uninstall` takes.
        """
        label = getattr(handler, "__qualname__", track or repr(handler))
        installed = FunctionHandler(
            self.log, handler, name, priority, label, track, *(filter or ("", ""))
        )
        self.dispatcher.install(installed)
        return installed

    def uninstall(self, handler: Handler) -> None:
        """Takes out what `install` returned."""
        self.dispatcher.uninstall(handler)

    async def dispatch(self, message: Message, sender: Sender | None = None) -> bool:
        """Takes `message` through its handlers, changing it; returns whether one handled it.

        Raises `TypeError` for a message that holds anything but text.
        """
        message.check()
        return await self.dispatcher.dispatch(message, sender)

    def enqueue(self, message: Message, sender: Sender | None = None) -> None:
        """Dispatches `message` soon, without waiting for what comes of it.

        Raises `TypeError` for a message that holds anything but text.
        """
        message.check()
        self.dispatcher.enqueue(Dispatch(self.dispatcher, message, None, sender))

    async def command(self, line: str, commander: Commander | None = None) -> Reply:
        """Carries out a command line, ``external start x.py`` for example."""
        return await run_command(self, line, commander or EMBEDDER)

    async def complete(
        self, partline: str, partword: str, commander: Commander | None = None
    ) -> list[str]:
        """The words that may come next in a command line."""
        return await complete_line(self, partline, partword, commander or EMBEDDER)

    def system_message(self, name: str, **params: str) -> Message:
        """A message of the engine's own, which every handler gets."""
        return Message(name, params | {"nodename": self.node}, broadcast=True)

    # Configuration

    def conf_path(self, name: str) -> Path | None:
        """Where the configuration file `name` is to be, None without a directory."""
        return self.config_dir / f"{name}.conf" if self.config_dir is not None else None

    def read_conf(self, name: str) -> conf.Conf:
        """Reads ``NAME.conf``; without a directory, or a file, it is empty."""
        path = self.conf_path(name)
        if path is None:
            return conf.Conf(f"{name}.conf", self.conf.rules)
        return conf.load(
            str(path), params=self.run_params, loaded=self.modules, rules=self.conf.rules
        )

    async def reload(self, plugin: str = "") -> Reloaded:
        """Reads the configuration again and makes the engine agree with it.

        Files with a mistake change nothing at all. `plugin` names the one module to reload.
        """
        async with self._reloading:
            modules = [module for name, module in self.modules.items() if plugin in ("", name)]
            problems = [] if plugin else self._read_main_again()
            problems += [problem for module in modules for problem in module.read_conf()]
            mistakes = [str(one) for one in problems if one.severity == "error"]
            if mistakes:
                for mistake in mistakes:
                    self.log.debug(log.CONF, "engine", mistake)
                return Reloaded(False, (*mistakes[:-1], f"{mistakes[-1]}. Nothing was changed."))
            self._tell(f"Initializing plugin '{plugin}'" if plugin else "Initializing plugins")
            params = {"plugin": plugin} if plugin else {}
            answered = await self.dispatch(self.system_message("engine.init", **params))
            if not modules and not answered:
                return Reloaded(False, (), f"no module is called '{plugin}'")
            lines = [] if plugin else self.sniffer.apply_conf()
            for module in modules:
                if module.title and module.tells_reload:
                    self._tell(f"Initializing module {module.title}")
                lines += await module.apply_conf()
            if not plugin:
                self._tell("Initialization complete")
            return Reloaded(True, tuple(lines))

    def rehearse(self) -> list[conf.Problem]:
        """Reads all configuration as a start does, and starts nothing; returns what is wrong.

        That includes what could not be started or opened now. The engine is of no other use
        then.
        """
        self._read_main()
        problems = list(self.conf.problems)
        made = (
            (name, make_module(self, name, self._front_modules))
            for name in wanted_modules(self.conf, self._front_modules)
        )
        self.modules = {name: module for name, module in made if module is not None}
        for module in self.modules.values():
            problems += module.read_conf()
            problems += module.examine()
        return problems

    # Modules

    async def load_module(self, name: str, *, initialize: bool = True) -> str:
        """Loads a built-in module; returns why it could not be, or an empty text."""
        if name in self.modules:
            return f"Module is already loaded: {name}"
        module = make_module(self, name, self._front_modules)
        if module is None:
            return f"Module operation failed: load {name}.yate"
        self.modules[name] = module
        module.load()
        if module.title:
            self._tell(f"Loaded module {module.title}")
        if initialize:
            await self._initialize(module)
        return ""

    async def unload_module(self, name: str) -> str:
        """Yate's modules refuse to go while the engine runs, and so do these."""
        return (
            f"Could not unload module: {name}"
            if name in self.modules
            else (f"Module not loaded: {name}")
        )

    async def _initialize(self, module: Module) -> None:
        if module.title:
            self._tell(f"Initializing module {module.title}")
        for problem in module.read_conf():
            level = log.CONF if problem.severity == "error" else log.NOTE
            self.log.debug(level, module.name, str(problem))
        await module.apply_conf()

    # Inside

    def _read_main(self) -> None:
        path = self.conf_path("yate")
        if path is None:
            return
        self.conf = conf.load_main(str(path), self.run_params)
        for line in self.conf.log:
            self.log.emit(log.Event("config", str(line)))
        for problem in self.conf.problems:
            if problem.severity == "error":
                self.log.debug(log.CONF, "engine", str(problem))
        for problem in self.sniffer.read_conf(self.conf):
            self.log.debug(log.CONF, "engine", str(problem))
        self.sniffer.apply_conf()
        named = self.conf.get("general", "nodename")
        if named and self._node is None:
            self.run_params["nodename"] = named

    def _read_main_again(self) -> list[conf.Problem]:
        """Reads yate.conf, of which no more than the record changes while the engine runs."""
        path = self.conf_path("yate")
        if path is None:
            return []
        main = conf.load_main(str(path), self.run_params)
        return [*main.problems, *self.sniffer.read_conf(main)]

    def _install_own(self) -> None:
        status = functools.partial(engine_status, self)
        for name, handler, priority in (
            ("engine.status", status, 90),
            ("engine.command", self._commands.command, 100),
            ("engine.help", self._commands.help, 100),
        ):
            self.install(name, handler, priority, track="engine").built_in = True

    def _tell(self, text: str, stamped: bool = True) -> None:
        when = time.time() if stamped else 0.0
        self.log.emit(log.Event("output", text, source="engine", when=when))


def _absolute(path: str | os.PathLike[str]) -> Path:
    # Without a directory there is no path, and a start without it takes 3 ms less.
    from pathlib import Path

    return Path(path).absolute()


EMBEDDER: Final = Embedder()
"""The program itself, as the giver of commands."""
