"""The measured programs: engines and relays as processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import signal
import sys
import tempfile
import termios
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port

ANSWERER = Path(__file__).parent / "answerer.py"
ROOT = Path(__file__).parent.parent.parent

SEES_SECONDS = 30.0
"""How long a terminal is waited for."""

OUTPUT_MAX = 2**20
"""Bytes of a terminal's output that are kept."""


@dataclass
class Target:
    """A running process to measure, and its addresses.

    `unix` and `tcp` are addresses for `client.connect`, `manager` is that of the remote manager;
    each is empty if there is none. `install` is true if peers must install handlers.
    """

    name: str
    unix: str
    tcp: str
    install: bool = True
    manager: str = ""
    pid: int = 0

    def cpu(self) -> float:
        """Processor time, in seconds, of the main thread so far."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e9

    def memory(self) -> int:
        """Resident memory now, in bytes."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return 1024 * int(text.partition("VmRSS:")[2].split()[0])

    def peak(self) -> int:
        """Peak of resident memory so far, in bytes."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return 1024 * int(text.partition("VmHWM:")[2].split()[0])


@contextlib.asynccontextmanager
async def process(*command: str) -> AsyncIterator[int]:
    """Start a process, wait until it reports that it is ready, and yield its pid.

    Raises RuntimeError, with its output, if it ends instead.
    """
    started = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
    )
    assert started.stderr is not None
    output = b""
    while b"ready" not in output:
        line = await started.stderr.readline()
        if not line:
            raise RuntimeError(f"{command}: {output.decode()}")
        output += line
    rest = asyncio.create_task(started.stderr.read())
    try:
        yield started.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            started.send_signal(signal.SIGTERM)
        await started.wait()
        await rest


@contextlib.contextmanager
def configured(scripts: tuple[str, ...] = (), metrics: int = 0) -> Iterator[tuple[Path, Target]]:
    """Make a configuration directory, and the target (without a pid) of an engine that uses it.

    It has a unix and a tcp listener, a remote manager, an answerer for each of `scripts`, and
    metrics on the port `metrics` unless that is 0.
    """
    with tempfile.TemporaryDirectory(prefix="yext-bench-") as folder:
        conf = Path(folder) / "conf"
        conf.mkdir()
        port, manager = free_port(), free_port()
        unix = f"{folder}/peers"
        lines = "".join(f"answerer.py={parameter}\n" for parameter in scripts)
        (conf / "extmodule.conf").write_text(
            f"[general]\nscripts_dir={ANSWERER.parent}/\nmaxqueue=10000\n"
            f"[listener unix]\ntype=unix\npath={unix}\nrole=global\n"
            f"[listener tcp]\ntype=tcp\nport={port}\nrole=global\n[scripts]\n{lines}"
        )
        (conf / "rmanager.conf").write_text(f"[general]\nport={manager}\nheader=\n")
        (conf / "yate.conf").write_text("[general]\nnodename=bench\n")
        if metrics:
            (conf / "yext.conf").write_text(f"[metrics]\nport={metrics}\n")
        where = f"tcp:127.0.0.1:{manager}"
        yield conf, Target("yext", f"unix:{unix}", f"tcp:127.0.0.1:{port}", manager=where)


def served(conf: Path) -> tuple[str, ...]:
    """Return the command that runs `yext serve` on a configuration."""
    return sys.executable, "-m", "console", "serve", "-c", str(conf), "-l", f"{conf}/log"


@contextlib.asynccontextmanager
async def engine(*, scripts: tuple[str, ...] = (), metrics: int = 0) -> AsyncIterator[Target]:
    """Run `yext serve` on such a configuration."""
    with configured(scripts, metrics) as (conf, target):
        async with process(*served(conf)) as target.pid:
            yield target


class Terminal:
    """A program on a pseudo-terminal, as an operator uses it.

    Attributes:
        pid: the program's process id.
        output: the program's output since the last `ask`.
        gone: whether the program has closed the terminal.
    """

    def __init__(self, master: int, program: asyncio.subprocess.Process) -> None:
        self.pid = program.pid
        self.output = b""
        self.gone = False
        self._master = master
        self._program = program
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError:
            data = b""
        if not data:
            self.gone = True
            asyncio.get_running_loop().remove_reader(self._master)
        self.output = (self.output + data)[-OUTPUT_MAX:]
        self._more.set()

    async def sees(self, text: bytes) -> None:
        """Wait until the program has written `text`."""
        async with asyncio.timeout(SEES_SECONDS):
            while text not in self.output:
                self._more.clear()
                await self._more.wait()

    def type(self, keys: bytes) -> None:
        """Type keys."""
        os.write(self._master, keys)

    async def ask(self, line: bytes, answer: bytes) -> None:
        """Type a line and wait for the answer."""
        self.output = b""
        self.type(line + b"\r")
        await self.sees(answer)

    async def close(self) -> None:
        """End the program."""
        with contextlib.suppress(ProcessLookupError):
            self._program.send_signal(signal.SIGKILL)
        await self._program.wait()
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)


@contextlib.asynccontextmanager
async def terminal(*command: str) -> AsyncIterator[Terminal]:
    """Start a program on a pseudo-terminal of 80 columns and 24 rows."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    program = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        env=os.environ | {"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"},
    )  # fmt: skip
    os.close(slave)
    opened = Terminal(master, program)
    try:
        yield opened
    finally:
        await opened.close()


@contextlib.asynccontextmanager
async def relay(
    kind: str = "unix", *, way: str = "", scripts: tuple[str, ...] = ()
) -> AsyncIterator[Target]:
    """Run the reference on a unix or tcp listener; with a script, that answers on pipes.

    `way` is ``--fan`` or ``--echo`` for where the lines go.
    """
    with tempfile.TemporaryDirectory(prefix="yext-bench-") as folder:
        port = free_port()
        where = f"tcp:{port}" if kind == "tcp" else f"unix:{folder}/peers"
        words = [sys.executable, "-m", "tests.bench.relay", *([way] if way else []), where]
        if scripts:
            words += [str(ANSWERER), f"{scripts[0]},mute"]
        async with process(*words) as pid:
            yield Target(
                "relay", f"unix:{folder}/peers", f"tcp:127.0.0.1:{port}", install=False, pid=pid
            )
