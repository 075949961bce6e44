"""What the operator's terminal can do, and how lines are edited on it."""

import os
from pathlib import Path

import pytest

from yext.console.shell.terminal import detect_capabilities, wants_vi


def test_what_the_terminal_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    main, other = os.openpty()
    with open(other, "r+b", buffering=0) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        monkeypatch.setattr("sys.stdout", terminal)
        assert detect_capabilities({"TERM": "xterm"}).editing
        assert detect_capabilities({"TERM": "xterm"}).color
        assert not detect_capabilities({"TERM": "xterm", "NO_COLOR": "1"}).color
        assert detect_capabilities({"TERM": "xterm", "NO_COLOR": ""}).color
        for term in ("", "dumb", "unknown"):
            assert not detect_capabilities({"TERM": term}).editing
            assert not detect_capabilities({"TERM": term}).color
    os.close(main)


@pytest.mark.parametrize(
    ("text", "vi"),
    [
        ("set editing-mode vi\n", True),
        ("  set  editing-mode   vi  \nset editing-mode emacs\n", False),
        ("# set editing-mode vi\n", False),
        ("", False),
    ],
)
def test_vi_keys_by_inputrc(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, vi: bool
) -> None:
    (tmp_path / "rc").write_text(text)
    monkeypatch.setenv("INPUTRC", str(tmp_path / "rc"))
    assert wants_vi() is vi
    monkeypatch.setenv("INPUTRC", str(tmp_path / "none"))
    assert wants_vi() is False
