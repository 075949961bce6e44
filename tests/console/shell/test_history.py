"""The file of lines that were given."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from yext.console.session.secrets import Secrets
from yext.console.shell import history
from yext.console.shell.history import FileHistory


def test_the_path_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert history.history_path() == tmp_path / ".local/state/yext/history"
    monkeypatch.setenv("XDG_STATE_HOME", "relative is to be ignored")
    assert history.history_path() == tmp_path / ".local/state/yext/history"
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    assert history.history_path() == Path("/var/state/yext/history")


def test_lines_are_kept_and_passwords_are_not(tmp_path: Path) -> None:
    path = tmp_path / "yext" / "history"
    kept = FileHistory(path, Secrets())
    for line in (
        "uptime",
        "uptime",
        " ",
        "auth secret",
        "  auth more",
        "AUTH secret",
        "watch 2 auth secret",
        "authors list",
        "status a\x1bb\udcff",
        "x" * 9000,
    ):
        kept.append_string(line)
    assert FileHistory(path, Secrets()).lines() == ["uptime", "authors list", "status a\x1bb\udcff"]
    assert b"secret" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_large_file_loses_its_older_half(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_bytes(b"".join(b"line %d\n" % one for one in range(200_000)))
    lines = FileHistory(path, Secrets()).lines()
    assert lines[-1] == "line 199999"
    assert len(path.read_bytes()) <= history.FILE_MAX // 2
    first = int(lines[0].removeprefix("line "))
    assert lines == [f"line {one}" for one in range(first, 200_000)]


def test_without_a_place_the_history_ends_with_the_shell() -> None:
    kept = FileHistory(Path("/dev/null/history"), Secrets())
    kept.append_string("uptime")
    assert kept.lines() == []
    assert kept.get_strings() == ["uptime"]


def _append(path: Path, name: str) -> None:
    kept = FileHistory(path, Secrets())
    for number in range(200):
        kept.append_string(f"{name} {number} " + name * 500)


def test_many_shells_at_once_mix_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "history"
    context = multiprocessing.get_context("spawn")
    shells = [context.Process(target=_append, args=(path, name)) for name in "abc"]
    for shell in shells:
        shell.start()
    for shell in shells:
        shell.join()
        assert shell.exitcode == 0
    lines = FileHistory(path, Secrets()).lines()
    assert len(lines) == 600
    for name in "abc":
        mine = [line for line in lines if line.startswith(f"{name} ")]
        assert mine == [f"{name} {number} " + name * 500 for number in range(200)]
