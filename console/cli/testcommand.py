"""``yext test``: transcripts in a project of any language (docs/transcripts.md)."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence

from yext.console.cli.exitcodes import FAILED, OK, USAGE, exit_code
from yext.console.testrun import report
from yext.console.testrun.result import FileResult
from yext.console.testrun.runner import run_file
from yext.console.transcripts.format import SUFFIX, read_transcript, updated


def test(options: argparse.Namespace) -> int:
    """Carry out transcripts; return 0 if all were as expected, else 1, or 2 if there are none."""
    paths: list[str] = []
    for given in options.paths:
        found = list(_transcripts(given))
        if not found:
            what = "there is none below it" if os.path.isdir(given) else "there is no such file"
            print(f"yext: {given}: no transcript ({SUFFIX}): {what}", file=sys.stderr)
            return USAGE
        paths += found
    results = []
    for path in paths:
        result = run_file(path, exit_code, options.config)
        if options.update:
            _update(result)
        results.append(result)
        if not options.tap:
            print("\n".join(report.text_lines(result)), flush=True)
    print("\n".join(report.tap_lines(results)) if options.tap else report.summary(results))
    try:
        _write_junit(options.junit, results)
    except OSError as error:
        print(f"yext: {options.junit}: {error.strerror}", file=sys.stderr)
        return USAGE
    return OK if all(result.ok for result in results) else FAILED


def _transcripts(path: str) -> Iterator[str]:
    """Yield a transcript, or those below a folder, in the order of their names."""
    if os.path.isfile(path):
        yield path
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(SUFFIX))


def _update(result: FileResult) -> None:
    """Write what came into the transcript; what was updated counts as expected."""
    came = {one.step.line: one.kept for one in result.failures if one.kept is not None}
    if not came:
        return
    text = updated(read_transcript(result.path), came)
    with open(result.path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    lines = ", ".join(map(str, came))
    print(f"updated {result.path}: the steps of the lines {lines}", file=sys.stderr)
    result.steps = [
        one._replace(same=True) if one.step.line in came else one for one in result.steps
    ]


def _write_junit(path: str | None, results: Sequence[FileResult]) -> None:
    if path is not None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(report.junit(results))
