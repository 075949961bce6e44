"""Listening sockets: bind one, or say why not.

Used by the listeners for peers (`yext.extmodule.peer.listener`) and by those of the remote
manager (`console.server.rmanager`).
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum

from yext.conf import Problem, Severity
from yext.errors import ListenError
from yext.sockets.accepting import Acceptor
from yext.sockets.descriptors import PEER_RESERVE

BACKLOG = 1024
"""Connections that may wait to be accepted; the system may allow fewer."""

UNIX_PATH_MAX = 107
"""The longest path of a UNIX socket, in bytes (unix(7): 108 with its NUL)."""


class SocketKind(StrEnum):
    """The kind of socket to listen on, by the word for it in configuration files."""

    TCP = "tcp"
    UNIX = "unix"


class ListenerSpec:
    """Where a listener listens.

    Two of them are equal if they have the same name and the same address. The place in the
    configuration is not compared: a listener whose lines have moved is still the same.

    Attributes:
        name: the listener's name in the configuration.
        kind: TCP or UNIX.
        path: the path of a UNIX socket.
        addr: the address of a TCP socket, a number or a host name.
        port: the port of a TCP socket.
        file: the configuration file that it comes from.
        line: its line there, from 1.
        mode: the permissions of a UNIX socket.
        group: its group by number, None for the engine's own.
    """

    # No dataclass: each start imports this module, and making one takes half a millisecond.
    __slots__ = ("addr", "file", "group", "kind", "line", "mode", "name", "path", "port")

    def __init__(
        self,
        name: str,
        kind: SocketKind,
        path: str = "",
        addr: str = "",
        port: int = 0,
        file: str = "",
        line: int = 0,
    ) -> None:
        self.name = name
        self.kind = kind
        self.path = path
        self.addr = addr
        self.port = port
        self.file = file
        self.line = line
        self.mode = 0o600
        self.group: int | None = None

    def key(self) -> tuple[object, ...]:
        """Return what is compared."""
        return self.name, self.kind, self.path, self.addr, self.port, self.mode, self.group

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ListenerSpec) and self.key() == other.key()

    def where(self) -> str:
        """Return the address as an operator writes it: ``tcp 127.0.0.1:5040``, ``unix /run/x``."""
        if self.kind is SocketKind.UNIX:
            return f"unix {self.path}"
        host = f"[{self.addr}]" if ":" in self.addr else self.addr
        return f"tcp {host}:{self.port}"


class ListeningServer:
    """A socket that is being listened on; made by `listen`."""

    def __init__(self, acceptor: Acceptor, path: str = "") -> None:
        self._acceptor = acceptor
        self._path = path
        self._file = os.stat(path) if path else None

    def close(self) -> None:
        """Stop listening; connections stay open.

        The file of a UNIX socket is removed, unless another program has replaced it.
        """
        if self._file is not None:
            with suppress(OSError):
                # While the socket is open, no other file can have the number of its inode.
                if os.path.samestat(os.lstat(self._path), self._file):
                    os.unlink(self._path)
        self._acceptor.close()


async def listen(
    spec: ListenerSpec,
    make_protocol: Callable[[], asyncio.Protocol],
    report: Callable[[str], None],
    reserve: int = PEER_RESERVE,
) -> ListeningServer:
    """Listen as `spec` says.

    Args:
        spec: where to listen.
        make_protocol: called for each connection; returns its protocol.
        report: logs a line when no more connections are accepted for want of descriptors, and
            when they are again.
        reserve: descriptors that the connections leave free.

    Raises:
        ListenError: with the reason and a hint.
    """
    bound = bind(await resolve(spec))

    def tell(stopped: bool, reason: str) -> None:
        verb = "accepts nobody" if stopped else "accepts connections again"
        report(f"listener '{spec.name}': {spec.where()} {verb}: {reason}")

    try:
        bound.listen(BACKLOG)
        return ListeningServer(Acceptor(bound, make_protocol, reserve, tell), spec.path)
    except OSError as error:
        # Two sockets may be bound to one address; only one of them may listen.
        bound.close()
        raise _system_error(spec, error) from error


async def resolve(spec: ListenerSpec) -> ListenerSpec:
    """Look up the host name of `spec`, without blocking.

    Returns:
        `spec` with a numeric address.

    Raises:
        ListenError: the name has no address.
    """
    if spec.kind is SocketKind.UNIX or _family(spec.addr):
        return spec
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(spec.addr, spec.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise _no_address(spec, error) from error
    return ListenerSpec(spec.name, spec.kind, addr=str(found[0][4][0]), port=spec.port)


def bind(spec: ListenerSpec) -> socket.socket:
    """Return a non-blocking socket that is bound as `spec` says.

    Raises:
        ListenError: with the reason and a hint.
    """
    try:
        return _bind_unix(spec) if spec.kind is SocketKind.UNIX else _bind_tcp(spec)
    except OSError as error:
        raise _system_error(spec, error) from error


def examine(spec: ListenerSpec) -> None:
    """Check that `spec` could be listened on now. Leaves nothing behind.

    Raises:
        ListenError: as `listen` would.
    """
    if spec.kind is SocketKind.TCP:
        bind(spec).close()
        return
    _stale_socket(spec)
    directory = os.path.dirname(spec.path) or "."
    try:
        os.stat(directory)
    except OSError as error:
        raise _system_error(spec, error) from error
    if not os.access(directory, os.W_OK | os.X_OK):
        raise _system_error(spec, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def examine_listeners(specs: Sequence[ListenerSpec]) -> list[Problem]:
    """Return an error for each listener that could not be opened now.

    Of several listeners on one address the first is examined, the others are errors.
    """
    problems: list[Problem] = []
    taken: dict[str, ListenerSpec] = {}
    for spec in specs:
        other = taken.setdefault(spec.where(), spec)
        if other is not spec:
            text = f"listener '{spec.name}': {spec.where()} is that of '{other.name}' already"
            problems.append(Problem(spec.file, spec.line, Severity.ERROR, text))
            continue
        try:
            examine(spec)
        except ListenError as error:
            problems.append(Problem(spec.file, spec.line, Severity.ERROR, str(error)))
    return problems


# Binding


def _family(addr: str) -> socket.AddressFamily | None:
    """The family of a numeric address; None for a host name."""
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
    if _stale_socket(spec):
        os.unlink(spec.path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # The file has these permissions from its first moment on.
        os.fchmod(made.fileno(), 0o600)
        made.bind(spec.path)
        made.setblocking(False)
        _set_permissions(spec)
    except BaseException:
        made.close()
        raise
    return made


def _set_permissions(spec: ListenerSpec) -> None:
    try:
        if spec.group is not None:
            os.chown(spec.path, -1, spec.group)
        os.chmod(spec.path, spec.mode)
    except OSError:
        os.unlink(spec.path)
        raise


def _stale_socket(spec: ListenerSpec) -> bool:
    """Return True if a socket that nobody listens on is left at the path.

    Raises:
        ListenError: the path is too long, or something else is there.
    """
    if len(os.fsencode(spec.path)) > UNIX_PATH_MAX:
        reason = f"longer than the {UNIX_PATH_MAX} bytes that the path of a socket may have"
        hint = "use a shorter one, under /run for example"
        raise _bad_path(spec, reason, hint, errno.ENAMETOOLONG)
    try:
        mode = os.lstat(spec.path).st_mode
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _system_error(spec, error) from error
    if not stat.S_ISSOCK(mode):
        reason = "something other than a socket is there"
        raise _bad_path(spec, reason, "move it away, or use another path", errno.EEXIST)
    if _is_listened_on(spec):
        reason = "another program listens there"
        raise _bad_path(spec, reason, "stop it, or use another path", errno.EADDRINUSE)
    return True


def _is_listened_on(spec: ListenerSpec) -> bool:
    """Return True if a program accepts connections at the path of `spec`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(spec.path)
        except ConnectionRefusedError:
            return False
        except BlockingIOError:
            return True
        except OSError as error:
            raise _system_error(spec, error) from error
    return True


