"""Makes the running module agree with extmodule.conf, at the start and at each reload.

Each step returns a line for each thing that it changed, or could not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from yext import log
from yext.conf.options import describe_changes
from yext.errors import ListenError, StartError
from yext.extmodule import settings
from yext.extmodule.peer.listener import Listener
from yext.extmodule.script import spawn
from yext.extmodule.script.script import Script
from yext.extmodule.script.states import IDLE, ScriptState
from yext.extmodule.settings import ModuleOptions, PeerListenerSpec, Program

if TYPE_CHECKING:
    from yext.extmodule.module import ExtModule

_PEER_OPTIONS = ("maxqueue", "timeout", "timebomb", "settime")
"""The options that a peer has a copy of, which setlocal changes."""


def options(module: ExtModule, before: ModuleOptions, after: ModuleOptions) -> list[str]:
    """Has changed options hold for live peers too, but where a peer has set its own."""
    changed = describe_changes(settings.GENERAL, vars(before), vars(after))
    for name in _PEER_OPTIONS:
        for peer in module.peers if name in changed else ():
            if getattr(peer, name) == getattr(before, name):
                setattr(peer, name, getattr(after, name))
    for script in module.scripts:
        script.keep_lines(after.loglines)
    return [f"{name}: {change}" for name, change in changed.items()]


async def listeners(module: ExtModule, wanted: Sequence[PeerListenerSpec]) -> list[str]:
    """Closes what is not wanted, then opens what is: addresses may have been exchanged.

    One that cannot move to its new address stays at the old one.
    """
    lines: list[str] = []
    specs = {spec.name: spec for spec in wanted}
    moved: dict[str, PeerListenerSpec] = {}
    for name, listener in list(module.listeners.items()):
        if specs.get(name) == listener.spec:
            continue
        listener.close()
        del module.listeners[name]
        if name in specs:
            moved[name] = listener.spec
        else:
            lines.append(f"listener '{name}' closed: {listener.spec.where()}")
    module.failed_listeners.clear()
    for spec in wanted:
        if spec.name not in module.listeners:
            lines += await _open_listener(module, spec, moved.get(spec.name))
    return lines


async def _open_listener(
    module: ExtModule, spec: PeerListenerSpec, before: PeerListenerSpec | None
) -> list[str]:
    line = await _try_listener(module, spec)
    if before is None:
        return [line or f"listener '{spec.name}' opened: {spec.where()}"]
    if not line:
        return [f"listener '{spec.name}' moved: {before.where()} -> {spec.where()}"]
    again = await _try_listener(module, before)
    return [line, again or f"listener '{spec.name}' stays: {before.where()}"]


async def _try_listener(module: ExtModule, spec: PeerListenerSpec) -> str:
    """Opens a listener; returns why it could not be, or an empty text."""
    listener = Listener(spec, module.make_receiver)
    try:
        await listener.open()
    except ListenError as error:
        module.failed_listeners[spec.name] = error
        module.debug(log.WARN, f"Could not bind {error}")
        return str(error)
    module.listeners[spec.name] = listener
    return ""


async def scripts(module: ExtModule, wanted: Sequence[Program]) -> list[str]:
    """Stops what is no longer in ``[scripts]``, then starts what is not running.

    One that runs already stays, whoever started it; one that failed gets another try; one
    that was stopped, or ended by itself, is left alone.
    """
    kept: dict[Program, Script] = {}
    dropped: list[Script] = []
    for script in [one for one in module.scripts if one.configured]:
        program = next(
            (one for one in wanted if one not in kept and _is(module, one, script)), None
        )
        if program is None:
            dropped.append(script)
            module.scripts.remove(script)
        else:
            kept[program] = script
    lines = [
        f"{script.label} {'dropped' if script.state in IDLE else 'stopped'}, no longer in [scripts]"
        for script in dropped
    ]
    await asyncio.gather(*(script.stop() for script in dropped))
    for program in wanted:
        lines += _script(module, program, kept.get(program))
    return lines


def _is(module: ExtModule, program: Program, script: Script) -> bool:
    """Whether `script` is what a line of ``[scripts]`` asks for."""
    path = spawn.resolve(program.name, module.options.scripts_dir)
    same = (script.name, script.parameter) == (program.name, program.parameter or "")
    return same and script.path == path


def _script(module: ExtModule, program: Program, script: Script | None) -> list[str]:
    if script is not None:
        return [_start(module, program)] if script.state is ScriptState.FAILED else []
    by_hand = (
        one
        for one in module.scripts
        if not one.configured and one.state not in IDLE and _is(module, program, one)
    )
    found = next(by_hand, None)
    if found is None:
        return [_start(module, program)]
    found.configured = True
    return [f"{found.label} is there already: {found.state_text()}"]


def _start(module: ExtModule, program: Program) -> str:
    try:
        script = module.start_script(program.name, program.parameter or "", "", configured=True)
    except StartError as error:
        module.bus.log.notice(error.failure.lines(), "", logged=False)
        return error.failure.one_line()
    return f"{script.label} started, pid {script.pid}"


def execute(module: ExtModule, wanted: Sequence[Program]) -> None:
    """Starts the programs of ``[execute]``; what cannot be is told to all sessions."""
    for program in wanted:
        try:
            module.execute(program.name, program.parameter)
        except StartError as error:
            module.bus.log.notice(error.failure.lines(), "", logged=False)
