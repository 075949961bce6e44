"""The command ``external``: Yate's sub-commands, and further ones."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from yext.command import EOL, commander_of, help_with
from yext.commander import check_execute
from yext.conf.options import nearest
from yext.errors import ExecuteNotAllowedError, StartError
from yext.extmodule.peer.ends import PeerEnd
from yext.extmodule.peer.peer import Peer
from yext.extmodule.peer.silence import Silence
from yext.extmodule.script.states import IDLE
from yext.extmodule.supervisor import Supervisor
from yext.log import clock, dated, safe
from yext.message import Message

if TYPE_CHECKING:
    from yext.extmodule.script.script import Failure, Script

TAB = "\t"
"""Separates the fields of a table; kept as it is in what scripts write."""

USAGE = (
    "external [info] [stop scriptname] [[start|restart] scriptname [parameter]] "
    "[execute progname [parameter]]"
)
HELP = "Controls the external scripts: lists, starts, stops, restarts them, executes programs"

YATE_VERBS = ("info", "start", "stop", "restart", "execute")
"""The sub-commands that Yate has, in its order of completion."""


async def carry_out(supervisor: Supervisor, line: str, message: Message) -> bool:
    """Carry out `line` if it begins with ``external``; return True if it was understood."""
    word, _, rest = line.strip().partition(" ")
    if word != "external":
        return False
    try:
        return await _carry_out(supervisor, rest.strip(), message)
    except ExecuteNotAllowedError as error:
        message.params.update(error.params())
        message.retvalue = _text([str(error)])
        return True
    except StartError as error:
        message.params.update(error.failure.params())
        message.retvalue = _text(["External command failed", *error.failure.lines()])
        return True


async def _carry_out(supervisor: Supervisor, rest: str, message: Message) -> bool:
    word, _, arguments = rest.partition(" ")
    if not word:
        message.retvalue = _text(_list(supervisor, details=False))
        return True
    verb = VERBS.get(word)
    if verb is None:
        near = _misspelt(supervisor, word)
        if near:
            message.retvalue = f"No sub-command or script '{safe(word)}'{EOL}"
            message["reason"] = f"No sub-command or script '{safe(word)}'"
            message["hint"] = f"Did you mean: external {near}"
            return True
        # Yate's usage: the word start may be left out.
        return await _start(supervisor, rest, message)
    arguments = arguments.strip()
    if not arguments and not verb.bare:
        return False
    return await verb.action(supervisor, arguments, message)


def _misspelt(supervisor: Supervisor, word: str) -> str:
    """Return the sub-command that `word` is a misspelling of; empty if it names a script."""
    path = supervisor.resolve(word)
    if "/" in word or os.path.lexists(path) or supervisor.find_script(word, None) is not None:
        return ""
    return next(iter(nearest(word, VERBS)), "")


def _text(lines: Iterable[str]) -> str:
    return "".join(line + EOL for line in lines)


def _name_and_parameter(arguments: str) -> tuple[str, str | None]:
    """Split a script's name from its parameter, which is None if there is none."""
    name, blank, parameter = arguments.partition(" ")
    return name, parameter.strip() if blank and parameter.strip() else None


# Peers


