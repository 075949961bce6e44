"""Find what in extmodule.conf would fail at a start, without starting anything."""

from __future__ import annotations

from yext.access.admission import check_loopback
from yext.conf import Problem, Severity
from yext.errors import ListenError
from yext.extmodule.diagnosis import diagnose
from yext.extmodule.listeners import OTHERS_HINT
from yext.extmodule.script import spawn
from yext.extmodule.settings import Program, Settings
from yext.listening import examine_listeners


def examine_settings(settings: Settings) -> list[Problem]:
    """Return an error for each listener and each program that could not be started now."""
    programs = (*settings.scripts, *settings.execute)
    return [
        *_listeners(settings),
        *(found for program in programs for found in _program(program, settings)),
    ]


def _listeners(settings: Settings) -> list[Problem]:
    problems: list[Problem] = []
    local = []
    for spec in settings.listeners:
        try:
            check_loopback(spec, OTHERS_HINT)
        except ListenError as error:
            if not spec.access.for_other_machines:
                problems.append(Problem(spec.file, spec.line, Severity.ERROR, str(error)))
                continue
            if not spec.access.password:
                text = f"listener '{spec.name}': everyone who reaches {spec.where()} may start"
                text += " programs; do: set password=, and certificate= to hide it"
                problems.append(Problem(spec.file, spec.line, Severity.WARNING, text))
            elif spec.access.tls is None:
                text = f"listener '{spec.name}': the password is sent to {spec.where()} in clear"
                text += "; do: set certificate="
                problems.append(Problem(spec.file, spec.line, Severity.WARNING, text))
        local.append(spec)
    return problems + examine_listeners(local)


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
