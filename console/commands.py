"""The session's own commands: one function each, and the table that feeds help, completion,
authority and execution alike.

They are the commands that Yate's rmanager answers itself; texts as recorded.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yext import Message, Reply, conf
from yext import commands as bus
from yext.commands import EOL
from yext.log import changed_level, clamp_level, stamp
from yext.options import nearest
from yext.wire import BOOLEANS

if TYPE_CHECKING:
    from console.session import Session

Function = Callable[["Session", str], "Reply | Awaitable[Reply]"]


@dataclass(frozen=True, slots=True)
class SessionCommand:
    """One command of the table.

    Attributes:
        name: the word it begins with.
        usage, help: what `help` says.
        function: gets the session and what follows the name.
        words: what completes after the name.
        listed: whether `help` lists it; Yate's own stand in its order.
    """

    name: str
    usage: str
    help: str
    function: Function
    words: tuple[str, ...] = ()
    listed: bool = True


async def carry_out(command: SessionCommand, session: Session, rest: str) -> Reply:
    """Runs a command of the table."""
    result = command.function(session, rest)
    if isinstance(result, Reply):
        return result
    return await result


def complete(session: Session, partline: str, partword: str) -> list[str]:
    """What the session itself knows to complete."""
    if partline in ("", "help", "?"):
        names = [command.name for command in TABLE if command.listed]
        words = names + ([] if partline else list(session.aliases))
    else:
        command = SESSION_COMMANDS.get(partline)
        words = list(command.words) if command is not None else []
    return [word for word in words if word.startswith(partword)]


def alias_line(part: str, rest: str) -> str:
    r"""One command of an alias with ``\0`` to ``\9`` put in: all of the rest, or its words."""
    words = rest.split(" ")

    def value(found: re.Match[str]) -> str:
        number = int(found[1])
        if number == 0:
            return rest
        return words[number - 1] if number <= len(words) else ""

    return re.sub(r"\\([0-9])", value, part)


def _switch(name: str, label: str, on: str = "on", off: str = "off") -> Function:
    """A command that shows or turns a switch of the session."""

    def function(session: Session, rest: str) -> Reply:
        said = BOOLEANS.get(rest.strip().partition(" ")[0])
        if said is not None:
            setattr(session, name, said)
        return Reply(True, f"{label}: {on if getattr(session, name) else off}{EOL}")

    return function


def _quit(session: Session, rest: str) -> Reply:
    session.closing = True
    return Reply(True, f"Goodbye!{EOL}")


async def _help(session: Session, rest: str) -> Reply:
    topic = rest.strip()
    if not topic:
        listed = "".join(f"  {command.usage}{EOL}" for command in TABLE if command.listed)
        text = await bus.help_text(session.engine, "", f"Available commands:{EOL}{listed}", session)
        return Reply(True, text or "")
    command = SESSION_COMMANDS.get(topic)
    if command is not None:
        return Reply(True, f"  {command.usage}{EOL}{command.help}{EOL}")
    text = await bus.help_text(session.engine, topic, "", session)
    if text is None:
        params = {"reason": f"no help for '{topic}'"}
        near = nearest(topic, await session.complete(""))
        if near:
            params["hint"] = f"Did you mean: {', '.join(near)}"
        return Reply(False, f"No help for '{topic}'{EOL}", params)
    return Reply(True, text)


def _auth(session: Session, rest: str) -> Reply:
    return Reply(True, f"You are already authenticated as admin!{EOL}")


async def _status(session: Session, rest: str) -> Reply:
    word, _, after = rest.strip().partition(" ")
    details = word != "overview"
    module = rest.strip() if details else after.strip()
    text, known = await bus.status(session.engine, module, details, session)
    params = {}
    if module and not known and not text:
        params = {"reason": f"no module answers to '{module}'", "hint": "module list"}
    if session.framed:
        named = f":{module}" if module else ""
        text = f"%%+status{named}{EOL}{text}%%-status{EOL}"
    return Reply(not params, text, params)


def _uptime(session: Session, rest: str) -> Reply:
    return Reply(True, bus.uptime_text(session.engine))


def _date(session: Session, rest: str) -> Reply:
    now = time.time()
    zone = time.strftime("%z", time.localtime(now))
    return Reply(True, f"{stamp(now)} {zone[:3]}:{zone[3:]} (local time with separators){EOL}")


async def _debug(session: Session, rest: str) -> Reply:
    word, _, after = rest.strip().partition(" ")
    handler = _DEBUG_WORDS.get(word)
    said = BOOLEANS.get(word)
    if handler is not None:
        if not handler(session, after.strip()):
            return _cannot_debug(after, "")
    elif said is not None:
        session.debug = said
    elif word:
        return await _debug_module(session, word, after)
    log = session.engine.log
    return Reply(
        True,
        f"Debug level: {log.level}, objects: {_on(log.objects)}, local: {_on(session.debug)},"
        f" threshold: {session.threshold}{EOL}",
    )


def _on(value: bool) -> str:
    return "on" if value else "off"


def _cannot_debug(module: str, rest: str) -> Reply:
    return Reply(
        False,
        f"Cannot set debug: {module} {rest}{EOL}",
        {"reason": f"cannot set debug of '{module}'", "hint": "help debug"},
    )


def _debug_level(session: Session, rest: str) -> bool:
    if rest and re.match(r"[+-]?\d", rest) is None:
        return False
    session.engine.log.level = changed_level(session.engine.log.level, rest)
    return True


def _debug_threshold(session: Session, rest: str) -> bool:
    level = conf.parse_int(rest.partition(" ")[0])
    if level is not None:
        session.threshold = clamp_level(level)
    return True


def _debug_objects(session: Session, rest: str) -> bool:
    said = BOOLEANS.get(rest)
    if said is not None:
        session.engine.log.objects = said
    return True


_DEBUG_WORDS: dict[str, Callable[[Session, str], bool]] = {
    "level": _debug_level,
    "threshold": _debug_threshold,
    "objects": _debug_objects,
}


async def _debug_module(session: Session, module: str, rest: str) -> Reply:
    message = Message(
        "engine.debug",
        {"module": module, "line": rest} | session.command_params(),
        userdata=session,
    )
    if await session.engine.dispatch(message, session):
        return Reply(True, message.retvalue)
    return _cannot_debug(module, rest)


async def _drop(session: Session, rest: str) -> Reply:
    target, _, reason = rest.strip().partition(" ")
    if not target:
        return _usage("You must specify what connection to drop!")
    every = target in ("*", "all")
    params = {} if every else {"id": target}
    if reason.strip():
        params["reason"] = reason.strip()
    message = Message("call.drop", params | session.command_params(), userdata=session)
    done = await session.engine.dispatch(message, session)
    if every:
        return Reply(True, f"{'Dropped' if done else 'Tried to drop'} all calls{EOL}")
    if done:
        return Reply(True, f"Dropped {target}{EOL}")
    return Reply(False, f"Could not drop {target}{EOL}", {"reason": f"no channel '{target}'"})


def _usage(text: str) -> Reply:
    return Reply(False, text + EOL, {"reason": text})


async def _call(session: Session, rest: str) -> Reply:
    source, _, target = rest.strip().partition(" ")
    target = target.strip()
    if not target:
        return _usage("You must specify source and target!")
    key = "direct" if "/" in target else "target"
    params = {"callto": source, key: target}
    message = Message("call.execute", params | session.command_params(), userdata=session)
    if await session.engine.dispatch(message, session):
        known = {"id": message.get("id"), "peerid": message.get("peerid")}
        return Reply(True, f"Calling '{message.get('id')}' {rest.strip()}{EOL}", known)
    reason = message.get("reason") or message.get("error") or "nobody took the call"
    failed = {"reason": reason}
    failed |= {key: value for key in ("error", "errno", "hint") if (value := message.get(key))}
    return Reply(False, f"Could not call {rest.strip()}{EOL}", failed)


_LAST_PARAM = re.compile(r"^(.*?)(?:^|\s+)([^\s=]+)=([^=]*)$", re.DOTALL)


async def _control(session: Session, rest: str) -> Reply:
    rest = rest.strip()
    target, _, arguments = rest.partition(" ")
    arguments = arguments.strip()
    if not arguments:
        return _usage("You must specify channel and operation!")
    params = {"targetid": target, "component": target, "module": "rmanager"}
    # From the right, as rmanager does: a value may hold blanks, a name not.
    while (found := _LAST_PARAM.match(arguments)) is not None:
        arguments = found[1].strip()
        params[found[2]] = found[3]
    if arguments:
        params["operation"] = arguments
    message = Message("chan.control", params | session.command_params(), userdata=session)
    if not await session.engine.dispatch(message, session):
        return Reply(
            False, f"Could not control {rest}{EOL}", {"reason": f"nobody controls '{target}'"}
        )
    ok = BOOLEANS.get(message.get("operation-status"), True)
    text = message.retvalue or message.get("retVal") or ("OK" if ok else "FAILED")
    return Reply(ok, f"Control '{target}' {text}{EOL}", {} if ok else {"reason": text})


def _cfgmerge(session: Session, rest: str) -> Reply:
    engine = session.engine
    done = conf.cfgmerge(
        engine.run_params["configpath"],
        rest.strip(),
        params=engine.run_params,
        loaded=engine.modules,
        rules=engine.conf.rules,
    )
    for line in done.log:
        engine.log.output(str(line))
    return Reply(done.ok, done.text, {} if done.ok else {"reason": done.reason or done.text})


async def _reload(session: Session, rest: str) -> Reply:
    done = await session.engine.reload(rest.strip())
    text = "".join(line + EOL for line in ("Reinitializing...", *done.lines))
    params = {} if done.ok else {"reason": "; ".join(done.lines), "hint": "mend it, reload again"}
    return Reply(done.ok, text, params)


def _restart(session: Session, rest: str) -> Reply:
    if not session.engine.supervised:
        text = "Cannot restart - no supervisor or already shutting down"
        return Reply(False, text + EOL, {"reason": "no supervisor starts the engine again"})
    session.engine.halt(RESTART_CODE, restart=True)
    return Reply(True, f"Engine restarting - bye!{EOL}")


RESTART_CODE = 128
"""Exit code that asks Yate's supervisor for a restart."""