async def _info(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    message.retvalue = _text(_list(supervisor, details=True))
    return True


def _list(supervisor: Supervisor, details: bool) -> Iterator[str]:
    for number, peer in enumerate(supervisor.peers, 1):
        yield f"{number}. {peer.name} {peer.parameter}"
        if details:
            yield f"\t{_details(peer)}"


def _details(peer: Peer) -> str:
    parts = [peer.role.capitalize() or "Unknown"]
    if peer.channel is not None:
        parts.append("has channel")
    if peer.settings.restart:
        parts.append("autorestart")
    # Yate shows 1 for a peer whose process is not known.
    parts.append(f"pid={peer.pid or 1}")
    return ", ".join(parts)


# Start and stop


NO_TIMEOUT = "--no-timeout"
"""The option of ``external start`` for a script that is being debugged."""


async def _start(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    first, _, rest = arguments.partition(" ")
    untimed = first == NO_TIMEOUT
    if untimed:
        arguments = rest.strip()
        if not arguments:
            return False
    name, parameter = _name_and_parameter(arguments)
    check_execute(commander_of(message))
    if supervisor.find_peer(name, parameter) is not None:
        message.retvalue = f"External already running{EOL}"
        message["reason"] = f"{name} runs already"
        message["hint"] = f"external restart {arguments}, or give it another parameter"
        return True
    return _start_now(supervisor, name, parameter or "", message, untimed=untimed)


def _start_now(
    supervisor: Supervisor, name: str, parameter: str, message: Message, *, untimed: bool = False
) -> bool:
    commander = commander_of(message)
    script = supervisor.start_script(name, parameter, commander, untimed=untimed)
    message.retvalue = f"External start attempt{EOL}"
    message["pid"] = str(script.pid)
    return True


async def _stop(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    name, parameter = _name_and_parameter(arguments)
    if await _stop_found(supervisor, name, parameter, message):
        message.retvalue = f"External command stopped{EOL}"
    else:
        message.retvalue = f"External not running{EOL}"
        message["reason"] = f"{arguments} does not run"
        message["hint"] = "external lists what runs"
    return True


async def _stop_found(
    supervisor: Supervisor, name: str, parameter: str | None, message: Message
) -> bool:
    """Stop the script or the peer of that name; return False if there is none."""
    peer = supervisor.find_peer(name, parameter) or _find_typed(supervisor, name, parameter)
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


def _find_typed(supervisor: Supervisor, name: str, parameter: str | None) -> Peer | None:
    """Return the peer whose name and parameter make up all that was typed.

    A script from ``[scripts]`` may have blanks in its name.
    """
    typed = name if parameter is None else f"{name} {parameter}"
    for peer, script in supervisor.peers.items():
        if script is not None and script.beside:
            continue
        if typed in (peer.name, f"{peer.name} {peer.parameter}"):
            return peer
    return None


async def _restart(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    name, parameter = _name_and_parameter(arguments)
    check_execute(commander_of(message))
    await _stop_found(supervisor, name, parameter, message)
    return _start_now(supervisor, name, parameter or "", message)


async def _execute(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    name, parameter = _name_and_parameter(arguments)
    message["pid"] = str(supervisor.execute(name, parameter, commander_of(message)))
    message.retvalue = f"External exec attempt{EOL}"
    return True


# Scripts


async def _show(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    scripts = _chosen(supervisor, arguments, message)
    if scripts:
        message.retvalue = _text(table(scripts))
    elif not arguments:
        message.retvalue = f"No script was started{EOL}"
    return True


async def _why(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    chosen = _chosen(supervisor, arguments, message)
    silent = [(silence, one) for one in chosen if (silence := one.silence()) is not None]
    for silence, script in sorted(silent, key=lambda found: found[0].since)[:1]:
        message.retvalue = _text(_why_silent(script, silence))
        return True
    failed = [(script.last_failure, script) for script in chosen if script.last_failure is not None]
    if not failed and "reason" not in message:
        message.retvalue = f"Nothing has failed{EOL}"
    for failure, script in sorted(failed, key=lambda one: one[0].when)[-1:]:
        headline = f"{safe(script.label)}, at {clock(failure.when)}"
        message.retvalue = _text([headline, *failure.lines])
    return True


def _why_silent(script: Script, silence: Silence) -> list[str]:
    """Return what is known of a script that does not answer, with its last words."""
    label = safe(script.label)
    said = [safe(line.text, keep=TAB) for line in list(script.errors.lines)[-_LAST_WORDS:]]
    words = "its last lines on standard error:" if said else "it wrote nothing on standard error"
    return [
        f"{label}, since {clock(silence.since)}", f"{label} {silence.describe()}", words, *said,
        f"do: external log {label}, external restart {label}",
    ]  # fmt: skip


_LOG_LINES = 20
"""How many lines ``external log`` shows unless asked for more: the newest."""

_LOG_COUNT = re.compile(r"-n\s*(\d{1,9})(?:\s+|$)")


async def _log(supervisor: Supervisor, arguments: str, message: Message) -> bool:
    count = _LOG_COUNT.match(arguments)
    most = int(count[1]) if count is not None else _LOG_LINES
    arguments = arguments[count.end() :] if count is not None else arguments
    scripts = _chosen(supervisor, arguments, message)
    kept = sorted(line for script in scripts for line in script.errors.lines)
    kept = kept[-most:] if most else []
    if kept:
        message.retvalue = _text(
            f"{clock(line.when)} [{line.pid}] {safe(line.text, keep=TAB)}" for line in kept
        )
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

    message.retvalue = _text(audio_table(supervisor))
    return True


def _chosen(supervisor: Supervisor, arguments: str, message: Message) -> list[Script]:
    """Return all scripts, or those of the name and the parameter that were typed."""
    if not arguments:
        return list(supervisor.scripts)
    name, parameter = _name_and_parameter(arguments)
    found = list(supervisor.scripts.named(name, parameter))
    if not found:
        message.retvalue = f"No script '{arguments}' was started{EOL}"
        message["reason"] = f"no script '{arguments}' was started"
        message["hint"] = "external show lists them"
    return found


_LAST_WORDS = 5
"""How many lines on standard error explain a silence."""

COLUMNS = (
    "script", "parameter", "state", "pid", "role", "up", "in", "out", "pending", "timeouts",
    "handlers", "watches", "restarts", "last exit", "last failure",
)  # fmt: skip


def table(scripts: list[Script]) -> list[str]:
    """Return the lines of ``external show``: a heading, then one line for each script, with
    fields separated by TABs."""
    return [TAB.join(COLUMNS), *(TAB.join(map(safe, _row(script))) for script in scripts)]


def _row(script: Script) -> list[str]:
    return [
        script.name, script.parameter or "-", script.describe_state(dated), *_live(script),
        script.describe_restarts(), _last_exit(script), _last_failure(script.last_failure),
    ]  # fmt: skip


def _live(script: Script) -> list[str]:
    """Return the fields about a script's process, from ``pid`` to ``watches``."""
    if script.process is None:
        return ["-"] * 9
    peer, up = script.process.peer, script.process.age()
    subscribed = peer.subscriptions
    counts = (
        peer.received, peer.sent, len(peer.pending.waiting),
        peer.silence.total if peer.silence is not None else 0,
        len(subscribed.relays), len(subscribed.watches),
    )  # fmt: skip
    return [str(script.process.pid), peer.role, str(int(up)), *map(str, counts)]


def _last_exit(script: Script) -> str:
    exit = script.last_exit
    return f"{exit.status.describe()}, {dated(exit.when)}" if exit is not None else "-"


def _last_failure(failure: Failure | None) -> str:
    return f"{failure.lines[0]}, {dated(failure.when)}" if failure is not None else "-"


Action = Callable[[Supervisor, str, Message], Awaitable[bool]]
"""Carries out a sub-command with its arguments; returns False if it was not understood."""


class Verb(NamedTuple):
    """A sub-command.

    Attributes:
        action: what carries it out.
        description: the text that completion shows.
        bare: True if it may stand without a name.
    """

    action: Action
    description: str
    bare: bool = False


VERBS = {
    "info": Verb(_info, "list the connected peers, with pid and role", bare=True),
    "start": Verb(_start, "start a script"),
    "stop": Verb(_stop, "stop a script, or disconnect a peer of a listener"),
    "restart": Verb(_restart, "stop a script and start it again"),
    "execute": Verb(_execute, "run a program without the protocol"),
    "show": Verb(_show, "show the state and the counts of each script", bare=True),
    "why": Verb(_why, "show why a script failed last", bare=True),
    "log": Verb(_log, "show what a script wrote on standard error", bare=True),
    "dismiss": Verb(_dismiss, "forget scripts that do not run", bare=True),
    "audio": Verb(_audio, "show the audio to and from channel scripts", bare=True),
}
"""The sub-commands."""


# Help


def help(message: Message) -> bool:
    """Add the usage to ``engine.help``, or answer ``help external``."""
    return help_with(message, "external", USAGE, HELP)
