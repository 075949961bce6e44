"""``yext check``: the mistakes in a configuration, before anything is started.

Source of what yate.conf may hold: Yate's conf.d/yate.conf.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from yext import Engine
from yext.conf import RULE_NAMES, Conf, Problem, parse_bool
from yext.conf.options import nearest, read_options, unknown_problems
from yext.engine.loader import BUILT_IN, PRESENT_ONLY
from yext.log import safe
from yext.record.recorder import OPTIONS as SNIFFER_OPTIONS
from yext.record.recorder import SECTION as SNIFFER_SECTION

OK, FOUND = 0, 1

FREE_SECTIONS = (
    "modules", "localsym", "nounload", "preload", "postload", "debug", "run_params", "variables",
)  # fmt: skip
"""Sections of yate.conf whose keys are names that an operator chooses."""

SECTIONS: dict[str, tuple[str, ...]] = {
    "general": (
        "modload", "modpath", "extrapath", "nodename", "nodeid", "nodebits", "minworkers",
        "maxworkers", "addworkers", "semworkers", "maxmsgrate", "maxqueued", "maxmsgage",
        "maxevents", "startevents", "restarts", "timejump", "warntime", "idlemsec", "wintimer",
        "trackparam", "abortinfo", "msgsniff", "filtersniff", "agesniff",
    ),
    "telephony": ("timeout", "maxroute", "maxchans", "dtmfdups"),
    "configuration": RULE_NAMES,
    SNIFFER_SECTION: tuple(option.name for option in SNIFFER_OPTIONS),
}  # fmt: skip
"""The sections of yate.conf whose keys are options, and those."""


async def run(config_dir: str | None, *, json_lines: bool) -> int:
    """Prints each finding on a line, by file and line; returns the exit code.

    That is 1 where there is an error or a warning; notes alone leave it 0.
    """
    problems = findings(config_dir)
    for problem in problems:
        print(as_json(problem) if json_lines else as_line(problem))
    return FOUND if any(one.severity != "note" for one in problems) else OK


def findings(config_dir: str | None) -> list[Problem]:
    """All that is wrong with the configuration in a directory; nothing is started.

    Needs a running event loop, as an engine does.
    """
    from console.server.rmanager import RManager

    engine = Engine(config_dir, modules={"rmanager": RManager})
    problems = engine.rehearse() + main_problems(engine.conf, [*engine.modules, "rmanager"])
    return sorted(dict.fromkeys(problems), key=lambda one: (one.file, one.line))


def as_line(problem: Problem) -> str:
    """``file:line: severity: text``, safe for a terminal; line 0 is the whole file."""
    return safe(f"{problem.file}:{problem.line}: {problem.severity}: {problem.text}")


def as_json(problem: Problem) -> str:
    """The finding as a JSON object: file, line, severity, text."""
    return json.dumps(
        {
            "file": safe(problem.file),
            "line": problem.line,
            "severity": problem.severity,
            "text": safe(problem.text),
        }
    )


def main_problems(conf: Conf, modules: Iterable[str]) -> list[Problem]:
    """What yate.conf holds that means nothing, or something else than its option takes."""
    _, problems = read_options(conf, SNIFFER_SECTION, SNIFFER_OPTIONS)
    known = [*SECTIONS, *FREE_SECTIONS]
    for section in conf.sections:
        if section.name in SECTIONS:
            problems += unknown_problems(conf, section.name, SECTIONS[section.name])
        elif section.name not in known:
            near = nearest(section.name, known)
            hint = f"; did you mean [{near[0]}]?" if near else ""
            text = f"unknown section [{section.name}]{hint}"
            problems.append(Problem(section.file, section.line, "warning", text))
    return problems + _module_problems(conf, {*modules, *BUILT_IN, *PRESENT_ONLY})


def _module_problems(conf: Conf, known: set[str]) -> list[Problem]:
    problems: list[Problem] = []
    for key, entry in conf.items("modules"):
        wanted = parse_bool(entry.value)
        if wanted is None:
            text = f"{key}={entry.value} is not a boolean"
            problems.append(Problem(entry.file, entry.line, "warning", text))
        elif wanted and key.removesuffix(".yate") not in known:
            text = f"{key} is no module of yext: it is left out"
            problems.append(Problem(entry.file, entry.line, "note", text))
    return problems