# Errors


def _system_error(spec: ListenerSpec, error: OSError) -> ListenError:
    """The error of a system call, with a hint where there is one."""
    number = error.errno or 0
    code = errno.errorcode.get(number, "?")
    text = f"{spec.where()}: {os.strerror(number)} ({code}, {number})"
    hint = _HINTS.get((spec.kind, number), "")
    if hint:
        directory = os.path.dirname(spec.path) or "."
        text += f"; do: {hint.format(port=spec.port, directory=directory)}"
    return ListenError(spec.name, text, error.errno)


_TCP, _UNIX = SocketKind.TCP, SocketKind.UNIX

_HINTS = {
    (_TCP, errno.EADDRINUSE): "choose another port, or stop the program that uses it:"
    " ss -ltnp sport = {port}",
    (_TCP, errno.EACCES): "choose a port from 1024 up, or give the engine CAP_NET_BIND_SERVICE",
    (_TCP, errno.EADDRNOTAVAIL): "use an address of this machine: ip address",
    (_UNIX, errno.ENOENT): "mkdir -p {directory}",
    (_UNIX, errno.ENOTDIR): "use an existing directory",
    (_UNIX, errno.EACCES): "allow the engine's user to write to {directory}",
    (_UNIX, errno.EPERM): "give group= a group that the engine's user is in",
    (_UNIX, errno.EROFS): "use a writable directory",
}
"""What to do about a failed system call, by kind of socket and error number."""


def _no_address(spec: ListenerSpec, error: OSError | UnicodeError) -> ListenError:
    reason = error.strerror if isinstance(error, OSError) else "not a valid host name"
    text = f"addr={spec.addr}: {reason}; do: give an address of this machine"
    return ListenError(spec.name, text)


def _bad_path(spec: ListenerSpec, reason: str, hint: str, number: int) -> ListenError:
    return ListenError(spec.name, f"path={spec.path}: {reason}; do: {hint}", number)
