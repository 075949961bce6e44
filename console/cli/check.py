"""``yext check``: find the mistakes in a configuration without starting anything."""

from __future__ import annotations

import argparse
import asyncio
import json

from yext import Engine
from yext.conf import Problem, Severity
from yext.console.cli.exitcodes import FAILED, OK
from yext.console.cli.service.modules import metrics
from yext.console.server.rmanager import RManager
from yext.log import safe

_FAILING = (Severity.ERROR, Severity.WARNING)


def check(options: argparse.Namespace) -> int:
    """Print each problem on a line, sorted by file and line; return the exit code.

    The code is that of a failure for errors and warnings, and with ``--strict`` for notes.
    """
    problems = asyncio.run(_problems(options.config, options.shared))
    for problem in problems:
        print(as_json(problem) if options.json else as_line(problem))
    bad = problems if options.strict else [one for one in problems if one.severity in _FAILING]
    return FAILED if bad else OK


async def _problems(config_dir: str | None, shared_dir: str | None) -> list[Problem]:
    """Return the problems of the configuration in a directory; an engine needs the loop."""
    engine = Engine(
        config_dir, modules={"rmanager": RManager, "metrics": metrics}, shared_dir=shared_dir
    )
    problems = engine.rehearse()
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
