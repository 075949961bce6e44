"""Helpers for tests of the remote manager: a served engine, and raw clients of it."""

from __future__ import annotations

import os
import random
import re
import select
import socket
import ssl
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from ports import free_port

ROOT = Path(__file__).parents[1]

SECONDS = 20.0
"""Timeout, in seconds, for things that should happen at once: machines stall."""


class Client:
    """A raw connection."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.socket.settimeout(SECONDS)
        self.data = bytearray()

    def send(self, text: str | bytes) -> None:
        self.socket.sendall(text.encode() if isinstance(text, str) else text)

    def until(self, wanted: str | bytes) -> bytes:
        """Read until `wanted` has come; return everything up to and including it."""
        mark = wanted.encode() if isinstance(wanted, str) else wanted
        at = 0
        while (found := self.data.find(mark, at)) < 0:
            # Do not search the same bytes again: some replies have millions.
            at = max(0, len(self.data) - len(mark))
            piece = self.socket.recv(65536)
            assert piece, f"closed; wanted {mark!r}, came {self.data[-2000:]!r}"
            self.data += piece
        end = found + len(mark)
        taken = bytes(self.data[:end])
        del self.data[:end]
        return taken

    def ask(self, line: str) -> str:
        """Give a command and return its reply, up to a marker, without the timer messages."""
        mark = f"mark-{random.randrange(10**9)}"
        self.send(f"{line}\r\nhelp {mark}\r\n")
        text = self.until(f"No help for '{mark}'\r\n").decode()
        ignored = re.compile(rf"{mark}|^%%<message::false:engine\.timer:")
        lines = text.splitlines(keepends=True)
        return "".join(line for line in lines if ignored.search(line) is None)

    def rest(self) -> bytes:
        """Read until the other end closes."""
        while True:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                piece = b""
            if not piece:
                data = bytes(self.data)
                self.data.clear()
                return data
            self.data += piece

    def quiet(self, seconds: float = 0.1) -> bool:
        """True if nothing comes for this many seconds."""
        return not self.data and not select.select([self.socket], [], [], seconds)[0]

    def close(self) -> None:
        self.socket.close()


class Remote:
    """A served engine with the given rmanager.conf, in which ``PORT`` stands for its port."""

    def __init__(self, folder: Path, rmanager: str = "", extmodule: str = "") -> None:
        self.folder = folder
        self._ports: dict[str, int] = {}
        self.log = folder / "yext.log"
        self.scripts = folder / "scripts"
        self.scripts.mkdir(exist_ok=True)
        self._clients: list[Client] = []
        self.configure(rmanager or "[general]\nport=PORT\ntelnet=no\nheader=\n")
        text = f"[general]\nscripts_dir={self.scripts}/\n" + textwrap.dedent(extmodule)
        (folder / "extmodule.conf").write_text(self._filled(text))
        self._errors = open(folder / "errors", "w")  # noqa: SIM115
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "console", "serve", "--keep-going"),
                *("-c", folder, "-l", self.log, "-N", "alder"),
            ],
            cwd=ROOT,
            stderr=self._errors,
        )
        self.until(lambda: "ready" in (folder / "errors").read_text(), "the engine to be ready")

    def port(self, name: str = "PORT") -> int:
        """The port that replaces a word that begins with PORT."""
        if name not in self._ports:
            self._ports[name] = free_port()
        return self._ports[name]

    def configure(self, rmanager: str) -> None:
        text = self._filled(textwrap.dedent(rmanager))
        (self.folder / "rmanager.conf").write_text(text)

    def _filled(self, text: str) -> str:
        text = text.replace("FOLDER", str(self.folder))
        return re.sub(r"PORT\w*", lambda found: str(self.port(found[0])), text)

    def until(self, holds: Callable[[], object], what: str) -> None:
        """Wait for a condition that no descriptor signals."""
        deadline = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < deadline, f"waited for {what}\n{self.story()}"
            assert self.process.poll() is None, f"the engine ended\n{self.story()}"
            time.sleep(0.01)

    def story(self) -> str:
        log = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"{(self.folder / 'errors').read_text()}\n{log[-2500:]}"

    def logged(self, pattern: str) -> list[str]:
        """Return the lines of the log that match."""
        return [line for line in self.log.read_text().splitlines() if re.search(pattern, line)]

    def open(self, port: str = "PORT", source: str | None = None) -> Client:
        """Connect, from the loopback address `source` if given."""
        connected = socket.create_connection(
            ("127.0.0.1", self.port(port)), SECONDS, (source, 0) if source else None
        )
        return self.client(connected)

    def clients(self) -> list[Client]:
        """All clients opened so far."""
        return list(self._clients)

    def client(self, connected: socket.socket) -> Client:
        """Make a client of a connected socket, closed at the end of the test."""
        client = Client(connected)
        self._clients.append(client)
        return client

    def script(self, name: str, text: str) -> None:
        path = self.scripts / name
        path.write_text(textwrap.dedent(text).lstrip())
        path.chmod(0o755)

    def usage(self) -> tuple[int, int]:
        """Open descriptors, and resident memory in bytes."""
        process = psutil.Process(self.process.pid)
        return process.num_fds(), process.memory_info().rss

    def worked(self) -> float:
        """Processor time, in seconds, that the engine's main thread has used so far."""
        return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0]) / 1e9

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self.process.terminate()
        try:
            self.process.wait(SECONDS)
        finally:
            self.process.kill()
            self._errors.close()


def certificate(folder: Path, name: str, days: int = 2) -> tuple[Path, Path]:
    """A self-signed certificate for ``localhost`` and 127.0.0.1, and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(days)),
            *("-keyout", key, "-out", cert, "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def trusting(cert: Path) -> ssl.SSLContext:
    """A client's TLS context that trusts one certificate."""
    return ssl.create_default_context(cafile=str(cert))


def as_other_user(work: Callable[[], None]) -> int:
    """Call `work` in a process of the user nobody; return its exit code, 0 for success."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            os.setgid(65534)
            os.setuid(65534)
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
