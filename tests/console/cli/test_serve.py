"""`yext serve -s`: the engine starts again when `restart` asks for it."""

import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "rmanager.conf").write_text(
        f"[general]\nport=0\npath={tmp_path}/manager\ntelnet=no\nheader=\n"
    )
    return tmp_path


@pytest.fixture
def serve(conf: Path) -> Iterator[subprocess.Popen[str]]:
    serving = subprocess.Popen(
        [sys.executable, "-m", "console", "serve", "-s", "-c", str(conf), "-l", os.devnull],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    yield serving
    serving.kill()
    serving.communicate()


def _ready(stderr: IO[str] | None) -> None:
    assert stderr is not None
    assert select.select([stderr], [], [], 20)[0], "nothing comes"
    assert "ready" in stderr.readline()


class Operator:
    """A plain connection to the remote manager."""

    def __init__(self, conf: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(20)
        self._socket.connect(str(conf / "manager"))

    def ask(self, line: str) -> str:
        self._socket.sendall(line.encode() + b"\r\n")
        return self._socket.recv(65536).decode()

    def ended(self) -> bool:
        return self._socket.recv(65536) == b""

    def close(self) -> None:
        self._socket.close()


def test_restart_now(conf: Path, serve: subprocess.Popen[str]) -> None:
    _ready(serve.stderr)
    operator = Operator(conf)
    assert operator.ask("restart now") == "Engine restarting - bye!\r\n"
    assert operator.ended()
    operator.close()
    _ready(serve.stderr)
    assert serve.poll() is None
    again = Operator(conf)
    assert "supervised=true" in again.ask("status engine")
    again.ask("stop 5")
    assert serve.wait(20) == 5
    again.close()


def test_restart_when_the_operator_leaves(conf: Path, serve: subprocess.Popen[str]) -> None:
    _ready(serve.stderr)
    operator = Operator(conf)
    assert operator.ask("restart") == "Restart scheduled - please disconnect\r\n"
    assert "Uptime" in operator.ask("uptime")
    operator.close()
    _ready(serve.stderr)
    assert serve.poll() is None
