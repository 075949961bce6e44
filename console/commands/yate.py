"""The commands that Yate's rmanager answers itself.

Source of their texts: tests/conformance/vectors/rmanager.
"""

from __future__ import annotations

import time
from typing import Annotated

from yext import Engine, Reply
from yext import command as bus
from yext.command import EOL
from yext.commander import check_execute, check_file
from yext.conf import parse_int
from yext.conf.options import nearest
from yext.console.commands.calls import call, control, drop
from yext.console.commands.command import Function, Listed, SessionCommand
from yext.console.commands.debug import debug
from yext.console.commands.interpreter import Interpreter
from yext.console.commands.parameters import Flag, Line, OnOff, Rest, Word
from yext.console.session.authority import Authority
from yext.console.session.session import Session
from yext.engine.commands import uptime_text
from yext.engine.loader import FORCE, RESTART_CHANGED
from yext.log import Event, EventKind, stamp


def quit_(session: Session) -> Reply:
    """End the session."""
    session.closing = True
    return Reply(True, f"Goodbye!{EOL}")


def echo(session: Session, on: OnOff = None) -> Reply:
    """Show or set whether a plain connection echoes what is typed."""
    if on is not None:
        session.echo = on
    return _state("Remote echo", session.echo)


def machine(session: Session, on: OnOff = None) -> Reply:
    """Show or set whether replies are those for programs."""
    if on is not None:
        session.machine = on
    return _state("Machine mode", session.machine)


def output(session: Session, on: OnOff = None) -> Reply:
    """Show or set whether the session shows the engine's log."""
    if on is not None:
        session.output = on
    return _state("Output mode", session.output)


def color(session: Session, on: OnOff = None) -> Reply:
    """Show or set whether the log is shown in colours."""
    if on is not None:
        session.color = on
    return Reply(True, f"Colorized output: {'yes' if session.color else 'no'}{EOL}")


def _state(label: str, on: bool) -> Reply:
    return Reply(True, f"{label}: {'on' if on else 'off'}{EOL}")


def topics(interpreter: Interpreter, before: str, word: str) -> dict[str, str]:
    """The commands and topics that `help` knows, each with its help."""
    if before:
        return {}
    commands = {one.name: one.help for one in interpreter.allowed() if interpreter.lists(one)}
    return interpreter.manuals() | commands


async def help_(
    interpreter: Interpreter, command: Annotated[str, Rest(completer=topics)] = ""
) -> Reply:
    """Show the help of a command or topic, or the usage of all commands."""
    if not command:
        return await _help_for_all(interpreter)
    text, manual = await _help_for(interpreter, command), interpreter.manual(command)
    if text and manual:
        text += EOL
    if text or manual:
        return Reply(True, f"{text}{manual}")
    return await _no_help(interpreter, interpreter.session.secrets.hide(command))


async def _help_for(interpreter: Interpreter, command: str) -> str:
    """The usage and the help of one command, empty where there is none."""
    for one in interpreter.allowed():
        if one.name == command:
            return f"  {one.usage}{EOL}{one.help}{EOL}"
    session = interpreter.session
    if session.authority is not Authority.ADMIN or session.secrets.holds(command):
        return ""
    return await bus.help_text(session.engine, command, "", session) or ""


async def _help_for_all(interpreter: Interpreter) -> Reply:
    session = interpreter.session
    shown = (one for one in interpreter.allowed() if interpreter.lists(one))
    text = f"Available commands:{EOL}" + "".join(f"  {one.usage}{EOL}" for one in shown)
    if session.authority is Authority.ADMIN:
        text = await bus.help_text(session.engine, "", text, session) or ""
    return Reply(True, text)


async def _no_help(interpreter: Interpreter, command: str) -> Reply:
    text = f"No help for '{command}'"
    params = {"reason": text}
    if interpreter.suggestions() is not None:
        near = nearest(command, [*await interpreter.complete(""), *interpreter.manuals()])
        params["hint"] = f"Did you mean: {', '.join(near)}" if near else "help"
    return Reply(False, f"{text}{EOL}", params)


async def auth(session: Session, password: Annotated[str, Rest()] = "") -> Reply:
    """Take a password, which raises the session's authority."""
    authenticate = session.policy.authenticate
    if authenticate is None or session.authority is Authority.ADMIN:
        return Reply(True, f"You are already authenticated as admin!{EOL}")
    return await authenticate(password)


async def status(
    session: Session,
    overview: Annotated[bool, Flag("overview", "without the details")] = False,
    modulename: Annotated[str, Rest()] = "",
) -> Reply:
    """Show the status of a module or of all."""
    return await bus.status(session.engine, modulename, not overview, session)


def uptime(session: Session) -> Reply:
    """Show how long the engine has run."""
    return Reply(True, uptime_text(session.engine))


def date(session: Session) -> Reply:
    """Show the local time."""
    now = time.time()
    zone = time.strftime("%z", time.localtime(now))
    text = f"{stamp(now)} {zone[:3]}:{zone[3:]} (local time with separators){EOL}"
    return Reply(True, text, data={"when": round(now, 6)})


def meminfo(session: Session) -> Reply:
    """Show the statistics of the C library's memory allocation."""
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


