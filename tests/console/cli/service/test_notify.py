"""What a service manager is told, by a datagram socket in systemd's place."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from yext.console.cli.service import notify

SECONDS = 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rmanager.conf").write_text(
        f"[general]\nport=0\npath={tmp_path}/manager\ntelnet=no\nheader=\n"
    )
    return tmp_path


class Manager:
    """A service manager, and the `yext serve` that it has started.

    Attributes:
        told: all that it was told, a dictionary for each datagram.
    """

    def __init__(self, folder: Path, name: str, *options: str, **environment: str) -> None:
        self.told: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(SECONDS)
        self._socket.bind(f"\0{name[1:]}" if name.startswith("@") else name)
        self.serve = subprocess.Popen(
            [sys.executable, "-m", "console", "serve", "-c", folder, "-l", os.devnull, *options],
            env={**os.environ, "NOTIFY_SOCKET": name, **environment},
            stderr=subprocess.DEVNULL,
        )

    def until(self, key: str, value: str = "1") -> dict[str, str]:
        """Wait for a datagram with that in it, and return it."""
        while True:
            text = self._socket.recv(4096).decode()
            self.told.append(dict(line.split("=", 1) for line in text.split("\n")))
            if self.told[-1].get(key) == value:
                return self.told[-1]

    def close(self) -> None:
        self._socket.close()
        self.serve.kill()
        self.serve.wait()


@contextmanager
def managed(folder: Path, name: str, *options: str, **environment: str) -> Iterator[Manager]:
    manager = Manager(folder, name, *options, **environment)
    try:
        yield manager
    finally:
        manager.close()


def ask(folder: Path, line: str) -> None:
    with socket.socket(socket.AF_UNIX) as connected:
        connected.settimeout(SECONDS)
        connected.connect(str(folder / "manager"))
        connected.sendall(f"{line}\r\n".encode())
        connected.shutdown(socket.SHUT_WR)
        while connected.recv(65536):
            pass


@pytest.mark.parametrize("abstract", [False, True])
def test_from_the_start_to_the_stop(folder: Path, abstract: bool) -> None:
    name = f"@yext-notify-{os.getpid()}" if abstract else f"{folder}/notify"
    with managed(folder, name) as manager:
        assert manager.until("READY") == {"READY": "1", "STATUS": "scripts: none; sessions: 0"}
        manager.serve.send_signal(signal.SIGHUP)
        reloading = manager.until("RELOADING")
        with open("/proc/uptime") as uptime:
            now = float(uptime.read().split()[0])
        assert abs(int(reloading["MONOTONIC_USEC"]) / 1e6 - now) < SECONDS
        manager.until("READY")
        manager.serve.terminate()
        manager.until("STOPPING")
        assert manager.serve.wait(SECONDS) == 0
        assert [set(one) - {"STATUS", "MONOTONIC_USEC"} for one in manager.told] == [
            {"READY"}, {"RELOADING"}, {"READY"}, {"STOPPING"},
        ]  # fmt: skip


def test_a_restart_is_no_stop(folder: Path) -> None:
    """A manager would end a program that says that it stops and goes on."""
    with managed(folder, f"{folder}/notify", "-s") as manager:
        manager.until("READY")
        ask(folder, "restart now")
        manager.until("RELOADING")
        manager.until("READY")
        assert not any("STOPPING" in one for one in manager.told)
        ask(folder, "stop 3")
        manager.until("STOPPING")
        assert manager.serve.wait(SECONDS) == 3


def test_the_watchdog_hears_of_the_event_loop(folder: Path) -> None:
    with managed(folder, f"{folder}/notify", WATCHDOG_USEC="100000") as manager:
        manager.until("READY")
        assert "STATUS" in manager.until("WATCHDOG")
        manager.until("WATCHDOG")


def test_the_watchdog_of_another_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", f"{folder}/notify")
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    for pid, watched in ((str(os.getpid()), True), ("1", False)):
        monkeypatch.setenv("WATCHDOG_PID", pid)
        manager = notify.service_manager()
        assert manager._watched is watched
        manager.close()


def test_a_start_that_fails_says_why(folder: Path) -> None:
    (folder / "extmodule.conf").write_text("[listener p]\ntype=unix\npath=/nonexistent/x\n")
    with managed(folder, f"{folder}/notify") as manager:
        manager.until("STOPPING")
        assert manager.serve.wait(SECONDS) == 1
        assert "listener 'p': unix /nonexistent/x: No such" in manager.told[0]["STATUS"]
        assert not any("READY" in one for one in manager.told)


def test_scripts_do_not_inherit_the_socket(folder: Path) -> None:
    script = folder / "env.sh"
    script.write_text(f"#!/bin/sh\nenv >{folder}/env\n")
    script.chmod(0o755)
    os.mkfifo(folder / "env")
    (folder / "extmodule.conf").write_text(f"[execute]\n{script}=\n")
    with managed(folder, f"{folder}/notify") as manager:
        manager.until("READY")
        environment = (folder / "env").read_text()
        manager.serve.terminate()
        manager.until("STOPPING")
        manager.serve.wait(SECONDS)
    assert "PATH=" in environment
    assert not re.search("^NOTIFY_SOCKET=", environment, re.M)


def test_nobody_listens(folder: Path) -> None:
    """A manager that has gone holds nothing up."""
    environment = {**os.environ, "NOTIFY_SOCKET": f"{folder}/gone"}
    serve = subprocess.Popen(
        [sys.executable, "-m", "console", "serve", "-c", folder, "-l", os.devnull],
        env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert serve.stderr is not None
    assert "ready" in serve.stderr.readline()
    serve.terminate()
    assert serve.wait(SECONDS) == 0
    serve.stderr.close()
