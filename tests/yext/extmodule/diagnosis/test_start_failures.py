"""Each failure of a start, provoked for real: it is explained, and nothing is left behind.

The texts are in docs/start-failures.md, which is compared with the reports.
"""

from __future__ import annotations

import errno
import re

import pytest
from start_failures import (
    CASES,
    ENDINGS,
    TABLE,
    case_section,
    ending_section,
    play,
    play_ending,
)

TRANSIENT = {"busy", "descriptor_limit", "system_descriptor_limit", "process_limit", "no_memory"}


@pytest.mark.parametrize("name", CASES)
def test_a_failed_start_is_explained_and_leaves_nothing(name: str) -> None:
    report = play(name)
    labels = [line.partition(":")[0] for line in report.lines[1:]]
    assert labels == ["tried", "from", *(["near"] if report.near else []), "do"]
    assert report.params["errno"] in errno.errorcode.values()
    assert f"{report.params['reason']} ({report.params['errno']}, " in report.lines[0]
    assert report.lines[-1] == f"do: {report.params['hint']}"
    assert report.params.get("interpreter") == report.interpreter
    assert all(line.isprintable() for line in report.lines)
    assert not report.leaked
    assert report.transient == (name in TRANSIENT)
    assert report.seen == (report.lines if CASES[name].seen_before else ()), "the report of check"
    assert case_section(name, report.lines) in TABLE.read_text(), "docs/start-failures.md is old"


@pytest.mark.parametrize("name", ENDINGS)
def test_an_early_end_is_explained(name: str) -> None:
    report = play_ending(name)
    assert report.lines[-1].startswith("do: ")
    assert bool(report.seen) == ENDINGS[name].seen_before, "the report of check"
    if report.seen:
        assert report.seen[-1] == report.lines[-1]
    assert ending_section(name, report.lines) in TABLE.read_text(), "docs/start-failures.md is old"


def test_the_page_has_every_failure_and_no_other() -> None:
    titles = re.findall("^## (.*)$", TABLE.read_text(), re.MULTILINE)
    rows = [*CASES.values(), *ENDINGS.values()]
    assert [title.lower() for title in titles] == [row.failure.lower() for row in rows]
