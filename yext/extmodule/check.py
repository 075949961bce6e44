"""Find what in extmodule.conf would fail at a start, without starting anything."""

from __future__ import annotations

from yext.conf import Problem, Severity
from yext.extmodule.diagnosis import diagnose
from yext.extmodule.script import spawn
from yext.extmodule.settings import Program, Settings
from yext.listening import examine_listeners


def examine_settings(settings: Settings) -> list[Problem]:
    """Return an error for each listener and each program that could not be started now."""
    programs = (*settings.scripts, *settings.execute)
    return [
        *examine_listeners(settings.listeners),
        *(found for program in programs for found in _program(program, settings)),
    ]


def _program(program: Program, settings: Settings) -> list[Problem]:
    failure = diagnose.check(
        spawn.resolve(program.name, settings.options.scripts_dir),
        script=program.name,
        parameter=program.parameter,
        source=settings.look_up(program.name),
    )
    if failure is None:
        return []
    return [Problem(program.file, program.line, Severity.ERROR, failure.one_line())]
