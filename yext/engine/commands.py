"""The engine's own commands on the bus."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from yext import conf
from yext.bus import Bus
from yext.command import EOL, Words, commander_of, complete_words, help_text, status
from yext.engine import handlers
from yext.engine.loader import FORCE, RESTART_CHANGED, Loader
from yext.engine.unread import unread_line
from yext.errors import ExecuteNotAllowedError, ModuleError, PatternError
from yext.log import stamp
from yext.message import Message
from yext.record.timing import SWITCHES, TraceTimes


def uptime_text(bus: Bus) -> str:
    """Return the text of ``uptime``."""
    seconds = int(bus.uptime())
    days, rest = divmod(seconds, 86400)
    used = os.times()
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return (
        f"Uptime: {days} {clock} ({seconds}) user: {used.user:.3f} kernel: {used.system:.3f}{EOL}"
    )


class BusCommand(NamedTuple):
    """A command of the engine on the bus.

    Attributes:
        usage: its line in ``help``.
        help: the text of ``help COMMAND``.
        function: carries it out. Gets the text after the command's name and the message for the
            reply; returns False if it did not understand.
        words: the words that complete it after its name.
    """

    usage: str
    help: str
    function: Callable[[EngineCommands, str, Message], bool | Awaitable[bool]]
    words: Words = ()


class EngineCommands:
    """Handles ``engine.command`` and ``engine.help`` for the engine.

    Args:
        bus: the engine's bus.
        loader: the engine's modules.
        trace_times: the switches that log how long messages take.
    """

    def __init__(self, bus: Bus, loader: Loader, trace_times: TraceTimes) -> None:
        self._bus = bus
        self._loader = loader
        self._trace_times = trace_times

    async def command(self, message: Message) -> bool:
        """Handle an ``engine.command``: carry out a line, or complete one."""
        line = message.get("line").strip()
        if not line:
            self._complete(message)
            return False
        name, _, rest = line.partition(" ")
        command = BUS_COMMANDS.get(name)
        if command is None and message.commander is not None:
            command = MANAGER_COMMANDS.get(name)
        if command is None:
            return False
        result = command.function(self, rest.strip(), message)
        return result if isinstance(result, bool) else await result

    def _complete(self, message: Message) -> None:
        line = message.get("partline")
        if line in ("", "help", "?"):
            complete_words(
                message,
                {name: found.help for name, found in BUS_COMMANDS.items() if " " not in name},
            )
        elif line == "reload":
            complete_words(message, self._plugins())
        elif line in ("module reload", "module unload"):
            modules = sorted(self._loader.modules.items())
            complete_words(message, {name: module.summary() for name, module in modules})
        elif line in ("status", "status overview"):
            complete_words(message, {"engine": "the engine itself"})
        elif line.startswith("dispatcher "):
            words = line.split()[1:]
            partword = message.get("partword")
            complete_words(message, handlers.complete(self._bus.dispatcher, words, partword))
        command = BUS_COMMANDS.get(line)
        if command is not None:
            complete_words(message, command.words)

    def _plugins(self) -> dict[str, str]:
        """The names that ``reload`` takes: of the modules, and of their files where they differ."""
        named = {}
        for file, module in self._loader.modules.items():
            named[module.name] = named[file] = module.summary()
        return dict(sorted(named.items()))

    def describe(self, message: Message) -> bool:
        """Handle an ``engine.help``."""
        topic = message.get("line")
        if not topic:
            message.retvalue += "".join(
                f"  {command.usage}{EOL}" for command in BUS_COMMANDS.values()
            )
            return False
        command = BUS_COMMANDS.get(topic)
        if command is None:
            return False
        message.retvalue = f"  {command.usage}{EOL}{command.help}{EOL}"
        return True

    async def status(self, rest: str, message: Message) -> bool:
        details = rest.split(" ", 1)[0] != "overview"
        module = rest if details else rest.removeprefix("overview").strip()
        reply = await status(self._bus, module, details, commander_of(message))
        message.retvalue = reply.text
        message.params.update(reply.params)
        return True

    def uptime(self, rest: str, message: Message) -> bool:
        message.retvalue = uptime_text(self._bus)
        return True

    async def help(self, rest: str, message: Message) -> bool:
        text = await help_text(
            self._bus, rest, "" if rest else f"Available commands:{EOL}", commander_of(message)
        )
        if text is None:
            message["reason"] = f"No help for '{rest}'"
            text = f"No help for '{rest}'{EOL}"
        message.retvalue = text
        return True

    async def reload(self, rest: str, message: Message) -> bool:
        words = rest.split()
        given = {FORCE, RESTART_CHANGED}.intersection(words)
        if RESTART_CHANGED in given and not commander_of(message).may_execute:
            error = ExecuteNotAllowedError()
            message.params.update(error.params())
            message.retvalue = f"{error}{EOL}"
            return True
        result = await self._loader.reload(
            " ".join(word for word in words if word not in given),
            force=FORCE in given,
            restart_changed=RESTART_CHANGED in given,
        )
        message.retvalue = f"Reinitializing...{EOL}" + "".join(line + EOL for line in result.report)
        if not result.ok:
            message["reason"], message["hint"] = result.reason, result.hint
        return True

    def version(self, rest: str, message: Message) -> bool:
        if rest:
            return False
        params = self._bus.run_params
        message.retvalue = (
            f"version:  {params['version']}{EOL}release:  {params['release']}{EOL}"
            f"revision: {params['revision']}{EOL}githash:  {params['revision']}{EOL}"
        )
        return True

    async def module(self, rest: str, message: Message) -> bool:
        verb, _, name = rest.partition(" ")
        if verb == "list" and not name:
            lines = ["\t".join(sorted(self._loader.modules)), unread_line(self._bus)]
            message.retvalue = "".join(line + EOL for line in lines if line)
            return True
        try:
            await self._change_module(verb, name.strip().removesuffix(".yate"), rest)
        except ModuleError as error:
            message.retvalue = f"{error}{EOL}"
            message["reason"] = str(error)
        return True

    async def _change_module(self, verb: str, name: str, line: str) -> None:
        """Carry out ``module load|unload|reload NAME``. Raises `ModuleError`."""
        if verb == "reload" and name in self._loader.modules:
            raise ModuleError(f"Module not unloaded: {name}")
        if verb == "load" and name:
            await self._loader.load(name)
        elif verb == "unload" and name:
            self._loader.unload(name)
        else:
            raise ModuleError(f"Module operation failed: {line}")

    def events(self, rest: str, message: Message) -> bool:
        verb, _, kind = rest.partition(" ")
        if verb == "clear":
            if kind in ("", "log"):
                self._bus.log.captured.clear()
            return True
        found = list(self._bus.log.captured) if rest in ("", "log") else []
        lines = [f"Events: {len(found)}"]
        for event in found:
            lines.append(f"{stamp(event.when)} {event.line()}" if event.when else event.line())
        message.retvalue = "".join(line + EOL for line in lines)
        return True

    def logview(self, rest: str, message: Message) -> bool:
        return not rest and self.events("", message)

    def runparam(self, rest: str, message: Message) -> bool:
        name, equals, value = rest.partition("=")
        name = name.strip()
        if not equals or not name:
            return False
        if name in self._bus.run_params:
            message.retvalue = f"Not overwriting runtime parameter '{name}'{EOL}"
            message["reason"] = f"runtime parameter '{name}' is set already"
        else:
            self._bus.run_params[name] = conf.replace_params(value.strip(), self._bus.run_params)
        return True

    def dispatcher(self, rest: str, message: Message) -> bool:
        words = rest.split()
        times = self._trace_times.command(words)
        try:
            lines = [times] if times is not None else handlers.listed(self._bus.dispatcher, words)
        except PatternError as error:
            lines = [str(error)]
            message["reason"] = lines[0]
        message.retvalue = "".join(line + EOL for line in lines or ())
        return lines is not None


BUS_COMMANDS: dict[str, BusCommand] = {
    "module": BusCommand(
        "module {{load|reload} modulefile|unload modulename|list}",
        "Controls the modules loaded in the Telephony Engine",
        EngineCommands.module,
        {
            "load": "loads a module of the engine",
            "reload": "makes a module read its configuration again",
            "unload": "stops a module",
            "list": "lists the loaded modules",
        },
    ),
    "events": BusCommand(
        "events [clear] [type]",
        "Show or clear events or alarms collected since the engine startup",
        EngineCommands.events,
        {"clear": "forgets the collected events", "log": "shows the events of the log only"},
    ),
    "logview": BusCommand(
        "logview", "Show log of engine startup and initialization process", EngineCommands.logview
    ),
    "runparam": BusCommand(
        "runparam name=value", "Add a new runtime parameter", EngineCommands.runparam
    ),
    "dispatcher": BusCommand(
        "dispatcher {handlers|trace_msg_time|trace_msg_handler_time}",
        "Lists the handlers of messages (handlers name=call.route, or name=^ for all) and watchers",
        EngineCommands.dispatcher,
        {
            "handlers": "lists the handlers of messages",
            "watches": "lists the watchers of messages",
            **dict.fromkeys(SWITCHES, "on or off: logs how long messages take"),
        },
    ),
    "status dispatcher": BusCommand(
        "status dispatcher ...", "Shows the installed handlers", EngineCommands.dispatcher
    ),
    "version": BusCommand(
        "version", "Show version and revision of the engine", EngineCommands.version
    ),
}
"""The engine's own commands, in the order of ``help``."""

MANAGER_COMMANDS: dict[str, BusCommand] = {
    "status": BusCommand(
        "status [overview] [modulename]",
        "Shows status of all or selected modules or channels",
        EngineCommands.status,
        {"overview": "leaves out the details"},
    ),
    "uptime": BusCommand(
        "uptime", "Show information on how long Yate has run", EngineCommands.uptime
    ),
    "help": BusCommand(
        "help [command]", "Provide help on all or given command", EngineCommands.help
    ),
    "reload": BusCommand(
        "reload [plugin]", "Reloads module configuration files", EngineCommands.reload
    ),
}
"""Commands of rmanager in Yate, on the bus for programs that embed the engine.

A peer's ``engine.command`` does not reach them, as in Yate: those names are free for scripts."""
