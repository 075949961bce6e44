"""A console that is attached to a hostile remote manager."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from terminals import ROOT, SECONDS, Place, Terminal

HOSTILE = Path(__file__).parent / "hostile.py"

MEMORY_MAX = 400 * 1024 * 1024
"""Resident bytes that a console may take, whatever comes."""

DANGEROUS = re.compile(
    "[\x00-\x06\x0b\x0c\x0e-\x1a\x1c-\x1f\x80-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]"
    "|\x1bc|\x1b\\]|\x1b\\[2J|\x07"
)
"""What no terminal may get from the other end, whatever else the console draws."""


class Hostile:
    """A hostile server, and consoles attached to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = Place(folder)
        self.path = folder / "s"
        self.record = folder / "record"
        self.secret = folder / "secret"
        self.secret.write_text("stolen\n")
        self.record.touch()
        self._process: subprocess.Popen[str] | None = None

    def start(self, kind: str) -> None:
        environ = os.environ | {"RECORD": str(self.record), "FILE": str(self.secret)}
        self._process = subprocess.Popen(
            [sys.executable, HOSTILE, self.path, kind], env=environ, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def attach(self, kind: str) -> Terminal:
        self.start(kind)
        terminal = self.place.run([sys.executable, "-m", "console", "attach", str(self.path)])
        terminal.sees("Type help")
        return terminal

    def run(self, kind: str, *words: str) -> subprocess.CompletedProcess[str]:
        self.start(kind)
        return subprocess.run(
            [sys.executable, "-m", "console", "run", "--attach", str(self.path), *words],
            env=self.place.environ, cwd=ROOT, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip

    def took(self) -> list[str]:
        """The lines that the server took, without those that only mark an end."""
        lines = self.record.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if not line.startswith("help yext-")]

    def close(self) -> None:
        self.place.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    with tempfile.TemporaryDirectory(prefix="y") as folder:
        hostile = Hostile(Path(folder))
        yield hostile
        hostile.close()


def leaves(terminal: Terminal) -> None:
    """The console ends by ^D within the time that anything may take."""
    terminal.type("\x04")
    terminal.end()


def memory(terminal: Terminal) -> int:
    return int(psutil.Process(terminal.child.pid).memory_info().rss)


def until(holds: Callable[[], object]) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


UNSAFE = ["nel", "line-separator", "paragraph", "vt", "ff", "fs", "cr", "bidi", "isolate",
          "arabic-mark", "escape"]  # fmt: skip


@pytest.mark.parametrize("kind", UNSAFE)
def test_a_completion_runs_and_sends_nothing(kind: str, hostile: Hostile) -> None:
    terminal = hostile.attach(kind)
    terminal.type("st\t")
    terminal.type("\t\r")
    terminal.sees("did st")
    assert [line for line in hostile.took() if line.startswith("st")][-1].strip() == "st"
    assert "stolen" not in hostile.took()
    assert not Path(f"{hostile.secret}2").exists()
    assert DANGEROUS.search(terminal.transcript) is None
    leaves(terminal)


@pytest.mark.parametrize("kind", ["second", "write"])
def test_a_file_in_a_line_of_several_commands_is_asked_about(kind: str, hostile: Hostile) -> None:
    terminal = hostile.attach(kind)
    terminal.type("so\t")
    terminal.sees(str(hostile.secret))
    while str(hostile.secret) not in terminal.cursor_line():
        terminal.type("\t")
        terminal.read()
    terminal.type("\r\r")  # The first takes the word from the list.
    terminal.sees("has completed this line")
    assert "stolen" not in hostile.took() and "sort" not in hostile.took()
    assert not Path(f"{hostile.secret}2").exists()
    leaves(terminal)


def test_a_file_that_the_other_end_names_is_asked_about(hostile: Hostile) -> None:
    terminal = hostile.attach("file")
    terminal.type("so\t")
    terminal.sees(f"source {hostile.secret}")
    terminal.type("\t")
    terminal.until(lambda: str(hostile.secret) in terminal.cursor_line())
    terminal.type("\r\r")  # The first takes the word from the list.
    terminal.sees("has completed this line")
    assert "stolen" not in hostile.took()
    terminal.type(f"source {hostile.secret}\r")
    terminal.sees("did stolen")
    leaves(terminal)


def test_a_file_that_the_operator_names_is_not_asked_about(hostile: Hostile) -> None:
    terminal = hostile.attach("file")
    terminal.type(f"source {hostile.secret}\r")
    terminal.sees("did stolen")
    leaves(terminal)


def test_names_are_safe_wherever_they_are_shown(hostile: Hostile) -> None:
    """The banner, the prompt, each echo, the bottom line, the title of the terminal."""
    terminal = hostile.attach("plain")
    for line in ("uptime", "history", "flow"):
        terminal.type(f"{line}\r")
    terminal.sees("Flow: off")
    assert "\\x1bc" in terminal.text()
    assert DANGEROUS.search(terminal.transcript) is None
    leaves(terminal)


@pytest.mark.parametrize("kind", ["lines", "line", "blank"])
def test_an_endless_reply_is_bounded_and_can_be_left(kind: str, hostile: Hostile) -> None:
    terminal = hostile.attach(kind)
    terminal.type("go\r")
    terminal.sees("lost")
    assert "MiB" in terminal.text()
    assert memory(terminal) < MEMORY_MAX
    leaves(terminal)


@pytest.mark.parametrize("kind", ["lines", "line", "blank", "silent"])
def test_a_reply_that_does_not_end_is_given_up_by_a_key(kind: str, hostile: Hostile) -> None:
    terminal = hostile.attach(kind)
    terminal.type("go\r")
    until(lambda: "go" in hostile.took())
    terminal.type("\x03")
    terminal.until(lambda: "not waited for" in terminal.text() or "lost" in terminal.text())
    leaves(terminal)


def test_lines_that_nobody_asked_for_are_left_out(hostile: Hostile) -> None:
    terminal = hostile.attach("output")
    terminal.type("flood\r")
    terminal.sees("left out")
    assert memory(terminal) < MEMORY_MAX
    leaves(terminal)


def test_a_login_that_gets_no_answer_is_given_up_by_a_key(hostile: Hostile) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(hostile.path))
        server.listen()
        attach = [sys.executable, "-m", "console", "attach", str(hostile.path)]
        terminal = hostile.place.run(attach)
        connection, _ = server.accept()
        with connection, connection.makefile() as lines:
            assert "echo off" in lines.readline()
            terminal.type("\x03")
            assert terminal.end() == 130