def _stop(session: Session, rest: str) -> Reply:
    session.engine.halt(conf.parse_int(rest.strip()) or 0)
    session.closing = True
    return Reply(True, f"Engine shutting down - bye!{EOL}")


def _alias(session: Session, rest: str) -> Reply:
    name, _, value = rest.strip().partition(" ")
    value = value.strip()
    if not name:
        listed = "".join(f"{key}={text}{EOL}" for key, text in session.aliases.items())
        return Reply(True, listed)
    if value:
        session.aliases[name] = value
        return Reply(True, f"Alias {name} set to: {value}{EOL}")
    session.aliases.pop(name, None)
    return Reply(True, f"Alias {name} removed{EOL}")


_SWITCH = ("on", "off")

TABLE: tuple[SessionCommand, ...] = (
    SessionCommand("quit", "quit", "Disconnect this control session from Yate", _quit),
    SessionCommand(
        "echo", "echo [on|off]", "Show or turn remote echo on or off",
        _switch("echo", "Remote echo"), _SWITCH,
    ),
    SessionCommand("help", "help [command]", "Provide help on all or given command", _help),
    SessionCommand(
        "auth", "auth password", "Authenticate so you can access privileged commands", _auth
    ),
    SessionCommand(
        "status", "status [overview] [modulename]",
        "Shows status of all or selected modules or channels", _status, ("overview",),
    ),
    SessionCommand("uptime", "uptime", "Show information on how long Yate has run", _uptime),
    SessionCommand("date", "date", "Show current logging date, time and format", _date),
    SessionCommand(
        "machine", "machine [on|off]", "Show or turn machine output mode on or off",
        _switch("machine", "Machine mode"), _SWITCH,
    ),
    SessionCommand(
        "output", "output [on|off]", "Show or turn local output on or off",
        _switch("output", "Output mode"), _SWITCH,
    ),
    SessionCommand(
        "color", "color [on|off]", "Show status or turn local colorization on or off",
        _switch("color", "Colorized output", "yes", "no"), _SWITCH,
    ),
    SessionCommand(
        "debug", "debug [module] [level|objects|on|off]",
        "Show or change debugging level globally or per module", _debug,
        ("threshold", "level", "objects", "on", "off"),
    ),
    SessionCommand("drop", "drop {chan|*|all} [reason]", "Drops one or all active calls", _drop),
    SessionCommand("call", "call chan target", "Execute an outgoing call", _call),
    SessionCommand(
        "control", "control chan [operation] [param=val] [param=...]",
        "Apply arbitrary control operations to a channel or entity", _control,
    ),
    SessionCommand(
        "cfgmerge", "cfgmerge configfile", "Generate a merged configuration file", _cfgmerge
    ),
    SessionCommand(
        "reload", "reload [plugin]", "Reloads module configuration files", _reload
    ),
    SessionCommand(
        "restart", "restart [now]", "Restarts the engine if executing supervised", _restart
    ),
    SessionCommand(
        "stop", "stop [exitcode]",
        "Stops the engine with optionally provided exit code", _stop,
    ),
    SessionCommand(
        "alias", "alias [name [command...]]", "Create an alias for a longer command", _alias
    ),
    SessionCommand("?", "? [command]", "The same as help", _help, listed=False),
)  # fmt: skip

SESSION_COMMANDS = {command.name: command for command in TABLE}
