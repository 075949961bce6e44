"""A command and its reply, and the commands that the engine itself answers on the bus.

A command line travels as an ``engine.command`` message, so any module or script can add
commands by installing a handler for it (Yate's docs/messages, engine.command).
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from yext import conf
from yext.completing import Words, complete, complete_words
from yext.conf.options import nearest
from yext.engine import handlers
from yext.handler import Sender
from yext.log import stamp
from yext.message import Message
from yext.record.timing import SWITCHES

if TYPE_CHECKING:
    from yext.engine.engine import Engine

EOL = "\r\n"
"""How lines end in the text of a reply, as in Yate."""

FAILED = "reason"
"""The parameter of a handled command that tells that it failed, and why."""


class Reply(NamedTuple):
    """What became of a command.

    Attributes:
        ok: whether it succeeded.
        text: what Yate would print, lines ending in CR LF.
        params: ``reason``, ``errno``, ``hint`` … as far as they are known.
        known: whether anybody knew the command.
        data: what `text` tells, as lists and objects; None where only the text is known.
        parts: the command lines that were carried out for it, each with its own reply, where
            `text` is put together from theirs.
    """

    ok: bool
    text: str = ""
    params: Mapping[str, str] = MappingProxyType({})
    known: bool = True
    data: object = None
    parts: tuple[tuple[str, Reply], ...] = ()


NOT_EXECUTED = "Starting programs is turned off for this listener"
EXECUTE_HINT = "allow_execute=yes for this listener in rmanager.conf"


class Commander(Sender, Protocol):
    """Who gives commands: a console session, or the program that embeds the engine."""

    @property
    def may_execute(self) -> bool:
        """Whether what is asked for may start a program."""

    def command_params(self) -> dict[str, str]:
        """The parameters that tell handlers who asks: ``cmd_address`` and its like."""


class Embedder:
    """The program that embeds the engine, as the giver of commands."""

    label = "engine"
    may_execute = True

    def handling(self) -> None:
        """Commands of a program are nested in nothing."""

    def command_params(self) -> dict[str, str]:
        """A program that runs the engine may do everything."""
        return {"cmd_machine": "false", "cmd_admin": "true"}


async def run(
    engine: Engine, line: str, commander: Commander, names: Collection[str] | None = ()
) -> Reply:
    """Sends `line` as an ``engine.command`` and makes the reply of what comes back.

    `names` are commands beside those on the bus, of which a command that nobody knows may
    have been meant for one; None asks nobody for that.
    """
    message = Message(
        "engine.command", {"line": line, **commander.command_params()}, userdata=commander
    )
    with engine.log.replying(commander.label):
        handled = await engine.dispatch(message, commander)
    if handled:
        params = {
            key: value
            for key, value in message.params.items()
            if key != "line" and key != "handlers" and not key.startswith("cmd_")
        }
        return Reply(FAILED not in params, message.retvalue, params)
    return await not_understood(engine, line, commander, names)


async def not_understood(
    engine: Engine, line: str, commander: Commander, names: Collection[str] | None
) -> Reply:
    """The reply to a command that nobody knows, with the nearest names as its hint."""
    word = line.split(maxsplit=1)[0] if line.split() else ""
    params = {"reason": "unknown command"}
    if names is not None:
        known = [*names, *await complete(engine, "", "", commander)]
        near = nearest(word, known)
        if word in known:
            params["hint"] = f"help {word}"
        elif near:
            params["hint"] = f"Did you mean: {', '.join(near)}"
    return Reply(False, f"Cannot understand: {line}{EOL}", params, known=False)


async def status(
    engine: Engine, module: str, details: bool, commander: Commander
) -> tuple[str, bool]:
    """The text of ``status [MODULE]``, and whether anybody answered for that module."""
    params = {} if details else {"details": "false"}
    if module:
        params["module"] = module
    message = Message("engine.status", params | commander.command_params(), userdata=commander)
    known = await engine.dispatch(message, commander)
    return message.retvalue, known


async def help_text(engine: Engine, topic: str, listed: str, commander: Commander) -> str | None:
    """The text of ``help [COMMAND]``; None where nobody has help for it.

    `listed` is what is there before the modules add to it.
    """
    params = {"line": topic} if topic else {}
    message = Message(
        "engine.help", params | commander.command_params(), retvalue=listed, userdata=commander
    )
    handled = await engine.dispatch(message, commander)
    return message.retvalue if handled or not topic else None


def uptime_text(engine: Engine) -> str:
    """The text of ``uptime``."""
    seconds = int(time.time() - engine.started_at)
    days, rest = divmod(seconds, 86400)
    used = os.times()
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return (
        f"Uptime: {days} {clock} ({seconds}) user: {used.user:.3f} kernel: {used.system:.3f}{EOL}"
    )


class BusCommand(NamedTuple):
    """A command that is answered on the bus: its function gets the engine, what follows the
    command's name, and the message; it returns whether it understood."""

    usage: str
    help: str
    function: Callable[[Engine, str, Message], bool | Awaitable[bool]]
    words: Words = ()


