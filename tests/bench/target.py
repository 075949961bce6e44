"""What is measured: engines and relays as processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

ANSWERER = Path(__file__).parent / "answerer.py"
ROOT = Path(__file__).parent.parent.parent

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Target:
    """A running process to be measured, and where it listens.

    `unix` and `tcp` are addresses for `client.connect`, `manager` is the remote manager's; empty
    where there is none. `install` tells whether peers have to install handlers.
    """

    name: str
    unix: str
    tcp: str
    install: bool = True
    manager: str = ""
    pid: int = 0

    def cpu(self) -> float:
        """Seconds of processor time used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def memory(self) -> int:
        """Bytes of memory resident now."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return 1024 * int(text.partition("VmRSS:")[2].split()[0])

    def peak(self) -> int:
        """Bytes of memory resident at most so far."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return 1024 * int(text.partition("VmHWM:")[2].split()[0])


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def process(*command: str) -> AsyncIterator[int]:
    """A process of the bench, from when it says that it is ready; yields its pid."""
    started = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
    )
    assert started.stderr is not None
    said = b""
    while b"ready" not in said:
        line = await started.stderr.readline()
        if not line:
            raise RuntimeError(f"{command}: {said.decode()}")
        said += line
    rest = asyncio.create_task(started.stderr.read())
    try:
        yield started.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            started.send_signal(signal.SIGTERM)
        await started.wait()
        await rest


@contextlib.asynccontextmanager
async def engine(
    *, scripts: tuple[str, ...] = (), options: str = "", program: str = "console"
) -> AsyncIterator[Target]:
    """`yext serve` with a unix and a tcp listener, a remote manager, and answerer scripts."""
    with tempfile.TemporaryDirectory(prefix="yext-bench-") as folder:
        conf = Path(folder) / "conf"
        conf.mkdir()
        port, manager = free_port(), free_port()
        unix = f"{folder}/peers"
        lines = "".join(f"answerer.py={parameter}\n" for parameter in scripts)
        (conf / "extmodule.conf").write_text(
            f"[general]\nscripts_dir={ANSWERER.parent}/\nmaxqueue=10000\n{options}\n"
            f"[listener unix]\ntype=unix\npath={unix}\nrole=global\n"
            f"[listener tcp]\ntype=tcp\nport={port}\nrole=global\n[scripts]\n{lines}"
        )
        (conf / "rmanager.conf").write_text(f"[general]\nport={manager}\nheader=\n")
        (conf / "yate.conf").write_text("[modules]\nregexroute.yate=no\n")
        command = (sys.executable, "-m", program)
        words = ("serve",) if program == "console" else ()
        async with process(*command, *words, "-c", str(conf), "-l", f"{folder}/log") as pid:
            yield Target(
                "yext",
                f"unix:{unix}",
                f"tcp:127.0.0.1:{port}",
                manager=f"tcp:127.0.0.1:{manager}",
                pid=pid,
            )


@contextlib.asynccontextmanager
async def relay(
    kind: str = "unix", *, fan: bool = False, scripts: tuple[str, ...] = ()
) -> AsyncIterator[Target]:
    """The reference on a unix or tcp listener; with a script it answers on pipes."""
    with tempfile.TemporaryDirectory(prefix="yext-bench-") as folder:
        port = free_port()
        where = f"tcp:{port}" if kind == "tcp" else f"unix:{folder}/peers"
        words = [sys.executable, "-m", "tests.bench.relay", *(["--fan"] if fan else []), where]
        if scripts:
            words += [str(ANSWERER), f"{scripts[0]},mute"]
        async with process(*words) as pid:
            yield Target(
                "relay", f"unix:{folder}/peers", f"tcp:127.0.0.1:{port}", install=False, pid=pid
            )
