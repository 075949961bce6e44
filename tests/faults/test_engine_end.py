"""No script outlives the engine, however it ends.

It takes at most 6 seconds after SIGTERM or SIGINT, one second after SIGKILL."""

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KILLS = int(os.environ.get("YEXT_KILLS", "10"))
"""Number of engines to kill; `make soak` sets it to 1,000."""

SCRIPTS = {
    "plain.sh": "echo '%%>output:up'\nwhile read -r line; do :; done\n",
    "family.sh": "sleep 1000 &\necho '%%>output:up'\nwhile read -r line; do :; done\n",
    "stubborn.sh": "trap '' TERM\necho '%%>output:up'\nwhile :; do sleep 1000; done\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration with the three scripts, and without listeners that could collide."""
    for name, body in SCRIPTS.items():
        path = tmp_path / name
        path.write_text("#!/bin/sh\n" + body)
        path.chmod(0o755)
    lines = "".join(f"{name}=\n" for name in SCRIPTS)
    (tmp_path / "extmodule.conf").write_text(
        f"[general]\nscripts_dir={tmp_path}/\n[scripts]\n{lines}"
    )
    (tmp_path / "rmanager.conf").write_text("[general]\nport=0\n")
    return tmp_path


class Serving:
    """A `yext serve` whose processes all carry a mark in their environment."""

    def __init__(self, folder: Path) -> None:
        self.mark = f"YEXT_MARK={uuid.uuid4()}"
        name, _, value = self.mark.partition("=")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "console", "serve", "-c", str(folder)],
            env=os.environ | {name: value},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until(self, *wanted: str) -> list[str]:
        """Read its log until it contains each of these texts."""
        assert self.process.stderr is not None
        missing, lines = list(wanted), []
        while missing:
            line = self.process.stderr.readline()
            assert line, "".join(lines)
            lines.append(line)
            found = next((one for one in missing if one in line), None)
            if found is not None:
                missing.remove(found)
        return lines

    def left(self) -> list[int]:
        """List the processes that carry the mark."""
        return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and self._carries(pid)]

    def _carries(self, pid: str) -> bool:
        try:
            return self.mark.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False

    def story(self) -> list[str]:
        """Describe the remaining processes, and what each waits for."""
        return [
            f"{pid} {Path(f'/proc/{pid}/cmdline').read_bytes()!r} "
            f"{Path(f'/proc/{pid}/stat').read_text()} {Path(f'/proc/{pid}/wchan').read_text()}"
            for pid in self.left()
        ]

    def all_gone(self, seconds: float) -> bool:
        """True if all marked processes end within this time; checks again after each end."""
        deadline = time.monotonic() + seconds
        while pids := self.left():
            if time.monotonic() > deadline:
                return False
            wait_for_end(pids[0], deadline - time.monotonic())
        return True


def wait_for_end(pid: int, seconds: float) -> None:
    import select

    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        select.select([pidfd], [], [], max(0.0, seconds))
    finally:
        os.close(pidfd)


@contextmanager
def serving(folder: Path) -> Iterator[Serving]:
    engine = Serving(folder)
    try:
        yield engine
    finally:
        engine.process.kill()
        engine.process.communicate()
        for pid in engine.left():
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_over_in_six_seconds(folder: Path, number: signal.Signals) -> None:
    """For SIGTERM, with a script that delays its answer to engine.halt."""
    if number == signal.SIGTERM:
        path = folder / "stubborn.sh"
        install = "trap '' TERM\necho '%%>install:10:engine.halt'\n"
        path.write_text(path.read_text().replace("trap '' TERM\n", install))
    with serving(folder) as engine:
        engine.wait_until("ready", *["up"] * 3)
        assert len(engine.left()) >= 5
        before = time.monotonic()
        engine.process.send_signal(number)
        _, errors = engine.process.communicate(timeout=20)
        took = time.monotonic() - before
        assert engine.process.returncode == 0
        assert engine.left() == []
    assert took < 6.0
    assert "'stubborn.sh' did not end on SIGTERM and is killed" in errors


def test_sighup_reloads_and_writes_to_the_log(folder: Path) -> None:
    with serving(folder) as engine:
        engine.wait_until("ready", *["up"] * 3)
        path = folder / "extmodule.conf"
        good = path.read_text()
        path.write_text(good.replace("[scripts]", "timeout=77\nstopwait=1\ntermwait=1\n[scripts]"))
        engine.process.send_signal(signal.SIGHUP)
        engine.wait_until("timeout: 10000 -> 77", "termwait: 5000 -> 1")
        path.write_text(good.replace("[scripts]", "timeout=x\n[scripts]"))
        engine.process.send_signal(signal.SIGHUP)
        engine.wait_until(
            "extmodule.conf:3: timeout=x is not a number of milliseconds", "Nothing was changed."
        )
        engine.process.terminate()
        engine.process.communicate(timeout=20)
        assert engine.process.returncode == 0


def test_a_killed_engine_leaves_no_process(folder: Path) -> None:
    for turn in range(KILLS):
        with serving(folder) as engine:
            engine.wait_until("ready", *["up"] * 3)
            engine.process.kill()
            engine.process.wait()
            assert engine.all_gone(1.0), f"turn {turn}: {engine.story()} live on"


def test_a_socket_of_a_killed_engine_is_taken_over(folder: Path) -> None:
    path = folder / "sock"
    with open(folder / "extmodule.conf", "a") as conf:
        conf.write(f"[listener a]\ntype=unix\npath={path}\nrole=global\n")
    with serving(folder) as engine:
        engine.wait_until("ready")
    assert path.is_socket()
    with serving(folder) as engine:
        engine.wait_until("ready")
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(path))
            peer.sendall(b"%%>setlocal:runid:\n")
            assert peer.recv(100).startswith(b"%%<setlocal:runid:")
