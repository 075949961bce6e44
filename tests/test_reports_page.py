"""docs/reports.md: each kind of report names a test that exists."""

from __future__ import annotations

import re

import pytest
from house import ROOT

PAGE = ROOT / "docs" / "reports.md"

_ROW = re.compile(
    r"^\| (?!what happens|---)(?P<kind>[^|]+) \|.*\| (?P<tests>`[^|]+`) \|$", re.MULTILINE
)

KINDS = {row["kind"]: row["tests"] for row in _ROW.finditer(PAGE.read_text(encoding="utf-8"))}


def test_every_row_is_read() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert len(KINDS) == len(rows) - 2


@pytest.mark.parametrize("kind", KINDS)
def test_the_tests_of_a_kind_exist(kind: str) -> None:
    for name in re.findall(r"`([^`]+)`", KINDS[kind]):
        path, _, function = name.partition("::")
        file = ROOT / path
        assert function, f"{name}: which test of it?"
        assert f"def {function}(" in file.read_text(encoding="utf-8"), name
