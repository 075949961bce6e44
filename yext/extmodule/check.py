"""What of extmodule.conf would fail at a start, found without starting anything."""

from __future__ import annotations

from collections.abc import Sequence

from yext.conf import Problem
from yext.errors import ListenError
from yext.extmodule.diagnosis import diagnose
from yext.extmodule.peer.listener import ListenerSpec, examine
from yext.extmodule.script import spawn
from yext.extmodule.settings import Program, Settings


def examine_settings(settings: Settings) -> list[Problem]:
    """The listeners that could not be opened, and the programs that could not be started."""
    programs = (*settings.scripts, *settings.execute)
    return [
        *examine_listeners(settings.listeners),
        *(found for program in programs for found in _program(program, settings)),
    ]


def examine_listeners(specs: Sequence[ListenerSpec]) -> list[Problem]:
    """The listeners that could not be opened now, at the place where each is configured."""
    problems: list[Problem] = []
    taken: dict[str, ListenerSpec] = {}
    for spec in specs:
        other = taken.setdefault(spec.where(), spec)
        if other is not spec:
            text = f"listener '{spec.name}': {spec.where()} is that of '{other.name}' already"
            problems.append(Problem(spec.file, spec.line, "error", text))
            continue
        try:
            examine(spec)
        except ListenError as error:
            problems.append(Problem(spec.file, spec.line, "error", str(error)))
    return problems


def _program(program: Program, settings: Settings) -> list[Problem]:
    failure = diagnose.check(
        spawn.resolve(program.name, settings.options.scripts_dir),
        script=program.name,
        parameter=program.parameter,
        source=settings.look_up(program.name),
    )
    if failure is None:
        return []
    return [Problem(program.file, program.line, "error", failure.one_line())]
