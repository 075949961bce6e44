"""The command ``external``: Yate's own words, and what Yate does not tell."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from yext.command import EOL, EXECUTE_HINT, NOT_EXECUTED, commander_of, help_with
from yext.errors import StartError
from yext.extmodule.script.script import clock
from yext.extmodule.script.states import IDLE
from yext.log import safe
from yext.message import Message

if TYPE_CHECKING:
    from yext.extmodule.module import ExtModule
    from yext.extmodule.peer.peer import Receiver
    from yext.extmodule.script.script import Script

TAB = "\t"
"""What parts the fields of a table, and is left as it is in what scripts write."""

USAGE = (
    "external [info] [stop scriptname] [[start|restart] scriptname [parameter]] "
    "[execute progname [parameter]]"
)
HELP = "Controls the external scripts: lists, starts, stops, restarts them, executes programs"

YATE_WORDS = ("info", "start", "stop", "restart", "execute")
"""The sub-commands that Yate has, in its order of completion."""

_SHOWN = ("info", "show", "why", "log", "dismiss", "audio")
"""Sub-commands that may stand alone; the rest need a name."""

_STARTS_NOTHING = (*_SHOWN, "stop")
"""What starts no program: any other word starts a script so named."""


async def carry_out(module: ExtModule, line: str, message: Message) -> bool:
    """Carries out `line` if it begins with ``external``; returns whether it was understood."""
    word, _, rest = line.strip().partition(" ")
    if word != "external":
        return False
    rest = rest.strip()
    verb, _, arguments = rest.partition(" ")
    action = ACTIONS.get(verb)
    if not verb:
        message.retvalue = _list(module, details=False)
        return True
    if verb not in _STARTS_NOTHING and not commander_of(message).may_execute:
        message.params.update(reason=NOT_EXECUTED, hint=EXECUTE_HINT)
        message.retvalue = NOT_EXECUTED + EOL
        return True
    if action is None:
        # Yate's usage: the word start may be left out.
        return await _start(module, rest, message)
    arguments = arguments.strip()
    if not arguments and verb not in _SHOWN:
        return False
    return await action[0](module, arguments, message)


def _name_and_parameter(text: str) -> tuple[str, str | None]:
    """The script's name, and its parameter as it was typed; None where there is none."""
    name, blank, parameter = text.partition(" ")
    return name, parameter.strip() if blank and parameter.strip() else None


async def _info(module: ExtModule, arguments: str, message: Message) -> bool:
    message.retvalue = _list(module, details=True)
    return True


def _list(module: ExtModule, details: bool) -> str:
    lines = []
    for number, receiver in enumerate(module.peers, 1):
        lines.append(f"{number}. {receiver.name} {receiver.parameter}")
        if details:
            lines.append("\t" + _details(receiver))
    return "".join(line + EOL for line in lines)


def _details(receiver: Receiver) -> str:
    parts = [receiver.role.capitalize() or "Unknown"]
    if receiver.channel is not None:
        parts.append("has channel")
    if receiver.restart:
        parts.append("autorestart")
    # Yate shows 1 for a peer whose process is not known.
    parts.append(f"pid={receiver.pid or 1}")
    return ", ".join(parts)


def _failed(message: Message, error: StartError) -> bool:
    failure = error.failure
    message.params.update(failure.params())
    message.retvalue = "".join(line + EOL for line in ("External command failed", *failure.lines()))
    return True


async def _start(module: ExtModule, arguments: str, message: Message) -> bool:
    name, parameter = _name_and_parameter(arguments)
    if module.find_peer(name, parameter) is not None:
        message.retvalue = f"External already running{EOL}"
        message["reason"] = f"{name} runs already"
        message["hint"] = f"external restart {arguments}, or give it another parameter"
        return True
    return _start_now(module, name, parameter or "", message)


def _start_now(module: ExtModule, name: str, parameter: str, message: Message) -> bool:
    try:
        script = module.start_script(name, parameter, commander_of(message).label)
    except StartError as error:
        return _failed(message, error)
    message.retvalue = f"External start attempt{EOL}"
    message["pid"] = str(script.pid)
    return True


