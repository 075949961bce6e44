"""A real nats-server, as Debian's package has it, started by the tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.ports import free_port

SECONDS = 20.0


class NatsServer:
    """One server, which can be killed, stopped in its tracks, and started again at its port.

    Args:
        folder: where its configuration is written.
        conf: lines of the configuration beside the port.
    """

    def __init__(self, folder: Path, conf: str = "") -> None:
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._file = folder / f"nats-{self.port}.conf"
        self._process: subprocess.Popen[bytes] | None = None
        self.configure(conf)

    def configure(self, conf: str) -> None:
        """Write the configuration, for the next start."""
        self._file.write_text(f"listen: 127.0.0.1:{self.port}\n{conf}\n")

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        program = shutil.which("nats-server") or "/usr/sbin/nats-server"
        self._process = subprocess.Popen(
            [program, "-c", self._file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            assert self._process.poll() is None, f"nats-server ended: {self._file.read_text()}"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise AssertionError("nats-server does not listen")

    def signal(self, number: int) -> None:
        """Send it a signal: SIGSTOP has it hang, SIGCONT go on."""
        assert self._process is not None
        os.kill(self._process.pid, number)

    def stop(self) -> None:
        """Kill it, and wait until it has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> NatsServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
        self.stop()