async def _status(engine: Engine, rest: str, message: Message) -> bool:
    details = rest.split(" ", 1)[0] != "overview"
    module = rest if details else rest.removeprefix("overview").strip()
    text, known = await status(engine, module, details, commander_of(message))
    if module and not known and not text:
        message["reason"] = f"no module answers to '{module}'"
    message.retvalue = text
    return True


def _uptime(engine: Engine, rest: str, message: Message) -> bool:
    message.retvalue = uptime_text(engine)
    return True


async def _help(engine: Engine, rest: str, message: Message) -> bool:
    text = await help_text(
        engine, rest, "" if rest else f"Available commands:{EOL}", commander_of(message)
    )
    if text is None:
        message["reason"] = f"no help for '{rest}'"
        text = f"No help for '{rest}'{EOL}"
    message.retvalue = text
    return True


async def _reload(engine: Engine, rest: str, message: Message) -> bool:
    done = await engine.reload(rest)
    message.retvalue = f"Reinitializing...{EOL}" + "".join(line + EOL for line in done.lines)
    if not done.ok:
        message["reason"], message["hint"] = done.reason, done.hint
    return True


def _version(engine: Engine, rest: str, message: Message) -> bool:
    if rest:
        return False
    params = engine.run_params
    message.retvalue = (
        f"version:  {params['version']}{EOL}release:  {params['release']}{EOL}"
        f"revision: {params['revision']}{EOL}githash:  {params['revision']}{EOL}"
    )
    return True


async def _module(engine: Engine, rest: str, message: Message) -> bool:
    verb, _, name = rest.partition(" ")
    if verb == "list" and not name:
        message.retvalue = "\t".join(sorted(engine.modules)) + EOL
        return True
    name = name.strip().removesuffix(".yate")
    action = {"load": engine.load_module, "unload": engine.unload_module}.get(verb)
    failure = (
        "Module not unloaded: " + name
        if verb == "reload" and name in engine.modules
        else f"Module operation failed: {rest}"
        if action is None or not name
        else await action(name)
    )
    if failure:
        message.retvalue = failure + EOL
        message["reason"] = failure
    return True


def _events(engine: Engine, rest: str, message: Message) -> bool:
    verb, _, kind = rest.partition(" ")
    if verb == "clear":
        if kind in ("", "log"):
            engine.log.captured.clear()
        return True
    told = list(engine.log.captured) if rest in ("", "log") else []
    lines = [f"Events: {len(told)}"]
    for event in told:
        lines.append(f"{stamp(event.when)} {event.line()}" if event.when else event.line())
    message.retvalue = "".join(line + EOL for line in lines)
    return True


def _logview(engine: Engine, rest: str, message: Message) -> bool:
    return not rest and _events(engine, "", message)


def _runparam(engine: Engine, rest: str, message: Message) -> bool:
    name, equals, value = rest.partition("=")
    name = name.strip()
    if not equals or not name:
        return False
    if name in engine.run_params:
        message.retvalue = f"Not overwriting runtime parameter '{name}'{EOL}"
        message["reason"] = f"runtime parameter '{name}' is set already"
    else:
        engine.run_params[name] = conf.replace_params(value.strip(), engine.run_params)
    return True


def _dispatcher(engine: Engine, rest: str, message: Message) -> bool:
    words = rest.split()
    times = engine.trace_times.command(words)
    lines = [times] if times is not None else handlers.listed(engine.dispatcher, words)
    message.retvalue = "".join(line + EOL for line in lines or ())
    return lines is not None


