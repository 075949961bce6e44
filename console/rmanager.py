"""The remote manager: Yate's console over a plain connection.

Source: Yate's conf.d/rmanager.conf and the recordings in tests/conformance/vectors/rmanager.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from console.session import Session
from yext import conf, log
from yext.commands import EOL
from yext.conf import Conf, Problem
from yext.errors import ListenError
from yext.extmodule.listener import BACKLOG, ListenerSpec, bind
from yext.module import Module

if TYPE_CHECKING:
    from yext.engine import Engine

DEFAULT_PORT = 5038
DEFAULT_ADDR = "127.0.0.1"
DEFAULT_HEADER = (
    "YATE ${version}-${release} r${revision} (http://YATE.null.ro) ready on ${nodename}."
)

LINE_MAX = 65536
"""Bytes of a command line; one that is longer ends the connection."""

QUEUE_MAX = 20000
"""Command lines that may wait for their turn; more are read when these are done."""

_STATUS_PRIORITY = 80

_PIECES = re.compile(r"[\r\n\0\t]|[^\r\n\0\t]+")


@dataclass(frozen=True, slots=True)
class ManagerListener:
    """One section of rmanager.conf."""

    name: str
    addr: str
    port: int
    path: str
    header: str

    def spec(self) -> ListenerSpec:
        """What to bind."""
        kind = "unix" if self.path else "tcp"
        return ListenerSpec(self.name, kind, self.path, self.addr, self.port)


class RManager(Module):
    """Yate's rmanager module: listeners, and a connection for each operator."""

    name = "rmanager"
    title = "RManager"
    status_priority = _STATUS_PRIORITY
    track = False

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.connections: set[Connection] = set()
        self.listeners: dict[ManagerListener, asyncio.AbstractServer] = {}
        self.failed: list[ListenError] = []
        self._planned: tuple[ManagerListener, ...] = ()

    def read_conf(self) -> list[Problem]:
        file = self.engine.read_conf("rmanager")
        self._planned, problems = read_listeners(file)
        return [*file.problems, *problems]

    async def apply_conf(self) -> list[str]:
        lines: list[str] = []
        for listener in [one for one in self.listeners if one not in self._planned]:
            self._close(listener)
            lines.append(f"rmanager listener closed: {listener.spec().where()}")
        self.failed.clear()
        for listener in self._planned:
            if listener not in self.listeners:
                lines.append(await self._open(listener))
        return lines

    async def _open(self, listener: ManagerListener) -> str:
        spec = listener.spec()
        loop = asyncio.get_running_loop()
        try:
            check_local(spec)
            bound = bind(spec)
        except ListenError as error:
            self.failed.append(error)
            self.debug(log.WARN, f"Could not open rmanager {error}")
            return str(error)
        make = loop.create_unix_server if listener.path else loop.create_server
        self.listeners[listener] = await make(
            lambda: Connection(self, listener), sock=bound, backlog=BACKLOG
        )
        return f"rmanager listener opened: {spec.where()}"

    def _close(self, listener: ManagerListener) -> None:
        self.listeners.pop(listener).close()
        if listener.path:
            Path(listener.path).unlink(missing_ok=True)

    def status_params(self) -> str:
        return f"listeners={len(self.listeners)},conn={len(self.connections)}"

    async def stop(self, deadline: float) -> None:
        for listener in list(self.listeners):
            self._close(listener)
        for connection in list(self.connections):
            connection.close()


def read_listeners(file: Conf) -> tuple[tuple[ManagerListener, ...], list[Problem]]:
    """The listeners of rmanager.conf, one a section; without the file Yate's default one."""
    if not file.exists:
        return (ManagerListener("general", DEFAULT_ADDR, DEFAULT_PORT, "", DEFAULT_HEADER),), []
    listeners: list[ManagerListener] = []
    problems: list[Problem] = []
    for section in file.sections:
        port_text = file.get(section.name, "port", str(DEFAULT_PORT))
        port = conf.parse_int(port_text)
        if port is None or not 0 <= port < 65536:
            entry = file.entry(section.name, "port")
            place = entry or section
            text = f"port={port_text} is not a port, 1 to 65535"
            problems.append(Problem(place.file, place.line, "error", text))
            continue
        path = file.get(section.name, "path", "")
        if not port and not path:
            continue
        listeners.append(
            ManagerListener(
                section.name,
                file.get(section.name, "addr", DEFAULT_ADDR),
                port,
                path,
                file.get(section.name, "header", DEFAULT_HEADER),
            )
        )
    return tuple(listeners), problems


