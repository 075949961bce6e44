"""``yext test``: what is carried out, what is written, and the exit code."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from yext.console.cli.main import main

GOOD = "stub a\nsend a\n  handled by stub\n"
BAD = "send a\n  handled\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/good.yext").write_text(GOOD)
    (tmp_path / "other.txt").write_text("no transcript")
    return tmp_path


def test_folders_are_searched(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"ok    {folder}/deep/good.yext   1 step, ")
    assert lines[1].startswith("1 transcript ok, ")


def test_a_difference_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.yext").write_text(BAD)
    assert main(["test", str(folder / "bad.yext"), str(folder / "deep")]) == 1
    out = capsys.readouterr().out
    assert "  - handled\n  + not handled\n" in out
    assert out.splitlines()[-1].startswith("2 transcripts, 1 failed, ")


def test_an_update_writes_what_came(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = folder / "bad.yext"
    bad.write_text(BAD)
    assert main(["test", "--update", str(folder)]) == 0
    assert bad.read_text() == "send a\n  not handled\n"
    assert (folder / "deep/good.yext").read_text() == GOOD
    assert "updated " in capsys.readouterr().err


def test_an_update_does_not_mend_a_message_that_does_not_come(folder: Path) -> None:
    text = "send a\n  not handled\nsent b\n"
    (folder / "bad.yext").write_text(text)
    assert main(["test", "--update", str(folder)]) == 1
    assert (folder / "bad.yext").read_text() == text


def test_nothing_to_carry_out_is_wrong_usage(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "deep/good.yext").unlink()
    for path, reason in ((folder, "there is none below it"), (folder / "x", "there is no such")):
        assert main(["test", str(path)]) == 2
        assert reason in capsys.readouterr().err


def test_tap_and_junit(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = folder / "report.xml"
    assert main(["test", "--tap", "--junit", str(report), str(folder)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "TAP version 14"
    assert ElementTree.parse(report).getroot().get("tests") == "1"
    assert main(["test", "--junit", str(folder / "no/x"), str(folder)]) == 2
    assert "No such file or directory" in capsys.readouterr().err


def test_a_configuration_directory(folder: Path) -> None:
    (folder / "yate.conf").write_text("[general]\nnodename=alder\n")
    (folder / "deep/good.yext").write_text("command status engine\n  *nodename=alder* (glob)\n")
    assert main(["test", "-c", str(folder), str(folder)]) == 0