def test_one_deadline_is_over_everything(hostile: Hostile) -> None:
    before = time.monotonic()
    done = hostile.run("silent", "--timeout", "2", "uptime", "go", "uptime")
    assert done.returncode == 5
    assert "go: no answer in 2 s" in done.stdout
    assert time.monotonic() - before < 20


def test_the_deadline_is_over_the_login_too(hostile: Hostile) -> None:
    done = hostile.run("floods", "--timeout", "2", "uptime")
    assert done.returncode in (3, 5)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["lines", "line"])
def test_a_batch_ends_with_an_endless_reply(kind: str, hostile: Hostile) -> None:
    done = hostile.run(kind, "--timeout", "30", "go")
    assert done.returncode == 1
    assert "MiB" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_what_claims_to_be_a_yext_is_not_trusted(hostile: Hostile) -> None:
    terminal = hostile.attach("yext")
    terminal.type("go\r")
    terminal.sees("second")
    terminal.type("\x03")
    assert DANGEROUS.search(terminal.transcript) is None
    leaves(terminal)


def test_one_that_breaks_the_interface_is_left(hostile: Hostile) -> None:
    hostile.start("lies")
    terminal = hostile.place.run([sys.executable, "-m", "console", "attach", str(hostile.path)])
    terminal.sees("does not keep to the interface")
    assert "Traceback" not in terminal.text()