def check_local(spec: ListenerSpec) -> None:
    """Raises `ListenError` for an address that others could reach.

    Nothing but the system user who runs the engine gets in, and only on this machine can it
    be told who that is.
    """
    if spec.kind == "unix":
        return
    try:
        found = socket.getaddrinfo(spec.addr, spec.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise ListenError(spec.name, f"addr={spec.addr}: {error.strerror}") from error
    for _, _, _, _, address in found:
        host = str(address[0])
        if not (host.startswith("127.") or host == "::1"):
            raise ListenError(
                spec.name,
                f"addr={spec.addr}: not opened to other machines while no password is set",
                errno.EACCES,
            )


class Connection(asyncio.Protocol):
    """One plain connection: a command a line, and its reply."""

    def __init__(self, module: RManager, listener: ManagerListener) -> None:
        self._module = module
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._text = ""
        self._waiting: deque[tuple[bool, str]] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._ended = False
        self._paused = False
        self._drained = asyncio.Event()
        self._drained.set()
        self._unsubscribe: Callable[[], None] = _nothing
        self.session = Session(module.engine, "rmanager", as_yate=True, framed=True)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if not same_user(self._transport):
            self._module.debug(log.WARN, "Connection of another user refused: no password is set")
            self._transport.close()
            return
        peer = self._transport.get_extra_info("peername")
        address = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else self._listener.path
        self.session.address = address
        self.session.label = f"rmanager {address}"
        self._module.connections.add(self)
        self._unsubscribe = self._module.engine.log.subscribe(self._told)
        header = conf.replace_params(self._listener.header, self._module.engine.run_params)
        if header:
            self.write(f"\r{header}{EOL}")

    def data_received(self, data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        for piece in _pieces(text):
            if piece in "\r\n\0":
                self._queue(False, self._text)
                self._text = ""
            elif piece == "\t":
                self._queue(True, self._text)
            else:
                self._text += piece
        if len(self._text) > LINE_MAX:
            self.close()

    def _queue(self, completing: bool, line: str) -> None:
        if not line.strip() and not completing:
            return
        self._waiting.append((completing, line))
        if len(self._waiting) > QUEUE_MAX and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        """Carries out the lines in their order, at the speed the client reads."""
        try:
            while self._waiting and not self.session.closing:
                await self._drained.wait()
                completing, line = self._waiting.popleft()
                if completing:
                    await self._complete(line)
                else:
                    reply = await self.session.run(line)
                    self.write(reply.text)
                if self._paused and len(self._waiting) < QUEUE_MAX // 2 and self._transport:
                    self._paused = False
                    self._transport.resume_reading()
        except Exception as error:
            self._module.debug(log.WARN, f"{self.session.label}: {error!r}")
            log.logger.exception("a command of %s failed", self.session.label)
        finally:
            self._worker = None
        if self.session.closing or (self._ended and not self._waiting):
            self.close()
        elif self._waiting:
            self._worker = asyncio.get_running_loop().create_task(self._work())

    async def _complete(self, line: str) -> None:
        """TAB: as recorded, the whole line again with the one word, or all that fit."""
        words = await self.session.complete(line)
        head, blank, word = line.rpartition(" ")
        if len(words) == 1:
            self._text = f"{head}{blank}{words[0]} "
            self.write(f"\r\x1b[K\r{self._text}")
        elif words:
            common = _common_start(words)
            if len(common) > len(word):
                self._text = f"{head}{blank}{common}"
            self.write(EOL + "\t".join(words) + EOL + self._text)

    def _told(self, event: log.Event) -> None:
        session = self.session
        if event.kind == "debug":
            shown = session.debug and event.level <= session.threshold
        else:
            shown = session.output
        if shown:
            when = f"{log.stamp(event.when)} " if event.when else ""
            self.write(f"{when}{log.safe(event.line(), keep=chr(9))}{EOL}")

    def write(self, text: str) -> None:
        """Sends text to the client."""
        if text and self._transport is not None:
            self._transport.write(text.encode("utf-8", "surrogateescape"))

    def pause_writing(self) -> None:
        self._drained.clear()

    def resume_writing(self) -> None:
        self._drained.set()

    def eof_received(self) -> bool:
        """The client sends no more: what it sent is carried out, and answered if it listens."""
        self._ended = True
        if self._worker is None:
            self.close()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._drained.set()
        self.close()

    def close(self) -> None:
        """Ends the connection after what was written to it."""
        self._module.connections.discard(self)
        self._unsubscribe()
        if self._transport is not None:
            self._transport.close()


def _nothing() -> None:
    """Stands for what is to be ended, before there is anything."""


def _common_start(words: Sequence[str]) -> str:
    first, last = min(words), max(words)
    length = next((at for at, one in enumerate(first) if last[at : at + 1] != one), len(first))
    return first[:length]


def _pieces(text: str) -> Sequence[str]:
    """`text` cut before and after each line end and TAB."""
    return _PIECES.findall(text)


def same_user(transport: asyncio.Transport) -> bool:
    """Whether the peer runs as the user that runs the engine.

    A UNIX socket has peer credentials; for TCP on loopback the system's table of sockets
    tells the owner (proc(5), /proc/net/tcp).
    """
    found = cast(socket.socket, transport.get_extra_info("socket"))
    if found.family == socket.AF_UNIX:
        credentials = found.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return bool(struct.unpack("3i", credentials)[1] == os.getuid())
    return _tcp_owner(found) == os.getuid()


def _tcp_owner(found: socket.socket) -> int | None:
    peer, own = found.getpeername(), found.getsockname()
    table = "/proc/net/tcp6" if found.family == socket.AF_INET6 else "/proc/net/tcp"
    wanted = f"{_hex_address(found.family, peer)} {_hex_address(found.family, own)}"
    try:
        lines = Path(table).read_text().splitlines()[1:]
    except OSError:
        return None
    for line in lines:
        fields = line.split()
        if f"{fields[1]} {fields[2]}" == wanted:
            return int(fields[7])
    return None


def _hex_address(family: int, address: tuple[str, int]) -> str:
    packed = socket.inet_pton(family, address[0])
    words = [packed[at : at + 4] for at in range(0, len(packed), 4)]
    host = "".join(f"{int.from_bytes(word, 'little'):08X}" for word in words)
    return f"{host}:{address[1]:04X}"
