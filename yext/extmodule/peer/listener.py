"""TCP and UNIX listeners for peers that are started elsewhere."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import cast

from yext.errors import ListenError
from yext.extmodule.peer.peer import Receiver

BACKLOG = 1024
"""Connections that may wait to be accepted; the system may allow fewer."""


UNIX_PATH_MAX = 107
"""Bytes that the path of a UNIX socket may take (unix(7): 108 with its NUL)."""

READ_MAX = 32768
"""Bytes that are read from a peer in one turn: some 300 messages, 2 ms; then others have theirs."""

ROLES = ("", "global", "channel")


@dataclass(slots=True)
class ListenerSpec:
    """A ``[listener NAME]`` section: where to listen, and the role of who connects.

    `file` and `line` tell where it stands; it is the same listener wherever that is.
    """

    name: str
    kind: str
    path: str = ""
    addr: str = ""
    port: int = 0
    role: str = ""
    file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)

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
        bound = bind(await resolve(self.spec))
        loop = asyncio.get_running_loop()
        try:
            if self.spec.kind == "unix":
                self._inode = os.stat(self.spec.path).st_ino
                self._server = await loop.create_unix_server(
                    self._peer, sock=bound, backlog=BACKLOG
                )
            else:
                self._server = await loop.create_server(self._peer, sock=bound, backlog=BACKLOG)
        except OSError as error:
            # Two sockets may be bound to one address; only one of them may listen.
            bound.close()
            raise _failed(self.spec, error) from error

    def close(self) -> None:
        """Stops listening; who is connected stays. The socket file goes if it is still ours."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        if self.spec.kind == "unix":
            with suppress(OSError):
                if os.stat(self.spec.path).st_ino == self._inode:
                    os.unlink(self.spec.path)

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
        with suppress(AttributeError):  # Another event loop's transport may not know it.
            transport.max_size = READ_MAX  # type: ignore[attr-defined]
        receiver = self._listener.accept(cast(asyncio.Transport, transport))
        cast(asyncio.Transport, transport).set_protocol(receiver)
        receiver.connection_made(transport)


async def resolve(spec: ListenerSpec) -> ListenerSpec:
    """`spec` with its address as a number: names are looked up without blocking.

    Raises `ListenError` for a name that means nothing.
    """
    if spec.kind == "unix" or _family(spec.addr):
        return spec
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(spec.addr, spec.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise _no_address(spec, error) from error
    return replace(spec, addr=str(found[0][4][0]))


def bind(spec: ListenerSpec) -> socket.socket:
    """A socket bound as `spec` says. Raises `ListenError`."""
    try:
        return _bind_unix(spec) if spec.kind == "unix" else _bind_tcp(spec)
    except OSError as error:
        raise _failed(spec, error) from error


def examine(spec: ListenerSpec) -> None:
    """Raises `ListenError` where `spec` could not be listened on now; leaves nothing behind."""
    if spec.kind == "tcp":
        bind(spec).close()
        return
    _check_path(spec)
    directory = os.path.dirname(spec.path) or "."
    try:
        os.stat(directory)
    except OSError as error:
        raise _failed(spec, error) from error
    if not os.access(directory, os.W_OK | os.X_OK):
        raise _failed(spec, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def _failed(spec: ListenerSpec, error: OSError) -> ListenError:
    number = error.errno or 0
    code = errno.errorcode.get(number, "?")
    text = f"{spec.where()}: {os.strerror(number)} ({code}, {number})"
    hint = _HINTS.get((spec.kind, number), "")
    if hint:
        directory = os.path.dirname(spec.path) or "."
        text += f"; do: {hint.format(port=spec.port, directory=directory)}"
    return ListenError(spec.name, text, error.errno)


_HINTS = {
    ("tcp", errno.EADDRINUSE): "choose another port, or end what has it: ss -ltnp sport = {port}",
    ("tcp", errno.EACCES): "choose a port from 1024 up, or give the engine CAP_NET_BIND_SERVICE",
    ("tcp", errno.EADDRNOTAVAIL): "use an address of this machine: ip address",
    ("unix", errno.ENOENT): "mkdir -p {directory}",
    ("unix", errno.ENOTDIR): "use a directory that is one",
    ("unix", errno.EACCES): "let the engine's user write to {directory}",
    ("unix", errno.EROFS): "use a directory that can be written to",
}


def _no_address(spec: ListenerSpec, error: OSError | UnicodeError) -> ListenError:
    why = error.strerror if isinstance(error, OSError) else "it is no host name"
    return ListenError(spec.name, f"addr={spec.addr}: {why}; do: give an address of this machine")


def _family(addr: str) -> socket.AddressFamily | None:
    """The family of an address that is written as a number; None for a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, UnicodeError):
            socket.inet_pton(family, addr)
            return family
    return None


def _bind_tcp(spec: ListenerSpec) -> socket.socket:
    family = _family(spec.addr)
    address: tuple[object, ...] = (spec.addr, spec.port)
    if family is None:
        try:
            found = socket.getaddrinfo(spec.addr, spec.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise _no_address(spec, error) from error
        family, *_, address = found[0]
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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
    if _check_path(spec):
        os.unlink(spec.path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(spec.path)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    return made


def _check_path(spec: ListenerSpec) -> bool:
    """Whether a dead socket, on which nobody listens, is in the way at the path.

    Raises `ListenError` where something else is, or where the path is none for a socket.
    """
    if len(os.fsencode(spec.path)) > UNIX_PATH_MAX:
        raise ListenError(
            spec.name,
            f"path={spec.path}: longer than the {UNIX_PATH_MAX} bytes a socket's may be;"
            " do: use a shorter one, under /run for example",
            errno.ENAMETOOLONG,
        )
    try:
        mode = os.lstat(spec.path).st_mode
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _failed(spec, error) from error
    if not stat.S_ISSOCK(mode):
        raise ListenError(
            spec.name,
            f"path={spec.path}: something other than a socket is there;"
            " do: move it away, or use another path",
            errno.EEXIST,
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(spec.path)
        except ConnectionRefusedError:
            return True
        except BlockingIOError:
            pass
        except OSError as error:
            raise _failed(spec, error) from error
    raise ListenError(
        spec.name,
        f"path={spec.path}: another program listens there; do: end it, or use another path",
        errno.EADDRINUSE,
    )
