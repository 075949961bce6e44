"""The tested engine as a process: its work folder, ports, start, log and end."""

import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from ports import claim_port

from .matching import NODE, Mismatch, Unplayable

COMMAND = [sys.executable, "-m", "console", "serve", "--keep-going"]
"""The tested command; the configuration, log and node name are added."""

REPOSITORY = Path(__file__).parents[3]


class Patience:
    """How long the player waits for the next event of a recording.

    In the recording it came at once, but machines stall. The wait is shorter for a case that is
    known to deviate.
    """

    USUAL = 10.0
    SHORT = 2.0

    def __init__(self) -> None:
        self.seconds = self.USUAL


patience = Patience()

_READY_TIMEOUT = 30.0
_LOG_TAIL = 20


def until(holds: Callable[[], bool], timeout: float | None = None) -> bool:
    """Wait for a condition that no descriptor signals (a file, a reaped child); check it often."""
    deadline = time.monotonic() + (patience.seconds if timeout is None else timeout)
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


class Engine:
    """An engine in a work folder of its own; a context manager that always cleans up.

    `folder` is the work folder (its path is short, since it holds UNIX sockets), `folder/conf` the
    configuration and `folder/yate.log` the log.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="yext-"))
        (self.folder / "conf").mkdir()
        self._ports: dict[str, int] = {}
        self._claims: list[socket.socket] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: list[str] = []
        self._ready = threading.Event()
        self._reader: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._reader is not None:
            self._process.kill()
            self._process.wait()
            self._reader.join(patience.seconds)
        for claim in self._claims:
            claim.close()
        # A script that the engine left behind may still be writing to it.
        shutil.rmtree(self.folder, ignore_errors=True)

    def ports(self, name: str) -> int:
        """Return the port of a listener; the same name gives the same port."""
        if name not in self._ports:
            self._ports[name], claim = claim_port()
            self._claims.append(claim)
        return self._ports[name]

    def write(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Write a file, with its folders, under the work folder or at an absolute path in it."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(mode)

    def start(self, *options: str) -> None:
        """Start it and wait until its listeners accept. Raises Unplayable if they never do."""
        command = [*COMMAND, "-c", str(self.folder / "conf"), "-l", str(self.log), "-N", NODE]
        self._process = subprocess.Popen(
            [*command, *options],
            cwd=REPOSITORY,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()
        if not self._ready.wait(_READY_TIMEOUT) or not self._said_ready():
            raise Unplayable(f"the engine did not become ready\n{self.story()}")

    def _read_errors(self) -> None:
        assert self._process is not None and self._process.stderr is not None
        with self._process.stderr as errors:
            for line in errors:
                self._errors.append(line.decode(errors="replace").rstrip())
                if "ready" in self._errors[-1]:
                    self._ready.set()
        self._ready.set()

    def _said_ready(self) -> bool:
        return any("ready" in line for line in self._errors)

    @property
    def log(self) -> Path:
        return self.folder / "yate.log"

    def log_bytes(self) -> bytes:
        return self.log.read_bytes() if self.log.exists() else b""

    def story(self) -> str:
        """The ends of the engine's log and standard error, for the message of a failure."""
        log = self.log_bytes().decode(errors="replace").splitlines()[-_LOG_TAIL:]
        return "\n".join(
            ["the log ends:", *(f"    {line}" for line in log)]
            + (["standard error ends:"] if self._errors else [])
            + [f"    {line}" for line in self._errors[-_LOG_TAIL:]]
        )

    def signal(self, number: int) -> None:
        self._running.send_signal(number)

    def exit_code(self) -> int:
        """Wait for its end and return the exit code, negative for a signal."""
        try:
            return self._running.wait(patience.seconds)
        except subprocess.TimeoutExpired:
            raise Mismatch("the engine did not end") from None

    def check_alive(self) -> None:
        code = self._running.poll()
        if code is not None:
            raise Mismatch(f"the engine has ended, with code {code}")

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise Unplayable("the engine was not started")
        return self._process


def _environment() -> dict[str, str]:
    # Compiling the engine again for each of a thousand starts would double their time.
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"CONF_MARK": "from-engine-env"}


class Script:
    """A process that the engine started, watched by its pid."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._pidfd: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._pidfd = None

    def gone(self, seconds: float) -> bool:
        """True if it ends within this many seconds; it may still be a zombie."""
        return self._pidfd is None or readable([self._pidfd], seconds)

    def reaped(self) -> bool:
        """True if the engine has reaped it, or does so soon."""
        return until(lambda: not Path(f"/proc/{self.pid}").exists(), 2.0)

    def close(self) -> None:
        if self._pidfd is not None:
            os.close(self._pidfd)


def readable(descriptors: Sequence[int], seconds: float) -> bool:
    """Wait at most this many seconds until one of the descriptors can be read."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(seconds, 0) * 1000))
