"""The commands that Yate's rmanager answers itself; texts as recorded."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from console.commands.command import SWITCH, SessionCommand, switch
from console.commands.debug import debug
from console.replies.reply import failed
from console.session.authority import Authority
from yext import Engine, Message, Reply
from yext import command as bus
from yext.command import EOL
from yext.conf import parse_int
from yext.conf.options import nearest
from yext.engine.commands import uptime_text
from yext.log import Event, EventKind, stamp
from yext.wire import BOOLEANS

if TYPE_CHECKING:
    from console.commands.interpreter import Interpreter
    from console.session.session import Session


def _quit(session: Session, rest: str) -> Reply:
    session.closing = True
    return Reply(True, f"Goodbye!{EOL}")


async def _help(interpreter: Interpreter, rest: str) -> Reply:
    session = interpreter.session
    topic = rest.strip()
    shown = interpreter.allowed()
    if not topic:
        listed = "".join(f"  {one.usage}{EOL}" for one in shown if interpreter.lists(one))
        text: str | None = f"Available commands:{EOL}{listed}"
        if session.authority is Authority.ADMIN:
            text = await bus.help_text(session.engine, "", text or "", session)
        return Reply(True, text or "")
    for one in shown:
        if one.name == topic:
            return Reply(True, f"  {one.usage}{EOL}{one.help}{EOL}")
    text = None
    if session.authority is Authority.ADMIN and not session.secrets.holds(topic):
        text = await bus.help_text(session.engine, topic, "", session)
    if text is None:
        topic = session.secrets.hide(topic)
        params = {"reason": f"no help for '{topic}'"}
        if interpreter.suggestions() is not None:
            near = nearest(topic, await interpreter.complete(""))
            if near:
                params["hint"] = f"Did you mean: {', '.join(near)}"
        return Reply(False, f"No help for '{topic}'{EOL}", params)
    return Reply(True, text)


def _complete_topic(interpreter: Interpreter, rest: str, word: str) -> dict[str, str]:
    if rest:
        return {}
    return {one.name: one.help for one in interpreter.allowed() if interpreter.lists(one)}


async def _auth(session: Session, rest: str) -> Reply:
    authenticate = session.policy.authenticate
    if authenticate is None or session.authority is Authority.ADMIN:
        return Reply(True, f"You are already authenticated as admin!{EOL}")
    return await authenticate(rest.strip())


def status_subject(rest: str) -> tuple[str, bool]:
    """The module that ``status REST`` asks for, empty for all, and whether with details."""
    word, _, after = rest.strip().partition(" ")
    return (after.strip(), False) if word == "overview" else (rest.strip(), True)


async def _status(session: Session, rest: str) -> Reply:
    module, details = status_subject(rest)
    return await bus.status(session.engine, module, details, session)


def _uptime(session: Session, rest: str) -> Reply:
    return Reply(True, uptime_text(session.engine))


def _date(session: Session, rest: str) -> Reply:
    now = time.time()
    zone = time.strftime("%z", time.localtime(now))
    return Reply(True, f"{stamp(now)} {zone[:3]}:{zone[3:]} (local time with separators){EOL}")


def _meminfo(session: Session, rest: str) -> Reply:
    lines = [f"  {name:<8} = {value}" for name, value in _memory_statistics().items()]
    return Reply(True, "".join(f"{line}{EOL}" for line in (_MEMORY, *lines)))


_MEMORY = "Memory allocation statistics:"

_MEMORY_FIELDS = (
    "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
    "fordblks", "keepcost",
)  # fmt: skip


def _memory_statistics() -> dict[str, int]:
    """The fields of mallinfo(3) in its order, in bytes and counts; all 0 where the C library
    has no mallinfo2, which came with glibc 2.33."""
    import ctypes

    class Mallinfo2(ctypes.Structure):
        _fields_ = [(name, ctypes.c_size_t) for name in _MEMORY_FIELDS]

    mallinfo2 = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo2 is None:
        return dict.fromkeys(_MEMORY_FIELDS, 0)
    mallinfo2.restype = Mallinfo2
    found = mallinfo2()
    return {name: getattr(found, name) for name in _MEMORY_FIELDS}


async def _drop(session: Session, rest: str) -> Reply:
    target, _, reason = rest.strip().partition(" ")
    if not target:
        return failed("You must specify what connection to drop!")
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


async def _call(session: Session, rest: str) -> Reply:
    # A second blank belongs to the target, as recorded.
    source, _, target = rest.strip().partition(" ")
    if not target.strip():
        return failed("You must specify source and target!")
    key = "direct" if "/" in target else "target"
    params = {"callto": source, key: target}
    message = Message("call.execute", params | session.command_params(), userdata=session)
    if await session.engine.dispatch(message, session):
        known = {"id": message.get("id"), "peerid": message.get("peerid")}
        return Reply(True, f"Calling '{message.get('id')}' {rest.strip()}{EOL}", known)
    reason = message.get("reason") or message.get("error") or "nobody took the call"
    if reason == bus.NOT_EXECUTED:
        return failed(reason, bus.EXECUTE_HINT)
    why = {"reason": reason}
    why |= {key: value for key in ("error", "errno", "hint") if (value := message.get(key))}
    return Reply(False, f"Could not call {rest.strip()}{EOL}", why)


_LAST_PARAM = re.compile(r"^(.*?)(?:^|\s+)([^\s=]+)=([^=]*)$", re.DOTALL)


async def _control(session: Session, rest: str) -> Reply:
    rest = rest.strip()
    target, _, arguments = rest.partition(" ")
    arguments = arguments.strip()
    if not arguments:
        return failed("You must specify channel and operation!")
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
    text = message.get("retVal") or message.retvalue or ("OK" if ok else "FAILED")
    return Reply(ok, f"Control '{target}' {text}{EOL}", {} if ok else {"reason": text})


def _cfgmerge(session: Session, rest: str) -> Reply:
    from yext.conf.merge import cfgmerge

    engine = session.engine
    done = cfgmerge(
        engine.run_params["configpath"],
        rest.strip(),
        params=engine.run_params,
        loaded=engine.modules,
        rules=engine.conf.rules,
    )
    for line in done.log:
        engine.log.emit(Event(EventKind.CONFIG, str(line)))
    reason = done.reason or done.text.strip()
    return Reply(done.ok, done.text, {} if done.ok else {"reason": reason})


REINITIALIZING = f"Reinitializing...{EOL}"


async def _reload(session: Session, rest: str) -> Reply:
    engine = session.engine
    assert isinstance(engine, Engine)  # An attached session has none, and never gets here.
    done = await engine.reload(rest.strip())
    text = REINITIALIZING + "".join(line + EOL for line in done.lines)
    params = {} if done.ok else {"reason": done.reason, "hint": done.hint}
    return Reply(done.ok, text, params)


def _restart(session: Session, rest: str) -> Reply:
    supervised = session.engine.run_params["supervised"] == "true"
    if not supervised or session.engine.halting:
        text = "Cannot restart - no supervisor or already shutting down"
        return Reply(False, text + EOL, {"reason": "no supervisor starts the engine again"})
    if rest.strip() != "now":
        session.restarts = True
        return Reply(True, f"Restart scheduled - please disconnect{EOL}")
    session.engine.restart()
    return Reply(True, f"Engine restarting - bye!{EOL}")


def _stop(session: Session, rest: str) -> Reply:
    session.engine.halt(parse_int(rest.strip()) or 0)
    return Reply(True, f"Engine shutting down - bye!{EOL}")


def _alias(session: Session, rest: str) -> Reply:
    name, _, value = rest.strip().partition(" ")
    value = value.strip()
    hide = session.secrets.hide
    if not name:
        listed = "".join(f"{key}={hide(text)}{EOL}" for key, text in session.aliases.items())
        return Reply(True, listed)
    if value:
        session.aliases[name] = value
        return Reply(True, f"Alias {name} set to: {hide(value)}{EOL}")
    session.aliases.pop(name, None)
    return Reply(True, f"Alias {name} removed{EOL}")


YATE: tuple[SessionCommand, ...] = (
    SessionCommand(
        "quit", "quit", "Disconnect this control session from Yate", _quit,
        authority=Authority.GUEST,
    ),
    SessionCommand(
        "echo", "echo [on|off]", "Show or turn remote echo on or off",
        switch("echo", "Remote echo"), SWITCH, Authority.GUEST,
    ),
    SessionCommand(
        "help", "help [command]", "Provide help on all or given command", _help,
        authority=Authority.GUEST, completer=_complete_topic,
    ),
    SessionCommand(
        "auth", "auth password", "Authenticate so you can access privileged commands", _auth,
        authority=Authority.GUEST,
    ),
    SessionCommand(
        "status", "status [overview] [modulename]",
        "Shows status of all or selected modules or channels", _status,
        {"overview": "without the details"}, Authority.USER,
    ),
    SessionCommand(
        "uptime", "uptime", "Show information on how long Yate has run", _uptime,
        authority=Authority.USER,
    ),
    SessionCommand(
        "date", "date", "Show current logging date, time and format", _date,
        authority=Authority.USER,
    ),
    SessionCommand(
        "machine", "machine [on|off]", "Show or turn machine output mode on or off",
        switch("machine", "Machine mode"), SWITCH, Authority.USER,
    ),
    SessionCommand(
        "output", "output [on|off]", "Show or turn local output on or off",
        switch("output", "Output mode"), SWITCH, Authority.USER,
    ),
    SessionCommand(
        "color", "color [on|off]", "Show status or turn local colorization on or off",
        switch("color", "Colorized output", "yes", "no"), SWITCH, Authority.USER,
    ),
    SessionCommand(
        "debug", "debug [module] [level|objects|on|off]",
        "Show or change debugging level globally or per module", debug,
        {
            "threshold": "up to which level this session is told",
            "level": "up to which level the engine tells, or a module",
            "objects": "counts objects in Yate, nothing here",
            "on": "tells this session debug text",
            "off": "tells this session none",
        },
    ),
    SessionCommand(
        "meminfo", "meminfo", "Displays memory allocation statistics", _meminfo
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
        "alias", "alias [name [command...]]", "Create an alias for a longer command", _alias,
        takes_line=True,
    ),
    SessionCommand(
        "?", "? [command]", "The same as help", _help, authority=Authority.GUEST, listed=False,
        completer=_complete_topic,
    ),
)  # fmt: skip
"""The rows of Yate's own commands, in the order its `help` lists them."""