async def _stop(module: ExtModule, arguments: str, message: Message) -> bool:
    name, parameter = _name_and_parameter(arguments)
    if await _stop_one(module, name, parameter, message):
        message.retvalue = f"External command stopped{EOL}"
    else:
        message.retvalue = f"External not running{EOL}"
        message["reason"] = f"{arguments} does not run"
        message["hint"] = "external lists what runs"
    return True


async def _stop_one(module: ExtModule, name: str, parameter: str | None, message: Message) -> bool:
    receiver = module.find_peer(name, parameter) or _named_with_blanks(module, name, parameter)
    script = module.script_of(receiver) if receiver else module.find_script(name, parameter)
    if script is not None and script.state not in IDLE:
        ran = script.pid is not None
        await script.stop()
        if ran and script.last_exit is not None:
            message["ended"] = script.last_exit.status.describe()
        return True
    if receiver is not None:
        receiver.end("stop")
        return True
    return False


def _named_with_blanks(module: ExtModule, name: str, parameter: str | None) -> Receiver | None:
    """The peer whose name, and parameter if it has one, are all that was typed: only
    ``[scripts]`` can start a script with blanks in its name."""
    typed = name if parameter is None else f"{name} {parameter}"
    for receiver in module.peers:
        if typed in (receiver.name, f"{receiver.name} {receiver.parameter}"):
            return receiver
    return None


async def _restart(module: ExtModule, arguments: str, message: Message) -> bool:
    name, parameter = _name_and_parameter(arguments)
    await _stop_one(module, name, parameter, message)
    return _start_now(module, name, parameter or "", message)


async def _execute(module: ExtModule, arguments: str, message: Message) -> bool:
    name, parameter = _name_and_parameter(arguments)
    try:
        message["pid"] = str(module.execute(name, parameter))
    except StartError as error:
        return _failed(message, error)
    message.retvalue = f"External exec attempt{EOL}"
    return True


async def _show(module: ExtModule, arguments: str, message: Message) -> bool:
    scripts = _chosen(module, arguments, message)
    if scripts:
        message.retvalue = "".join(line + EOL for line in table(scripts))
    elif not arguments:
        message.retvalue = f"No script was started{EOL}"
    return True


async def _why(module: ExtModule, arguments: str, message: Message) -> bool:
    scripts = [one for one in _chosen(module, arguments, message) if one.why]
    if not scripts and "reason" not in message:
        message.retvalue = f"Nothing has failed{EOL}"
    for script in sorted(scripts, key=lambda one: one.failed_at)[-1:]:
        lines = (f"{safe(script.label)}, at {clock(script.failed_at)}", *script.why)
        message.retvalue = "".join(line + EOL for line in lines)
    return True


async def _log(module: ExtModule, arguments: str, message: Message) -> bool:
    scripts = _chosen(module, arguments, message)
    kept = sorted(line for script in scripts for line in script.log_lines)
    if kept:
        lines = (f"{clock(when)} [{pid}] {safe(text, keep=TAB)}" for when, pid, text in kept)
        message.retvalue = "".join(line + EOL for line in lines)
    elif "reason" not in message:
        message.retvalue = f"Nothing was written on standard error{EOL}"
    return True


async def _dismiss(module: ExtModule, arguments: str, message: Message) -> bool:
    chosen = _chosen(module, arguments, message)
    scripts = [one for one in chosen if one.state in IDLE]
    for script in scripts:
        module.scripts.remove(script)
    if scripts or not arguments:
        message.retvalue = f"Dismissed {len(scripts)}{EOL}"
    elif chosen:
        message.retvalue = f"External still running{EOL}"
        message["reason"] = f"{arguments} is {chosen[0].state}"
        message["hint"] = f"external stop {arguments}"
    return True


async def _audio(module: ExtModule, arguments: str, message: Message) -> bool:
    from yext.extmodule.calls import audio_table

    message.retvalue = "".join(line + EOL for line in audio_table(module))
    return True


