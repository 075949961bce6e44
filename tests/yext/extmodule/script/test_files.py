"""The files that a script is made of, and their state."""

import os
from pathlib import Path

import pytest

from yext.extmodule.script import files


@pytest.fixture
def script(tmp_path: Path) -> Path:
    for name in ("lib/one.php", "lib/two.txt", "lib/deep/three.php", "lib/.hidden.php"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return tmp_path / "route.php"


def names(script: Path) -> list[str]:
    """The files besides the script's own, relative to its folder."""
    return [os.path.relpath(one[0], script.parent) for one in files.take_stamp(str(script))[1:]]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("lib/*.php", ["lib/one.php"]),
        ("lib/**/*.php", ["lib/deep/three.php", "lib/one.php"]),
        ("lib/**", ["lib/deep/three.php", "lib/one.php", "lib/two.txt"]),
        ("*/*/three.php", ["lib/deep/three.php"]),
        ("lib/one.php", ["lib/one.php"]),
        ("lib/.h*", ["lib/.hidden.php"]),
        ("missing/*", []),
        ("lib", []),
    ],
)
def test_a_pattern_names_files(script: Path, pattern: str, found: list[str]) -> None:
    script.write_text(f"#!/bin/sh\n# yext-watch: {pattern}\n")
    assert names(script) == found


@pytest.mark.parametrize(
    "line",
    ["# yext-watch: lib/one.php", "// yext-watch: lib/one.php", "  /* yext-watch:lib/one.php */",
     "-- yext-watch: lib/one.php \r"],
)  # fmt: skip
def test_a_comment_of_any_language_counts(script: Path, line: str) -> None:
    script.write_text(f"#!/bin/sh\n{line}\n")
    assert names(script) == ["lib/one.php"]


def test_an_absolute_pattern_is_taken_as_it_is(script: Path) -> None:
    script.write_text(f"# yext-watch: {script.parent}/lib/*.txt\n")
    assert names(script) == ["lib/two.txt"]


def test_what_is_not_a_comment_does_not_count(script: Path) -> None:
    script.write_text("echo yext-watch: lib/one.php\n")
    assert names(script) == []


def test_a_change_of_any_file_counts(script: Path) -> None:
    script.write_text("# yext-watch: lib/*\n")
    before = files.take_stamp(str(script))
    assert not files.has_changed(str(script), [before])
    (script.parent / "lib/two.txt").write_text("more")
    assert files.has_changed(str(script), [before])


def test_the_right_to_execute_counts(script: Path) -> None:
    script.write_text("")
    before = files.take_stamp(str(script))
    script.chmod(0o755)
    assert files.has_changed(str(script), [before])


def test_a_script_that_is_not_there_has_not_changed(script: Path) -> None:
    script.write_text("")
    before = files.take_stamp(str(script))
    script.unlink()
    assert not files.has_changed(str(script), [before])


def test_a_named_pipe_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert len(files.take_stamp(str(path))) == 1


def test_a_pattern_cannot_walk_without_end(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_ENTRIES", 20)
    for number in range(10):
        folder = script.parent / f"many/{number}"
        folder.mkdir(parents=True)
        for name in range(10):
            (folder / str(name)).write_text("")
    script.write_text("# yext-watch: many/**\n")
    assert 0 < len(names(script)) <= 20


def test_the_folders_of_patterns_and_of_a_link_are_watched(script: Path, tmp_path: Path) -> None:
    script.write_text("# yext-watch: lib/**/*.php\n")
    link = tmp_path / "links/route.php"
    link.parent.mkdir()
    link.symlink_to(script)
    inside = {"lib", "lib/deep"}
    assert set(files.folders(str(script))) == {
        str(script.parent), *(str(script.parent / one) for one in inside)
    }  # fmt: skip
    assert {str(link.parent), str(script.parent)} <= set(files.folders(str(link)))
