"""The command ``external``: Yate's own words, and what Yate does not tell."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from yext.command import EOL, commander_of, help_with
from yext.commander import check_execute
from yext.errors import ExecuteNotAllowedError, StartError
from yext.extmodule.peer.peer import Peer, PeerEnd
from yext.extmodule.script.states import IDLE
from yext.extmodule.supervisor import Supervisor
from yext.log import clock, safe
from yext.message import Message

if TYPE_CHECKING:
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


async def carry_out(supervisor: Supervisor, line: str, message: Message) -> bool:
    """Carry out `line` if it begins with ``external``; return True if it was understood."""
    word, _, rest = line.strip().partition(" ")
    if word != "external":
        return False
    try:
        return await _carry_out(supervisor, rest.strip(), message)
    except ExecuteNotAllowedError as error:
        message.params.update(error.params())
        message.retvalue = f"{error}{EOL}"
        return True
    except StartError as error:
        lines = ("External command failed", *error.failure.lines())
        message.params.update(error.failure.params())
        message.retvalue = "".join(line + EOL for line in lines)
        return True


async def _carry_out(supervisor: Supervisor, rest: str, message: Message) -> bool:
    verb, _, arguments = rest.partition(" ")
    if not verb:
        message.retvalue = _list(supervisor, details=False)
        return True
    row = ACTIONS.get(verb)
    if row is None:
        # Yate's usage: the word start may be left out.
        return await _start(supervisor, rest, message)
    arguments = arguments.strip()
    if not arguments and verb not in _SHOWN:
        return False
    return await row[0](supervisor, arguments, message)


def _name_and_parameter(text: str) -> tuple[str, str | None]:
    """The script's name, and its parameter as it was typed; None where there is none."""
    name, blank, parameter = text.partition(" ")
    return name, parameter.strip() if blank and parameter.strip() else None