def cfgmerge(session: Session, configfile: Annotated[str, Rest()] = "") -> Reply:
    """Write one configuration file with all that it includes."""
    from yext.conf.merge import cfgmerge

    engine = session.engine
    folder = engine.run_params["configpath"]
    if ".." in configfile.split("/"):
        # The configuration folder is what the command is for, other files are not.
        check_file(session, f"{folder}/{configfile}.conf")
    done = cfgmerge(
        folder,
        configfile,
        params=engine.run_params,
        loaded=engine.modules,
        rules=engine.conf.rules,
    )
    for line in done.log:
        engine.log.emit(Event(EventKind.CONFIG, str(line)))
    reason = done.reason or done.text.strip()
    return Reply(done.ok, done.text, {} if done.ok else {"reason": reason})


REINITIALIZING = f"Reinitializing...{EOL}"


async def reload(
    session: Session,
    plugin: Annotated[str, Rest()] = "",
    *,
    force: Annotated[bool, Flag(FORCE, "ends what is not in the files any more")] = False,
    restart_changed: Annotated[
        bool, Flag(RESTART_CHANGED, "starts scripts anew whose files have changed")
    ] = False,
) -> Reply:
    """Adjust the engine, or one module, to its configuration files."""
    engine = session.engine
    assert isinstance(engine, Engine)  # An attached session has none, and never gets here.
    if restart_changed:
        check_execute(session)
    done = await engine.reload(plugin, force=force, restart_changed=restart_changed)
    text = REINITIALIZING + "".join(line + EOL for line in done.report)
    params = {} if done.ok else {"reason": done.reason, "hint": done.hint}
    return Reply(done.ok, text, params)


def restart(
    session: Session, now: Annotated[str, Rest(words={"now": "without waiting"})] = ""
) -> Reply:
    """Restart the engine at once, or when the session ends."""
    supervised = session.engine.run_params["supervised"] == "true"
    if not supervised or session.engine.halting:
        text = "Cannot restart - no supervisor or already shutting down"
        return Reply(False, text + EOL, {"reason": "no supervisor starts the engine again"})
    if now != "now":
        session.restarts = True
        return Reply(True, f"Restart scheduled - please disconnect{EOL}")
    session.engine.restart()
    return Reply(True, f"Engine restarting - bye!{EOL}")


def stop(session: Session, exitcode: Annotated[str, Rest()] = "") -> Reply:
    """Stop the engine; what is no number stands for 0."""
    session.engine.halt(parse_int(exitcode) or 0)
    return Reply(True, f"Engine shutting down - bye!{EOL}")


def alias(
    session: Session,
    name: Annotated[str, Word()] = "",
    command: Annotated[str, Line()] = "",
) -> Reply:
    """Show the aliases, set one, or remove one."""
    hide = session.secrets.hide
    if not name:
        listed = "".join(f"{key}={hide(text)}{EOL}" for key, text in session.aliases.items())
        return Reply(True, listed)
    if command:
        session.aliases[name] = command
        return Reply(True, f"Alias {name} set to: {hide(command)}{EOL}")
    session.aliases.pop(name, None)
    return Reply(True, f"Alias {name} removed{EOL}")


def _row(
    name: str,
    help: str,
    function: Function,
    authority: Authority = Authority.ADMIN,
    usage: str = "",
    missing: str = "",
    example: str = "",
) -> SessionCommand:
    """A command that Yate's help lists."""
    return SessionCommand(
        name, help, function, authority, Listed.YATE, usage, missing, example=example
    )


GUEST, USER = Authority.GUEST, Authority.USER

YATE: tuple[SessionCommand, ...] = (
    _row("quit", "Disconnect this control session from Yate", quit_, GUEST),
    _row("echo", "Show or turn remote echo on or off", echo, GUEST),
    _row("help", "Provide help on all or given command", help_, GUEST),
    _row(
        "auth", "Authenticate so you can access privileged commands", auth, GUEST,
        usage="auth password",
    ),
    _row("status", "Shows status of all or selected modules or channels", status, USER),
    _row("uptime", "Show information on how long Yate has run", uptime, USER),
    _row("date", "Show current logging date, time and format", date, USER),
    _row("machine", "Show or turn machine output mode on or off", machine, USER),
    _row("output", "Show or turn local output on or off", output, USER),
    _row("color", "Show status or turn local colorization on or off", color, USER),
    _row(
        "debug", "Show or change debugging level globally or per module", debug,
        usage="debug [module] [level|objects|on|off]",
    ),
    _row("meminfo", "Displays memory allocation statistics", meminfo),
    _row(
        "drop", "Drops one or all active calls", drop, usage="drop {chan|*|all} [reason]",
        missing="You must specify what connection to drop!",
    ),
    _row(
        "call", "Execute an outgoing call", call, missing="You must specify source and target!",
        example="call external/nodata/SCRIPT phone/",
    ),
    _row(
        "control", "Apply arbitrary control operations to a channel or entity", control,
        usage="control chan [operation] [param=val] [param=...]",
        missing="You must specify channel and operation!",
    ),
    _row(
        "cfgmerge", "Generate a merged configuration file", cfgmerge, usage="cfgmerge configfile"
    ),
    _row("reload", "Reloads module configuration files", reload, usage="reload [plugin]"),
    _row("restart", "Restarts the engine if executing supervised", restart),
    _row("stop", "Stops the engine with optionally provided exit code", stop),
    _row(
        "alias", "Create an alias for a longer command", alias,
        usage="alias [name [command...]]",
    ),
    SessionCommand("?", "The same as help", help_, GUEST, Listed.NOWHERE),
)  # fmt: skip
"""The rows of Yate's own commands, in the order its `help` lists them; it fixes the usage lines."""
