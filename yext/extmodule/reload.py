"""Start and stop programs as extmodule.conf says, at the start and at each reload."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from yext.errors import StartError
from yext.extmodule.script.states import IDLE, ScriptState
from yext.extmodule.settings import Program
from yext.extmodule.supervisor import Supervisor

if TYPE_CHECKING:
    from yext.extmodule.script.script import Script


async def scripts(supervisor: Supervisor, wanted: Sequence[Program]) -> list[str]:
    """Stop the scripts that are no longer in ``[scripts]``, then start those that do not run.

    A script that an operator has started counts as running. One that has failed is started again;
    one that was stopped, or ended by itself, is left alone.

    Args:
        supervisor: the owner of the scripts.
        wanted: the lines of ``[scripts]``.

    Returns:
        A line for each script that was started or stopped, or could not be started.
    """
    kept: dict[Program, Script] = {}
    dropped: list[Script] = []
    lines_of: dict[tuple[str, str], list[Program]] = {}
    for program in wanted:
        lines_of.setdefault((program.name, program.parameter or ""), []).append(program)
    for script in [one for one in supervisor.scripts if one.configured]:
        programs = lines_of.get((script.name, script.parameter), [])
        if programs and _is(supervisor, programs[0], script):
            kept[programs.pop(0)] = script
        else:
            dropped.append(script)
            supervisor.forget_script(script)
    lines = [
        f"{script.label} {'dropped' if script.state in IDLE else 'stopped'}, no longer in [scripts]"
        for script in dropped
    ]
    await asyncio.gather(*(script.stop() for script in dropped))
    for program in wanted:
        lines += _script(supervisor, program, kept.get(program))
    return lines


def _is(supervisor: Supervisor, program: Program, script: Script) -> bool:
    """Return True if `script` is what a line of ``[scripts]`` asks for."""
    from yext.extmodule.script import spawn

    path = spawn.resolve(program.name, supervisor.options.scripts_dir)
    same = (script.name, script.parameter) == (program.name, program.parameter or "")
    return same and script.path == path


def _script(supervisor: Supervisor, program: Program, script: Script | None) -> list[str]:
    """Start the script of a line of ``[scripts]`` if need be.

    `script` is the script that the line has started before, None for a new line.
    """
    if script is not None:
        return [_start(supervisor, program)] if script.state is ScriptState.FAILED else []
    by_hand = (
        one
        for one in supervisor.scripts.named(program.name, program.parameter or "")
        if not one.configured and one.state not in IDLE and _is(supervisor, program, one)
    )
    found = next(by_hand, None)
    if found is None:
        return [_start(supervisor, program)]
    found.configured = True
    return [f"{found.label} is there already: {found.describe_state()}"]


def _start(supervisor: Supervisor, program: Program) -> str:
    """Start a script; return its process id in a line, or why it could not be started."""
    try:
        script = supervisor.start_configured_script(program)
    except StartError as error:
        supervisor.bus.log.notice(error.failure.lines(), "", logged=False)
        return error.failure.one_line()
    return f"{script.label} started, pid {script.pid}"


def execute(supervisor: Supervisor, wanted: Sequence[Program]) -> None:
    """Start the programs of ``[execute]``; all sessions get a notice of those that cannot be."""
    for program in wanted:
        try:
            supervisor.execute_configured(program)
        except StartError as error:
            supervisor.bus.log.notice(error.failure.lines(), "", logged=False)