async def _info(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    message.retvalue = _list(supervisor, details=True)
    return True


def _list(supervisor: Supervisor, details: bool) -> str:
    lines = []
    for number, peer in enumerate(supervisor.peers, 1):
        lines.append(f"{number}. {peer.name} {peer.parameter}")
        if details:
            lines.append("\t" + _details(peer))
    return "".join(line + EOL for line in lines)


def _details(peer: Peer) -> str:
    parts = [peer.role.capitalize() or "Unknown"]
    if peer.channel is not None:
        parts.append("has channel")
    if peer.settings.restart:
        parts.append("autorestart")
    # Yate shows 1 for a peer whose process is not known.
    parts.append(f"pid={peer.pid or 1}")
    return ", ".join(parts)


async def _start(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    name, parameter = _name_and_parameter(arguments)
    check_execute(commander_of(message))
    if supervisor.find_peer(name, parameter) is not None:
        message.retvalue = f"External already running{EOL}"
        message["reason"] = f"{name} runs already"
        message["hint"] = f"external restart {arguments}, or give it another parameter"
        return True
    return _start_now(supervisor, name, parameter or "", message)


def _start_now(supervisor: Supervisor, name: str, parameter: str, message: Message) -> bool:
    script = supervisor.start_script(name, parameter, commander_of(message))
    message.retvalue = f"External start attempt{EOL}"
    message["pid"] = str(script.pid)
    return True


async def _stop(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    name, parameter = _name_and_parameter(arguments)
    if await _stop_one(supervisor, name, parameter, message):
        message.retvalue = f"External command stopped{EOL}"
    else:
        message.retvalue = f"External not running{EOL}"
        message["reason"] = f"{arguments} does not run"
        message["hint"] = "external lists what runs"
    return True


async def _stop_one(
    supervisor: Supervisor, name: str, parameter: str | None, message: Message
) -> bool:
    peer = supervisor.find_peer(name, parameter) or _named_with_blanks(supervisor, name, parameter)
    script = supervisor.peers[peer] if peer else supervisor.find_script(name, parameter)
    if script is not None and script.state not in IDLE:
        ran = script.pid is not None
        await script.stop()
        if ran and script.last_exit is not None:
            message["ended"] = script.last_exit.status.describe()
        return True
    if peer is not None:
        peer.end(PeerEnd.STOP)
        return True
    return False


def _named_with_blanks(supervisor: Supervisor, name: str, parameter: str | None) -> Peer | None:
    """The peer whose name, and parameter if it has one, are all that was typed: only
    ``[scripts]`` can start a script with blanks in its name."""
    typed = name if parameter is None else f"{name} {parameter}"
    for peer in supervisor.peers:
        if typed in (peer.name, f"{peer.name} {peer.parameter}"):
            return peer
    return None


async def _restart(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    name, parameter = _name_and_parameter(arguments)
    check_execute(commander_of(message))
    await _stop_one(supervisor, name, parameter, message)
    return _start_now(supervisor, name, parameter or "", message)


async def _execute(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    name, parameter = _name_and_parameter(arguments)
    message["pid"] = str(supervisor.execute(name, parameter, commander_of(message)))
    message.retvalue = f"External exec attempt{EOL}"
    return True


async def _show(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    scripts = _chosen(supervisor, arguments, message)
    if scripts:
        message.retvalue = "".join(line + EOL for line in table(scripts))
    elif not arguments:
        message.retvalue = f"No script was started{EOL}"
    return True


async def _why(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    scripts = [one for one in _chosen(supervisor, arguments, message) if one.why]
    if not scripts and "reason" not in message:
        message.retvalue = f"Nothing has failed{EOL}"
    for script in sorted(scripts, key=lambda one: one.failed_at)[-1:]:
        lines = (f"{safe(script.label)}, at {clock(script.failed_at)}", *script.why)
        message.retvalue = "".join(line + EOL for line in lines)
    return True


async def _log(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    scripts = _chosen(supervisor, arguments, message)
    kept = sorted(line for script in scripts for line in script.log_lines)
    if kept:
        lines = (f"{clock(when)} [{pid}] {safe(text, keep=TAB)}" for when, pid, text in kept)
        message.retvalue = "".join(line + EOL for line in lines)
    elif "reason" not in message:
        message.retvalue = f"Nothing was written on standard error{EOL}"
    return True


async def _dismiss(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    chosen = _chosen(supervisor, arguments, message)
    scripts = [one for one in chosen if one.state in IDLE]
    for script in scripts:
        supervisor.forget_script(script)
    if scripts or not arguments:
        message.retvalue = f"Dismissed {len(scripts)}{EOL}"
    elif chosen:
        message.retvalue = f"External still running{EOL}"
        message["reason"] = f"{arguments} is {chosen[0].state}"
        message["hint"] = f"external stop {arguments}"
    return True


async def _audio(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    from yext.extmodule.calls import audio_table

    message.retvalue = "".join(line + EOL for line in audio_table(supervisor))
    return True


def _chosen(supervisor: Supervisor, arguments: str, message: Message) -> list[Script]:
    """The scripts that are meant: all, or those of the name and parameter given."""
    if not arguments:
        return list(supervisor.scripts)
    name, parameter = _name_and_parameter(arguments)
    found = list(supervisor.scripts.named(name, parameter))
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
    peer = script.peer
    if peer is None:
        live = ["-"] * 8
    else:
        live = [
            str(peer.pid), peer.role, str(int(time.time() - script.started_at)),
            str(peer.received), str(peer.sent), str(len(peer.pending.waiting)),
            str(len(peer.relays)), str(len(peer.watches)),
        ]  # fmt: skip
    ended, why = script.last_exit, script.why
    return [
        script.name, script.parameter or "-", script.state_text(), *live, script.restarts_text(),
        f"{ended.status.describe()}, {clock(ended.when)}" if ended is not None else "-",
        f"{why[0]}, {clock(script.failed_at)}" if why else "-",
    ]  # fmt: skip


Action = Callable[[Supervisor, str, Message], Awaitable[bool]]

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


def complete(supervisor: Supervisor, line: str, word: str) -> dict[str, str]:
    """The words that may follow `line`, and what each is."""
    words = line.split()
    if words in ([], ["help"], ["?"]):
        return {"external": HELP}
    if words == ["external"]:
        # Yate's own words alone, as recorded; the rest once their beginning is typed.
        return {verb: ACTIONS[verb][1] for verb in (ACTIONS if word else YATE_WORDS)}
    if words[0] != "external" or words[1] not in ACTIONS:
        return {}
    known = _known(supervisor, words[1])
    if len(words) == 2:
        return {name: what for name, _, what in known}
    if len(words) == 3:
        return {more: what for name, more, what in sorted(known) if name == words[2] and more}
    return {}


def _known(supervisor: Supervisor, verb: str) -> list[tuple[str, str, str]]:
    """The name, parameter and state of all that `verb` can be said of."""
    if verb in ("stop", "restart"):
        peers = (
            (one.name, one.parameter, _peer_state(supervisor, one)) for one in supervisor.peers
        )
        return list(peers)
    if verb in ("show", "why", "log", "dismiss"):
        return [(one.name, one.parameter, _state(one)) for one in supervisor.scripts]
    return []


def _state(script: Script) -> str:
    parts = [script.parameter, script.state_text(), f"pid {script.pid}" if script.pid else ""]
    return ", ".join(safe(part) for part in parts if part)


def _peer_state(supervisor: Supervisor, peer: Peer) -> str:
    script = supervisor.peers[peer]
    if script is not None:
        return _state(script)
    return safe(f"{peer.parameter}, connected to listener {peer.name}")


def help(message: Message) -> bool:
    """Adds to ``engine.help``, or answers for ``help external``."""
    return help_with(message, "external", USAGE, HELP)
