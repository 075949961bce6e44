"""``yext check``: find the mistakes in a configuration without starting anything.

Source of the sections and options of yate.conf: Yate's conf.d/yate.conf.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterable

from console.cli.exitcodes import FAILED, OK
from console.server.rmanager import RManager
from yext import Engine
from yext.conf import RULE_NAMES, Conf, Problem, Severity, parse_bool
from yext.conf.options import nearest, read_options, unknown_problems
from yext.engine.loader import BUILT_IN, PRESENT_ONLY
from yext.log import safe
from yext.record.recorder import OPTIONS as SNIFFER_OPTIONS
from yext.record.recorder import SECTION as SNIFFER_SECTION

FREE_SECTIONS = (
    "modules", "localsym", "nounload", "preload", "postload", "debug", "run_params", "variables",
)  # fmt: skip
"""Sections of yate.conf whose keys an operator chooses."""

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
"""The sections of yate.conf whose keys are options, with their options."""


def check(options: argparse.Namespace) -> int:
    """Print each problem on a line, sorted by file and line; return the exit code.

    The code is that of a failure for errors and warnings, not for notes.
    """
    problems = asyncio.run(_problems(options.config))
    for problem in problems:
        print(as_json(problem) if options.json else as_line(problem))
    return FAILED if any(problem.severity is not Severity.NOTE for problem in problems) else OK


async def _problems(config_dir: str | None) -> list[Problem]:
    """Return the problems of the configuration in a directory; an engine needs the loop."""
    engine = Engine(config_dir, modules={"rmanager": RManager})
    problems = engine.rehearse() + main_problems(engine.conf, [*engine.modules, "rmanager"])
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.file, problem.line))


def as_line(problem: Problem) -> str:
    """Return ``file:line: severity: text``, safe for a terminal; line 0 is the whole file."""
    return safe(f"{problem.file}:{problem.line}: {problem.severity}: {problem.text}")


def as_json(problem: Problem) -> str:
    """Return the problem as a JSON object with its file, line, severity and text."""
    return json.dumps(
        {
            "file": safe(problem.file),
            "line": problem.line,
            "severity": problem.severity,
            "text": safe(problem.text),
        }
    )


def main_problems(conf: Conf, modules: Iterable[str]) -> list[Problem]:
    """Return the problems of yate.conf; `modules` are the names of those that yext has."""
    _, problems = read_options(conf, SNIFFER_SECTION, SNIFFER_OPTIONS)
    known = [*SECTIONS, *FREE_SECTIONS]
    for section in conf.sections:
        if section.name in SECTIONS:
            problems += unknown_problems(conf, section.name, SECTIONS[section.name])
        elif section.name not in known:
            near = nearest(section.name, known)
            hint = f"; did you mean [{near[0]}]?" if near else ""
            text = f"unknown section [{section.name}]{hint}"
            problems.append(Problem(section.file, section.line, Severity.WARNING, text))
    return problems + _module_problems(conf, {*modules, *BUILT_IN, *PRESENT_ONLY})


def _module_problems(conf: Conf, known: set[str]) -> list[Problem]:
    problems: list[Problem] = []
    for key, entry in conf.items("modules"):
        wanted = parse_bool(entry.value)
        if wanted is None:
            text = f"{key}={entry.value} is not a boolean"
            problems.append(Problem(entry.file, entry.line, Severity.WARNING, text))
        elif wanted and key.removesuffix(".yate") not in known:
            text = f"{key} is no module of yext: it is left out"
            problems.append(Problem(entry.file, entry.line, Severity.NOTE, text))
    return problems
