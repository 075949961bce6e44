"""The log in a file: private, reopened, on a full disk; asyncio's own errors in it."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import re
import stat
import time
from pathlib import Path

import pytest

from yext import log
from yext.console.cli.service.logfile import UnhandledErrors, log_to


def test_the_file_gets_stamped_safe_lines(tmp_path: Path) -> None:
    path = tmp_path / "yate.log"
    engine_log = log.Log()
    log_file = log_to(str(path))
    try:
        assert log_file.descriptor > 2
        engine_log.output("colour \x1b[31m and tab\t.")
        engine_log.notice(("not for the file",), "", logged=False)
        try:
            raise ValueError("a traceback too")
        except ValueError:
            log.logger.exception("failed")
    finally:
        log_file.close()
    lines = path.read_text(encoding="utf-8").splitlines()
    stamps = [re.match(r"\d{4}-\d\d-\d\d_\d\d:\d\d:\d\d\.\d{6} ", line) for line in lines]
    assert all(stamps)
    texts = [line.split(" ", 1)[1] for line in lines]
    assert texts[:3] == [
        "colour \\x1b[31m and tab\t.", "failed", "Traceback (most recent call last):",
    ]  # fmt: skip
    assert texts[-1] == "ValueError: a traceback too"


def test_a_file_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        log_to(str(tmp_path / "no" / "such" / "directory"))


def test_the_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "yate.log"
    before = os.umask(0)
    try:
        log_to(str(path)).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_rotated_file_is_opened_again_under_the_same_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "yate.log"
    log_file = log_to(str(path))
    try:
        log.logger.warning("before")
        descriptor = log_file.descriptor
        path.rename(tmp_path / "yate.log.1")
        log.logger.warning("between")
        log_file.reopen()
        log.logger.warning("after")
        assert log_file.descriptor == descriptor
    finally:
        log_file.close()
    assert "after" in path.read_text()
    assert "between" in (tmp_path / "yate.log.1").read_text()


def test_a_file_that_cannot_be_opened_again_stays_open(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    log_file = log_to(str(folder / "yate.log"))
    try:
        folder.rename(tmp_path / "gone")
        with pytest.raises(FileNotFoundError):
            log_file.reopen()
        log.logger.warning("still")
    finally:
        log_file.close()
    assert "still" in (tmp_path / "gone" / "yate.log").read_text()


def test_a_full_disk_is_one_line_and_a_count(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "yate.log"
    room = [10_000]
    write = os.write

    def limited(descriptor: int, data: bytes) -> int:
        if descriptor != log_file.descriptor:
            return write(descriptor, data)
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write(descriptor, data[: room[0]])
        room[0] -= written
        return written

    log_file = log_to(str(path))
    try:
        monkeypatch.setattr(os, "write", limited)
        log.logger.warning("first")
        room[0] = 30  # The time, and three letters.
        for _ in range(1500):
            log.logger.warning("a longer line")
        room[0] = 10_000
        log.logger.warning("last")
        log.logger.warning("and on")
    finally:
        monkeypatch.undo()
        log_file.close()
    texts = [line.split(" ", 1)[1] for line in path.read_text().splitlines()]
    reason = "No space left on device (ENOSPC)"
    assert texts == ["first", "a l", f"1,500 lines were left out: {reason}", "last", "and on"]
    assert capfd.readouterr().err == f"yext: {path}: {reason}; lines of the log are left out\n"


def test_errors_that_asyncio_reports_are_stamped(tmp_path: Path) -> None:
    """An error of a connection is a line; the traceback of another kind comes once."""
    path = tmp_path / "yate.log"

    async def story() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(UnhandledErrors())
        for _ in range(3):
            loop.call_soon(int, "x")
            loop.call_exception_handler({"message": "lost", "exception": ConnectionResetError()})
            loop.call_exception_handler({"message": "no exception"})
            await asyncio.sleep(0)

    log_file = log_to(str(path))
    try:
        asyncio.run(story())
    finally:
        log_file.close()
    lines = path.read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d_\d\d:\d\d:\d\d\.\d{6} ", line) for line in lines)
    text = "\n".join(line.split(" ", 1)[1] for line in lines)
    assert text.count("Traceback") == 1
    assert text.count("asyncio: Exception in callback int") == 3
    assert text.count("asyncio: lost: ConnectionResetError()") == 3
    assert text.count("asyncio: no exception") == 3


def test_the_log_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # pytest would keep the lines, and xdist cannot pass a byte that is not UTF-8 on.
    monkeypatch.setattr(log.logger, "propagate", False)
    path = tmp_path / "yate.log"
    engine_log = log.Log()
    log_file = log_to(str(path), as_json=True)
    try:
        engine_log.output("colour \x1b[31m \udcff and tab\t.")
        engine_log.debug(log.WARN, "ExtModule", "two\nlines")
        engine_log.notice(("x.py ended", "do: mend it"), "")
        logging.getLogger("yext.audit").info("audit admin 10.0.0.7:1: reload: ok")
        try:
            raise ValueError("a traceback too")
        except ValueError:
            log.logger.exception("failed")
    finally:
        log_file.close()
    found = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
    assert all(abs(one.pop("when") - time.time()) < 100 for one in found)
    trace = found[4].pop("traceback")
    assert trace[0].startswith("Traceback") and trace[-1] == "ValueError: a traceback too"
    assert found == [
        {"kind": "output", "level": 7, "source": "", "text": "colour \\x1b[31m \\xff and tab\t."},
        {"kind": "debug", "level": 5, "source": "ExtModule", "text": "two\nlines"},
        {
            "kind": "notice", "level": 5, "source": "", "text": "x.py ended; do: mend it",
            "lines": ["x.py ended", "do: mend it"],
        },
        {
            "kind": "log", "level": 7, "source": "audit",
            "text": "audit admin 10.0.0.7:1: reload: ok",
        },
        {"kind": "log", "level": 5, "source": "engine", "text": "failed"},
    ]  # fmt: skip


def test_json_on_a_full_disk_is_json_as_well(tmp_path: Path) -> None:
    path = tmp_path / "yate.log"
    path.symlink_to("/dev/full")
    engine_log = log.Log()
    log_file = log_to(str(path), as_json=True)
    try:
        engine_log.output("lost")
        path.unlink()
        log_file.reopen()
        engine_log.output("kept")
    finally:
        log_file.close()
    texts = [json.loads(line)["text"] for line in path.read_text().splitlines()]
    assert texts == ["1 line was left out: No space left on device (ENOSPC)", "kept"]
