"""Each way a start can fail, provoked for real: what is said, and that nothing is left.

What the words are is in docs/start-failures.md, which is compared with what is said now.
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

HEALING = {"busy", "descriptor_limit", "system_descriptor_limit", "process_limit", "no_memory"}


@pytest.mark.parametrize("name", CASES)
def test_a_failed_start_tells_all_and_leaves_nothing(name: str) -> None:
    told = play(name)
    labels = [line.partition(":")[0] for line in told.lines[1:]]
    assert labels == ["tried", "from", *(["near"] if told.near else []), "do"]
    assert told.params["errno"] in errno.errorcode.values()
    assert f"{told.params['reason']} ({told.params['errno']}, " in told.lines[0]
    assert told.lines[-1] == f"do: {told.params['hint']}"
    assert told.params.get("interpreter") == told.interpreter
    assert all(line.isprintable() for line in told.lines)
    assert not told.leaked
    assert told.heals == (name in HEALING)
    assert told.seen == (told.lines if CASES[name].seen_before else ()), "what check says"
    assert case_section(name, told.lines) in TABLE.read_text(), "docs/start-failures.md is old"


@pytest.mark.parametrize("name", ENDINGS)
def test_an_early_end_is_explained(name: str) -> None:
    told = play_ending(name)
    assert told.lines[-1].startswith("do: ")
    assert bool(told.seen) == ENDINGS[name].seen_before, "what check says"
    if told.seen:
        assert told.seen[-1] == told.lines[-1]
    assert ending_section(name, told.lines) in TABLE.read_text(), "docs/start-failures.md is old"


def test_the_page_has_every_failure_and_no_other() -> None:
    titles = re.findall("^## (.*)$", TABLE.read_text(), re.MULTILINE)
    rows = [*CASES.values(), *ENDINGS.values()]
    assert [title.lower() for title in titles] == [row.failure.lower() for row in rows]
