"""Whether a process waits for its input alone, asked of real processes."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from yext.testing.kit.idle import awaits_input, describe, is_known, rests

PYTHON = [sys.executable, "-c"]


@contextmanager
def running(argv: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program that has its input open."""
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def becomes_idle(pid: int) -> bool:
    """Wait until a process waits for input alone, at most some seconds."""
    until = time.monotonic() + 20
    while not awaits_input(pid) and time.monotonic() < until:
        time.sleep(0.001)  # The kernel tells nobody when a process falls asleep.
    return awaits_input(pid)


WAITING = {
    "python": [*PYTHON, "import sys; sys.stdin.readline()"],
    "select": [*PYTHON, "import select; select.select([0], [], [])"],
    "sh": ["sh", "-c", "read -r line"],
    "perl": ["perl", "-e", "<STDIN>"],
    "php": ["php", "-r", "fgets(STDIN);"],
    "node": ["node", "-e", "process.stdin.on('data', () => {})"],
}


@pytest.mark.parametrize("argv", WAITING.values(), ids=WAITING)
def test_a_script_that_reads_a_line_waits_for_input(argv: list[str]) -> None:
    with running(argv) as process:
        assert becomes_idle(process.pid)
        assert rests(process.pid)
        assert describe(process.pid) == "it waits for input"


BUSY = {
    "sleeps": [*PYTHON, "import time; print(flush=True); time.sleep(100)"],
    "child": ["sh", "-c", "sleep 100 & echo; read -r line"],
    "timer": ["node", "-e", "process.stdin.on('data', () => {}); setInterval(() => {}, 1e6);"
              " console.log()"],
    "socket": [*PYTHON, "import socket, sys; s = socket.socketpair(); print(flush=True);"
               " sys.stdin.readline()"],
    "computes": [*PYTHON, "print(flush=True)\nwhile True: pass"],
    "limited": [*PYTHON, "import select; print(flush=True); select.select([0], [], [], 100)"],
}  # fmt: skip
"""Programs that write an empty line, and may do more than wait for their input."""


@pytest.mark.parametrize("argv", BUSY.values(), ids=BUSY)
def test_one_that_may_do_more_does_not(argv: list[str]) -> None:
    with running(argv) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(50):
            assert not awaits_input(process.pid)
            time.sleep(0.001)


def test_this_machine_tells() -> None:
    assert is_known()


def test_a_process_that_has_ended_does_nothing() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert not awaits_input(process.pid)
    assert not rests(process.pid)
    assert describe(process.pid) == "it has ended"