def _chosen(module: ExtModule, arguments: str, message: Message) -> list[Script]:
    """The scripts that are meant: all, or those of the name and parameter given."""
    if not arguments:
        return list(module.scripts)
    name, parameter = _name_and_parameter(arguments)
    found = [
        one for one in module.scripts if one.name == name and parameter in (None, one.parameter)
    ]
    if not found:
        message.retvalue = f"No script '{arguments}' was started{EOL}"
        message["reason"] = f"no script '{arguments}' was started"
        message["hint"] = "external show lists them"
    return found


COLUMNS = (
    "script", "parameter", "state", "pid", "role", "up", "in", "out", "pending", "handlers",
    "watches", "restarts", "last exit", "last failure",
)  # fmt: skip


def table(scripts: list[Script]) -> list[str]:
    """``external show`` as lines: a heading, then fields parted by TABs, a script a line."""
    return [TAB.join(COLUMNS), *(TAB.join(map(safe, _row(script))) for script in scripts)]


def _row(script: Script) -> list[str]:
    receiver = script.receiver
    if receiver is None:
        live = ["-"] * 8
    else:
        live = [
            str(receiver.pid), receiver.role, str(int(time.time() - script.started_at)),
            str(receiver.received), str(receiver.sent), str(len(receiver.pending)),
            str(len(receiver.relays)), str(len(receiver.watches)),
        ]  # fmt: skip
    ended, why = script.last_exit, script.why
    return [
        script.name, script.parameter or "-", script.state_text(), *live, script.restarts_text(),
        f"{ended.status.describe()}, {clock(ended.when)}" if ended is not None else "-",
        f"{why[0]}, {clock(script.failed_at)}" if why else "-",
    ]  # fmt: skip


Action = Callable[["ExtModule", str, Message], Awaitable[bool]]

ACTIONS: dict[str, tuple[Action, str]] = {
    "info": (_info, "who is connected, with pid and role"),
    "start": (_start, "starts a script"),
    "stop": (_stop, "ends a script, or disconnects a peer of a listener"),
    "restart": (_restart, "ends a script and starts it again"),
    "execute": (_execute, "runs a program without the protocol"),
    "show": (_show, "the state and numbers of each script"),
    "why": (_why, "why a script failed last"),
    "log": (_log, "what a script wrote on standard error"),
    "dismiss": (_dismiss, "forgets scripts that do not run"),
    "audio": (_audio, "the audio that channel scripts send and get"),
}
"""What each sub-command does, and how that is described."""


def complete(module: ExtModule, line: str, word: str) -> dict[str, str]:
    """The words that may follow `line`, and what each is."""
    words = line.split()
    if words in ([], ["help"], ["?"]):
        return {"external": HELP}
    if words == ["external"]:
        # Yate's own words alone, as recorded; the rest once their beginning is typed.
        return {verb: ACTIONS[verb][1] for verb in (ACTIONS if word else YATE_WORDS)}
    if words[0] != "external" or words[1] not in ACTIONS:
        return {}
    known = _known(module, words[1])
    if len(words) == 2:
        return {name: what for name, _, what in known}
    if len(words) == 3:
        return {more: what for name, more, what in sorted(known) if name == words[2] and more}
    return {}


def _known(module: ExtModule, verb: str) -> list[tuple[str, str, str]]:
    """The name, parameter and state of all that `verb` can be said of."""
    if verb in ("stop", "restart"):
        peers = ((one.name, one.parameter, _peer_state(module, one)) for one in module.peers)
        return list(peers)
    if verb in ("show", "why", "log", "dismiss"):
        return [(one.name, one.parameter, _state(one)) for one in module.scripts]
    return []


def _state(script: Script) -> str:
    parts = [script.parameter, script.state_text(), f"pid {script.pid}" if script.pid else ""]
    return ", ".join(safe(part) for part in parts if part)


def _peer_state(module: ExtModule, receiver: Receiver) -> str:
    script = module.script_of(receiver)
    if script is not None:
        return _state(script)
    return safe(f"{receiver.parameter}, connected to listener {receiver.name}")


def help(message: Message) -> bool:
    """Adds to ``engine.help``, or answers for ``help external``."""
    return help_with(message, "external", USAGE, HELP)
