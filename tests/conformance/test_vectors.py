"""The project's copy of the recordings, and the table of deviations from them, are intact."""

import hashlib
import os
from pathlib import Path

import pytest
from player import cases, deviations

REPOSITORY = Path(__file__).parents[2]
SUMS = Path(__file__).parent / "vectors.sha256"
ORIGINAL = Path(os.environ.get("YEXT_CONFORMANCE", REPOSITORY.parent / "shared/conformance"))
"""The original recordings; not every clone has them."""


def _recorded() -> dict[str, str]:
    """Return the checksums of the original recordings, by path."""
    pairs = (line.split("  ", 1) for line in SUMS.read_text(encoding="utf-8").splitlines())
    return {path: checksum for checksum, path in pairs}


def _files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_copy_is_unchanged() -> None:
    assert _files(cases.VECTORS) == _recorded()


def test_the_copy_is_of_what_was_handed_over() -> None:
    original = _files(ORIGINAL) or _recorded()
    assert original == _recorded()


def test_cases_have_unique_names() -> None:
    for folder in ("extmodule", "rmanager", "config"):
        for file in cases.files(folder):
            names = [case.name for case in cases.load(folder, file)]
            assert len(names) == len(set(names)), file


ROWS = deviations.load()


def test_no_case_is_listed_twice() -> None:
    assert len(ROWS) == len({row.id for row in ROWS})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.file}/{row.case}")
def test_a_deviation_names_a_case_a_reason_and_a_test_that_exist(row: deviations.Deviation) -> None:
    existing = {
        deviations.CaseId(f"{case.file}.json", case.name)
        for folder in ("extmodule", "rmanager", "config")
        for file in cases.files(folder)
        for case in cases.load(folder, file)
    }
    assert row.id in existing
    assert row.reason.strip()
    if row.expect:
        path, _, name = row.expect.partition("::")
        assert f"def {name}(" in (REPOSITORY / path).read_text(encoding="utf-8")
