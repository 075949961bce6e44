"""docs/security.md: each promise names tests that exist."""

from __future__ import annotations

import re

import pytest
from house import ROOT

PAGE = ROOT / "docs" / "security.md"

_ROW = re.compile(r"^\| (?!promise |---)(?P<promise>.+?) \| (?P<tests>.+) \|$", re.MULTILINE)


def promises() -> dict[str, str]:
    """Return the tests that each promise names."""
    text = PAGE.read_text(encoding="utf-8").partition("## Promises")[2].partition("\n## ")[0]
    return {row["promise"]: row["tests"] for row in _ROW.finditer(text)}


@pytest.mark.parametrize("promise", promises())
def test_the_tests_of_a_promise_exist(promise: str) -> None:
    named = re.findall(r"`([^`]+)`", promises()[promise])
    assert named
    for name in named:
        path, _, function = name.partition("::")
        file = ROOT / "tests" / "faults" / path
        assert file.is_file(), f"{name}: there is no such file"
        assert f"def {function}(" in file.read_text(encoding="utf-8") or not function, name
