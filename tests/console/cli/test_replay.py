"""``yext replay``: what it prints, and its exit code."""

import json
from pathlib import Path

import pytest

from yext.console.cli.main import main
from yext.record.file import write_record
from yext.record.journey import Change, Journey, Step, StepResult

ROUTE = """#!/bin/sh
echo '%%>install:50:call.route'
while IFS=: read -r head id rest; do
    case $head in '%%>message') echo "%%<message:$id:true::sip/$1:new=$1:caller" ;; esac
done
"""


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A record of 50 messages that route.sh got, with its parameter 9."""
    path = tmp_path / "calls.jsonl"
    changes = (Change("new", None, "9"), Change("caller", "5\x1b", None))
    write_record(
        str(path),
        [
            Journey(
                number, number, "call.route", "sip", {"called": str(number), "caller": "5\x1b"},
                steps=[Step("route.sh", 50, 0.1, StepResult.HANDLED, changes, "", "sip/9")],
                handled=True, took=0.1, after={"called": str(number), "new": "9"},
                retvalue="sip/9", ended=True,
            )
            for number in range(1, 51)
        ],
    )  # fmt: skip
    (tmp_path / "route.sh").write_text(ROUTE)
    (tmp_path / "route.sh").chmod(0o755)
    return path


def test_no_difference(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = str(record.parent / "route.sh")
    assert main(["replay", str(record), "--script", script, "9"]) == 0
    assert capsys.readouterr().out == f"50 messages given to {script}, no difference\n"


def test_differences(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = record.parent / "new.sh"
    (record.parent / "route.sh").rename(script)
    script.write_text(ROUTE.replace(":caller", ""))
    assert main(["replay", str(record), "--script", str(script), "9", "--as", "route.sh"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        '#1 call.route called=1 caller="5\\u001b"', '  + caller="5\\u001b"',
        '#2 call.route called=2 caller="5\\u001b"',
    ]  # fmt: skip
    assert lines[-1] == f"50 messages given to {script}, 50 differ"
    assert len(lines) == 101


def test_json(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = str(record.parent / "route.sh")
    assert main(["replay", str(record), "--script", script, "8", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["same"], found["given"], found["by_name"], found["error"]) == (
        False, 50, False, None
    )  # fmt: skip
    assert found["different"][0] == {
        "number": 1,
        "name": "call.route",
        "differences": [
            {"part": "retvalue", "name": None, "before": "sip/9", "after": "sip/8"},
            {"part": "param", "name": "new", "before": "9", "after": "8"},
        ],
        "sent": [],
    }


@pytest.mark.parametrize(
    ("name", "reason"),
    [("gone.jsonl", "No such file or directory"), ("route.sh", "is no record: line 1 is not JSON")],
)
def test_a_file_that_is_no_record(
    record: Path, capsys: pytest.CaptureFixture[str], name: str, reason: str
) -> None:
    script = str(record.parent / "route.sh")
    assert main(["replay", str(record.parent / name), "--script", script]) == 2
    assert reason in capsys.readouterr().err


def test_a_script_that_does_not_start(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = str(record.parent / "gone.sh")
    assert main(["replay", str(record), "--script", script, "--as", "route.sh"]) == 2
    assert "yext: gone.sh: No such file or directory (ENOENT, 2)" in capsys.readouterr().err