BUS_COMMANDS: dict[str, BusCommand] = {
    "module": BusCommand(
        "module {{load|reload} modulefile|unload modulename|list}",
        "Controls the modules loaded in the Telephony Engine",
        _module,
        {
            "load": "loads a module of the engine",
            "reload": "has a module read its configuration again",
            "unload": "ends a module",
            "list": "the modules that are loaded",
        },
    ),
    "events": BusCommand(
        "events [clear] [type]",
        "Show or clear events or alarms collected since the engine startup",
        _events,
        {"clear": "forgets what was collected", "log": "the events of the log alone"},
    ),
    "logview": BusCommand(
        "logview", "Show log of engine startup and initialization process", _logview
    ),
    "runparam": BusCommand("runparam name=value", "Add a new runtime parameter", _runparam),
    "dispatcher": BusCommand(
        "dispatcher {handlers|trace_msg_time|trace_msg_handler_time}",
        "Shows who handles which messages: handlers name=call.route or name=^ for all; watches",
        _dispatcher,
        {
            "handlers": "who handles which messages",
            "watches": "who watches which messages",
            **dict.fromkeys(SWITCHES, "on or off: logs how long messages take"),
        },
    ),
    "status dispatcher": BusCommand(
        "status dispatcher ...", "Shows the installed handlers", _dispatcher
    ),
    "version": BusCommand("version", "Show version and revision of the engine", _version),
}
"""The engine's own commands, in the order `help` lists them."""

MANAGER_COMMANDS: dict[str, BusCommand] = {
    "status": BusCommand(
        "status [overview] [modulename]",
        "Shows status of all or selected modules or channels",
        _status,
        {"overview": "without the details"},
    ),
    "uptime": BusCommand("uptime", "Show information on how long Yate has run", _uptime),
    "help": BusCommand("help [command]", "Provide help on all or given command", _help),
    "reload": BusCommand("reload [plugin]", "Reloads module configuration files", _reload),
}
"""What rmanager answers in Yate: on the bus too, so that an embedding program has them."""


def help_with(message: Message, word: str, usage: str, text: str) -> bool:
    """Adds a command's `usage` to ``engine.help``, or answers for ``help WORD`` with `text`."""
    topic = message.get("line")
    if topic == word:
        message.retvalue = f"  {usage}{EOL}{text}{EOL}"
    elif not topic:
        message.retvalue += f"  {usage}{EOL}"
    return topic == word


def commander_of(message: Message) -> Commander:
    """Who gave the command that `message` carries, or had the call made that it is about."""
    commander = getattr(message.userdata, "commander", message.userdata)
    return commander if hasattr(commander, "command_params") else Embedder()  # type: ignore[return-value]


class EngineCommands:
    """Answers ``engine.command`` and ``engine.help`` for the engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def command(self, message: Message) -> bool:
        """The handler of ``engine.command``: a line to carry out, or one to complete."""
        if "partial" in message:
            self._complete(message)
            return False
        name, _, rest = message.get("line").strip().partition(" ")
        command = BUS_COMMANDS.get(name) or MANAGER_COMMANDS.get(name)
        if command is None:
            return False
        result = command.function(self._engine, rest.strip(), message)
        return result if isinstance(result, bool) else await result

    def _complete(self, message: Message) -> None:
        line = message.get("partline")
        if line in ("", "help", "?"):
            names = {name: one.help for name, one in BUS_COMMANDS.items() if " " not in name}
            complete_words(message, names)
        elif line in ("reload", "module reload", "module unload"):
            modules = sorted(self._engine.modules.items())
            complete_words(message, {name: one.summary() for name, one in modules})
        elif line in ("status", "status overview"):
            complete_words(message, {"engine": "the engine itself"})
        elif line.startswith("dispatcher "):
            words = line.split()[1:]
            partword = message.get("partword")
            complete_words(message, handlers.complete(self._engine.dispatcher, words, partword))
        command = BUS_COMMANDS.get(line)
        if command is not None:
            complete_words(message, command.words)

    def help(self, message: Message) -> bool:
        """The handler of ``engine.help``."""
        topic = message.get("line")
        if not topic:
            message.retvalue += "".join(f"  {one.usage}{EOL}" for one in BUS_COMMANDS.values())
            return False
        command = BUS_COMMANDS.get(topic)
        if command is None:
            return False
        message.retvalue = f"  {command.usage}{EOL}{command.help}{EOL}"
        return True
