"""The base of modules: status, help, commands, completion and a debug level.

Modelled on the class Module of Yate's engine, which has the same messages and priorities.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from yext import log
from yext.bus import Bus
from yext.command import DESCRIBE, EOL, Words, complete_words
from yext.conf import Problem
from yext.dispatcher import FunctionHandler, Handler, HandlerFunction
from yext.message import Message, SystemMessage
from yext.wire import BOOLEANS

if TYPE_CHECKING:
    from yext.measures.family import Family

STATUS_PRIORITY = 110
COMMAND_PRIORITY = 120
DEBUG_PRIORITY = 120

ENGINE_ONLY = re.compile(r"engine\.(start|init|timer|stop|halt)|module\..*")
"""The names of messages that have an effect on modules only if the engine itself sends them."""


class Program(NamedTuple):
    """A program of a module: one that runs, did run, or failed to start.

    Attributes:
        name, parameter: the program as it was asked for; the parameter may be empty.
        state: its state in words.
        pid: its process id, None while it does not run.
        received, sent: the messages from it and to it, None while it does not run.
        pending: the messages that it has not answered, None while it does not run.
        restarts: how often it was started again, in words.
        reason: why it failed, in one line; empty unless it has failed.
        explain: the command that explains the failure.
        path: its file, empty if that is not known.
    """

    name: str
    parameter: str
    state: str
    pid: int | None = None
    received: int | None = None
    sent: int | None = None
    pending: int | None = None
    restarts: str = "0"
    reason: str = ""
    explain: str = ""
    path: str = ""

    @property
    def label(self) -> str:
        """The name, and the parameter if there is one."""
        return f"{self.name} {self.parameter}".rstrip()


class Start(Protocol):
    """A start of a program of a module, by a command or by the configuration.

    Attributes:
        label: the program, and its parameter if there is one.
        session: the label of the session that started it, empty for the configuration.
        reason: why it could not be started or ended badly, a line each; empty if it did not.
        over: True once the program has ended, or if it could not be started.
        ran: True if it could be started.
    """

    label: str
    session: str
    reason: tuple[str, ...]
    over: bool
    ran: bool

    @property
    def explain(self) -> str:
        """The command that explains why it failed."""

    @property
    def promising(self) -> bool:
        """True if the program has installed nothing, and may yet."""

    @property
    def starting(self) -> bool:
        """True if the program has installed nothing, and was started just now."""

    def changed(self) -> asyncio.Future[None]:
        """Return a future that is done when the program speaks first, or changes its state."""

    async def settled(self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        """Wait until the program has done what it does at first, or has ended.

        Args:
            sleep: waits so many seconds, as the program knows them.
        """


class Renewal(NamedTuple):
    """The outcome of starting a program anew because its files have changed.

    Attributes:
        ok: whether the new process has taken over.
        lines: what has happened; the first is a headline.
    """

    ok: bool
    lines: tuple[str, ...]


class Counts(NamedTuple):
    """How many programs run and answer, run and do not answer, and have failed."""

    running: int = 0
    silent: int = 0
    failed: int = 0


class Nodes(NamedTuple):
    """How many other nodes are connected, and how many links and servers to them are not."""

    here: int
    missing: int


class Listening(NamedTuple):
    """Where a module listens, and the reasons why it does not listen elsewhere."""

    where: Sequence[str]
    failed: Sequence[str]


class Module:
    """One built-in module of the engine.

    Args:
        bus: the engine's bus.

    Attributes:
        name: its name in ``module list``, ``loaded.NAME`` and ``status``.
        title: its name in the log.
        kind: the ``type=`` of its status.
        aliases: further names for ``status``.
        status_priority: the priority of its handler of ``engine.status``.
        track: whether its handlers are named in the tracking parameter of messages.
        announces_reload: whether a reload logs the module, as for most modules of Yate.
        debug_level: its own debug level, None for the engine's.
        debug_on: whether it logs debug text at all.
        debug_objects: the state of ``debug MODULE objects``, which has no effect.
    """

    name = ""
    title = ""
    kind = "misc"
    aliases: tuple[str, ...] = ()
    status_priority = STATUS_PRIORITY
    track = True
    announces_reload = True

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.debug_level: int | None = None
        self.debug_on = True
        self.debug_objects = False
        self._handlers: list[Handler] = []

    # Life cycle

    def load(self) -> None:
        """Install the handlers of all modules; a module adds its own."""
        self.handle("engine.status", self._status, self.status_priority)
        self.handle("engine.command", self._command, COMMAND_PRIORITY)
        self.handle("engine.debug", self._debug, DEBUG_PRIORITY)

    def read_conf(self) -> list[Problem]:
        """Read the module's configuration into a plan for `apply_conf`, and change nothing.

        Returns:
            The mistakes found.
        """
        return []

    def losses(self) -> list[Problem]:
        """Return an error for each section or option that is missing or misspelt, so that the plan
        of `read_conf` would stop or close something."""
        return []

    async def apply_conf(self) -> list[str]:
        """Carry out the plan of `read_conf`; return a line for each change."""
        return []

    def examine(self) -> list[Problem]:
        """Return what would fail at a start with the plan of `read_conf`, and change nothing."""
        return []

    async def stop(self, deadline: float) -> None:
        """Stop everything that the module runs.

        Args:
            deadline: the time by which it has to be stopped, on the loop's clock.
        """

    def unload(self) -> None:
        """Uninstall the module's handlers."""
        for handler in self._handlers:
            self.bus.dispatcher.uninstall(handler)
        self._handlers.clear()

    # Handlers

    def handle(self, name: str, function: HandlerFunction, priority: int) -> Handler:
        """Install `function` as the module's handler of messages called `name`.

        Of those in `ENGINE_ONLY` it gets the engine's own alone.
        """
        if ENGINE_ONLY.fullmatch(name):
            function = _genuine_only(function)
        handler = FunctionHandler(
            self.bus.log, function, name, priority, self.name, self.name if self.track else ""
        )
        handler.built_in = True
        self.bus.dispatcher.install(handler)
        self._handlers.append(handler)
        return handler

    # Status

    def busy(self) -> bool:
        """Return whether the module is in use."""
        return False

    def status_params(self) -> str:
        """Return the second field of the status line, for example ``scripts=0,chans=0``."""
        return ""

    def status_detail(self) -> str:
        """Return the third field of the status line, empty for none."""
        return ""

    def status_format(self) -> str:
        """Return an addition to the first field of the status line, ``,format=…``."""
        return ""

    def status_line(self, details: bool) -> str:
        """Return the module's line of ``status``, without its end."""
        line = f"name={self.name},type={self.kind}{self.status_format()};{self.status_params()}"
        detail = self.status_detail() if details else ""
        return f"{line};{detail}" if detail else line

    def summary(self) -> str:
        """Describe the module and its activity in a few words."""
        return ", ".join(part for part in (self.title, self.kind, self.status_params()) if part)

    def counts(self) -> Counts:
        """The numbers of programs; a shell asks for this at every key, so it is no message."""
        return Counts()

    def programs(self) -> Sequence[Program]:
        """The programs of the module, in the order they were started."""
        return ()

    def program_folder(self) -> str:
        """The folder in which programs are looked for, empty if there is none."""
        return ""

    def starts(self) -> Sequence[Start]:
        """The last start of each program of the module that was not started for a call."""
        return ()

    async def restart_changed(self, *, again: bool) -> Sequence[Renewal]:
        """Start the programs anew whose files have changed since their start.

        Args:
            again: whether to try a change again that has failed before.
        """
        return ()

    def watched_folders(self) -> Sequence[str]:
        """The folders in which a file of the programs may change."""
        return ()

    async def program_started(self) -> None:
        """Wait until a program is started, so that there may be other folders to watch."""
        await asyncio.Future()

    def listening(self) -> Listening | None:
        """Where the module listens, None if it has no listeners for programs."""
        return None

    def unopened(self) -> Sequence[str]:
        """The reasons why listeners that stand in the module's file are not open."""
        return ()

    def measures(self) -> Iterable[Family]:
        """What the metrics show of the module."""
        return ()

    def measure(self, on: bool) -> None:
        """Measure from now on what costs something, or no longer."""

    def nodes(self) -> Nodes | None:
        """The other nodes, None if the module knows none; a shell asks for this at every key."""
        return None

    def _status(self, message: Message) -> bool:
        wanted = message.get("module")
        if wanted and wanted != self.name and wanted not in self.aliases:
            return False
        details = BOOLEANS.get(message.get("details"), True)
        message.retvalue += self.status_line(details) + EOL
        return bool(wanted)

    # Commands

    async def command(self, line: str, message: Message) -> bool:
        """Carry out a command line.

        Args:
            line: the command line, which may belong to another module.
            message: the ``engine.command``, which gets the reply.

        Returns:
            True if it is a command of this module.
        """
        return False

    def complete(self, line: str, word: str) -> Words:
        """Return the words that may come next in a command line.

        Args:
            line: the words before the one being typed, empty at the first word.
            word: the beginning of the word being typed.
        """
        return ()

    def complete_described(self, line: str, word: str) -> Words:
        """Return what `complete` does, for a console that shows descriptions; there may be more."""
        return self.complete(line, word)

    async def _command(self, message: Message) -> bool:
        line = message.get("line")
        if line:
            return await self.command(line, message)
        self.offer(message)
        return False

    def offer(self, message: Message) -> None:
        """Add the module's words to the reply of an ``engine.command`` that asks for completions.

        Such a message has no ``line``, but what is typed: ``partline`` and ``partword``.
        """
        line = message.get("partline")
        complete = self.complete_described if DESCRIBE in message else self.complete
        complete_words(message, complete(line, message.get("partword")))
        if line in ("status", "status overview", "debug"):
            complete_words(message, {self.name: self.summary()})

    # Debugging

    def debug(self, level: int, text: str) -> None:
        """Log debug text of the module if its own level, or the engine's, allows."""
        limit = self.bus.log.level if self.debug_level is None else self.debug_level
        if self.debug_on and level <= limit:
            self.bus.log.emit(log.Event(log.EventKind.DEBUG, text, level, self.title or self.name))

    def _debug(self, message: Message) -> bool:
        if message.get("module") != self.name:
            return False
        self.set_debug(message.get("line"))
        level = self.bus.log.level if self.debug_level is None else self.debug_level
        message.retvalue = (
            f"Module {self.name} debug {'on' if self.debug_on else 'off'} level {level}"
            f" objects {'on' if self.debug_objects else 'off'}{EOL}"
        )
        return True

    def set_debug(self, line: str) -> None:
        """Carry out ``level N[+-]``, ``reset``, ``objects on|off`` or ``on|off``."""
        verb, _, value = line.strip().partition(" ")
        if verb == "level":
            current = self.bus.log.level if self.debug_level is None else self.debug_level
            self.debug_level = log.changed_level(current, value)
        elif verb == "reset":
            self.debug_level, self.debug_on = None, True
        elif verb == "objects":
            self.debug_objects = BOOLEANS.get(value, self.debug_objects)
        else:
            self.debug_on = BOOLEANS.get(verb, self.debug_on)


def _genuine_only(function: HandlerFunction) -> HandlerFunction:
    """Return `function` as a handler that ignores what a peer or a session has sent."""

    def handle(message: Message) -> bool | Awaitable[bool | None] | None:
        return SystemMessage.is_genuine(message) and function(message)

    return handle


def starts_of(bus: Bus) -> list[Start]:
    """The last start of each program of an engine that was not started for a call."""
    return [start for module in modules_of(bus) for start in module.starts()]


def unopened(bus: Bus) -> list[str]:
    """The reasons why listeners that stand in the files of an engine are not open."""
    return [reason for module in modules_of(bus) for reason in module.unopened()]


def modules_of(bus: Bus) -> list[Module]:
    """The loaded modules of an engine, in the order they were loaded."""
    return [module for module in bus.modules.values() if isinstance(module, Module)]
