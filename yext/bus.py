"""The bus: an engine as its modules see it.

Modules, commands and drivers are typed on `Bus` and never know the `Engine` that derives from it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from yext import conf
from yext.dispatcher import Dispatch, Dispatcher, FunctionHandler, Handler, HandlerFunction, Sender
from yext.log import Event, EventKind, Log
from yext.message import Message, SystemMessage
from yext.record.recorder import FlowRecorder

if TYPE_CHECKING:
    from pathlib import Path

    from yext.commander import Commander

RESTART_CODE = 128
"""The exit code that asks a supervisor to start the engine again, as Yate's."""


class Bus:
    """The log, the dispatcher, the run parameters and the configuration of one engine.

    Args:
        config_dir: the configuration directory, None for the built-in defaults.

    Attributes:
        log: the engine's log.
        recorder: the record of dispatched messages.
        dispatcher: handlers, watchers and dispatches in flight.
        run_params: the run parameters, found as ``${NAME}`` in configuration files.
        conf: yate.conf as it was read at the start.
        own_conf: yext.conf as it was read at the start or at the last reload.
        modules: the loaded modules by name.
        now: returns the time of day, in seconds since 1970; a test has a clock of its own.
        started_at: the time of the start, in seconds since 1970.
        started: True once all modules have started, until the stop.
        must_listen: whether nothing is started if a listener in the files cannot be opened.
        program_output: the descriptor for the output of executed programs, None for /dev/null.
        exit_code: the exit code of the process, set by `halt`.
        commanders: the sessions that are open, in the order in which they came.
    """

    def __init__(self, config_dir: str | os.PathLike[str] | None = None) -> None:
        self.config_dir = _absolute(config_dir) if config_dir is not None else None
        self.log = Log()
        self.recorder = FlowRecorder()
        self.dispatcher = Dispatcher(self.log, self.recorder)
        self.run_params: dict[str, str] = {}
        self.conf = conf.Conf("yate.conf", conf.ReadingRules())
        self.own_conf = conf.Conf("yext.conf", conf.ReadingRules())
        self._conf_names: set[str] = set()
        self._read_ahead: dict[str, conf.Conf] = {}
        self.modules: Mapping[str, object] = {}
        self.now: Callable[[], float] = time.time
        self.started_at = time.time()
        self._started = time.monotonic()
        self.started = False
        self.must_listen = False
        self.program_output: int | None = None
        self.exit_code = 0
        self.commanders: dict[Commander, None] = {}
        self._halted = asyncio.Event()

    @property
    def node(self) -> str:
        """The node name."""
        return self.run_params["nodename"]

    def uptime(self) -> float:
        """Return the time since the start in seconds, whatever the clock was set to."""
        return time.monotonic() - self._started

    # The end

    def halt(self, exit_code: int = 0) -> None:
        """Ask for the engine's end, which `halted` waits for."""
        self.exit_code = exit_code & 0xFF
        self._halted.set()

    def restart(self) -> None:
        """Ask for the engine's end and, from its supervisor, for a new start."""
        self.halt(RESTART_CODE)

    async def halted(self) -> int:
        """Wait until the engine's end is asked for; return the exit code."""
        await self._halted.wait()
        return self.exit_code

    @property
    def halting(self) -> bool:
        """True once the engine's end has been asked for."""
        return self._halted.is_set()

    # Messages

    def install(
        self,
        name: str,
        handler: HandlerFunction,
        priority: int = 100,
        *,
        filter: tuple[str, str] | None = None,
        track: str = "",
    ) -> Handler:
        """Install a function or coroutine function as a handler.

        Args:
            name: the message name; an empty one stands for all messages.
            handler: gets the `Message`, may change it, and returns whether it handled it. One
                that raises is logged and counts as not handled.
            priority: handlers are asked in ascending order, equal ones in that of installation.
            filter: a parameter's name and the value that it must have.
            track: the handler's name in the tracking parameter ``handlers``.

        Returns:
            The installed handler, for `uninstall`.
        """
        label = getattr(handler, "__qualname__", track or repr(handler))
        installed = FunctionHandler(
            self.log, handler, name, priority, label, track, *(filter or ("", ""))
        )
        self.dispatcher.install(installed)
        return installed

    def uninstall(self, handler: Handler) -> None:
        """Remove a handler that `install` returned."""
        self.dispatcher.uninstall(handler)

    async def dispatch(self, message: Message, sender: Sender | None = None) -> bool:
        """Take `message` through its handlers, which may change it.

        Returns:
            True if one of them handled it.

        Raises:
            TypeError: the message holds anything but text.
        """
        message.check()
        return await self.dispatcher.dispatch(message, sender)

    def enqueue(self, message: Message, sender: Sender | None = None) -> None:
        """Dispatch `message` soon, without waiting for its result.

        Raises:
            TypeError: the message holds anything but text.
        """
        message.check()
        self.dispatcher.enqueue(Dispatch(self.dispatcher, message, None, sender))

    def system_message(self, name: str, **params: str) -> Message:
        """Make a message that only the engine sends, which every handler gets."""
        return SystemMessage(name, params | {"nodename": self.node})

    def announce(self, text: str, stamped: bool = True) -> None:
        """Write a line about the engine itself to the log, with the time unless not `stamped`."""
        when = time.time() if stamped else 0.0
        self.log.emit(Event(EventKind.OUTPUT, text, source="engine", when=when))

    # Configuration

    @property
    def conf_names(self) -> frozenset[str]:
        """The names of the files that `read_conf` has read, without ``.conf``."""
        return frozenset(self._conf_names)

    def conf_path(self, name: str) -> Path | None:
        """The path of the configuration file `name`, None without a directory."""
        return self.config_dir / f"{name}.conf" if self.config_dir is not None else None

    def read_conf(self, name: str) -> conf.Conf:
        """Read ``NAME.conf``, which is empty without a directory or a file."""
        path = self.conf_path(name)
        if path is None:
            return conf.Conf(f"{name}.conf", self.conf.rules)
        self._conf_names.add(name)
        return self._read_ahead.pop(name, None) or self._load_conf(path)

    def _load_conf(self, path: Path) -> conf.Conf:
        return conf.load(
            str(path), params=self.run_params, loaded=self.modules, rules=self.conf.rules
        )

    async def read_confs_ahead(self) -> None:
        """Read all files again that have been read, in a thread; the next `read_conf` of each
        returns what was read. The event loop goes on meanwhile, whatever the files include."""
        paths = {name: self.conf_path(name) for name in self._conf_names}

        def read() -> dict[str, conf.Conf]:
            return {name: self._load_conf(path) for name, path in paths.items() if path}

        self._read_ahead = await asyncio.to_thread(read)

    def forget_read_ahead(self) -> None:
        """Forget the files that were read ahead."""
        self._read_ahead.clear()


def _absolute(path: str | os.PathLike[str]) -> Path:
    # Without a directory there is no path, and a start without pathlib takes 3 ms less.
    from pathlib import Path

    return Path(path).absolute()
