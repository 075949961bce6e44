"""TCP and UNIX listeners for peers that are started elsewhere."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from yext.errors import ListenError
from yext.extmodule.receiver import Receiver

BACKLOG = 1024
"""Connections that may wait to be accepted; the system may allow fewer."""

UNIX_PATH_MAX = 107
"""Bytes that the path of a UNIX socket may take (unix(7): 108 with its NUL)."""

ROLES = ("", "global", "channel")


@dataclass(frozen=True, slots=True)
class ListenerSpec:
    """A ``[listener NAME]`` section: where to listen, and the role of who connects."""

    name: str
    kind: str
    path: str = ""
    addr: str = ""
    port: int = 0
    role: str = ""

    def where(self) -> str:
        """The address as an operator writes it: ``tcp 127.0.0.1:5040``, ``unix /run/x``."""
        if self.kind == "unix":
            return f"unix {self.path}"
        host = f"[{self.addr}]" if ":" in self.addr else self.addr
        return f"tcp {host}:{self.port}"


MakeReceiver = Callable[[str, str, str], Receiver]
"""Makes a receiver of a listener's name, where the peer comes from, and its role."""


class Listener:
    """One open listener."""

    def __init__(self, spec: ListenerSpec, make: MakeReceiver) -> None:
        self.spec = spec
        self._make = make
        self._server: asyncio.AbstractServer | None = None
        self._inode = 0

    async def open(self) -> None:
        """Starts to listen. Raises `ListenError` with the exact reason when it cannot."""
        bound = bind(self.spec)
        loop = asyncio.get_running_loop()
        if self.spec.kind == "unix":
            self._inode = os.stat(self.spec.path).st_ino
            self._server = await loop.create_unix_server(self._peer, sock=bound, backlog=BACKLOG)
        else:
            self._server = await loop.create_server(self._peer, sock=bound, backlog=BACKLOG)

    def close(self) -> None:
        """Stops listening; who is connected stays. The socket file goes if it is still ours."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self.spec.kind == "unix":
            try:
                if os.stat(self.spec.path).st_ino == self._inode:
                    os.unlink(self.spec.path)
            except OSError:
                pass

    def _peer(self) -> asyncio.Protocol:
        return _Arrival(self)

    def accept(self, transport: asyncio.Transport) -> Receiver:
        """Makes the receiver of a peer that has just connected."""
        found = cast(socket.socket, transport.get_extra_info("socket"))
        pid = None
        where = ""
        if self.spec.kind == "unix":
            credentials = found.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            pid = struct.unpack("3i", credentials)[0]
        else:
            peer = transport.get_extra_info("peername")
            where = f"{peer[0]}:{peer[1]}" if peer else ""
        receiver = self._make(self.spec.name, where, self.spec.role)
        receiver.pid = pid
        return receiver


class _Arrival(asyncio.Protocol):
    """Stands in until the connection is there, when the receiver takes its place."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        receiver = self._listener.accept(cast(asyncio.Transport, transport))
        cast(asyncio.Transport, transport).set_protocol(receiver)
        receiver.connection_made(transport)


def bind(spec: ListenerSpec) -> socket.socket:
    """A socket bound as `spec` says. Raises `ListenError`."""
    try:
        return _bind_unix(spec) if spec.kind == "unix" else _bind_tcp(spec)
    except OSError as error:
        code = errno.errorcode.get(error.errno or 0, "?")
        raise ListenError(
            spec.name, f"{spec.where()}: {error.strerror} ({code}, {error.errno})", error.errno
        ) from error


def _bind_tcp(spec: ListenerSpec) -> socket.socket:
    try:
        found = socket.getaddrinfo(
            spec.addr, spec.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror as error:
        raise ListenError(spec.name, f"addr={spec.addr}: {error.strerror}") from error
    family, kind, protocol, _, address = found[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    return made


def _bind_unix(spec: ListenerSpec) -> socket.socket:
    if len(os.fsencode(spec.path)) > UNIX_PATH_MAX:
        raise ListenError(
            spec.name, f"path={spec.path}: longer than the {UNIX_PATH_MAX} bytes a socket's may be"
        )
    _clear_dead_socket(spec)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(spec.path)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    return made


def _clear_dead_socket(spec: ListenerSpec) -> None:
    """Unlinks what is at the path only when it is a socket nobody listens on."""
    try:
        mode = os.lstat(spec.path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListenError(spec.name, f"path={spec.path}: something other than a socket is there")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(spec.path)
        except ConnectionRefusedError:
            os.unlink(spec.path)
            return
        except BlockingIOError:
            pass
    raise ListenError(
        spec.name, f"path={spec.path}: another program listens there", errno.EADDRINUSE
    )
