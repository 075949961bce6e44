"""The other end of a connection: its address, its process and its system user.

Sources: unix(7) for SO_PEERCRED, sock_diag(7) for a query about one TCP socket, proc(5) for the
table of sockets, which is read where the system does not answer the query.
"""

from __future__ import annotations

import functools
import os
import socket
import struct
from typing import Any, NamedTuple

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
_NLMSG_ERROR = 2
_NLM_F_REQUEST = 1
_ANY_STATE = _NO_COOKIE = 0xFFFFFFFF

_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBBI")
_STATE_AT = _HEADER.size + 1
_OWNER_AT = _HEADER.size + 4 + 48 + 12
"""The offset of the owner and the inode: after family and state, ids, and three counters."""

_TABLE_MAX = 4 * 1024 * 1024
"""How much of the table of sockets is read, in bytes: some 25,000 connections."""

_FIN_WAIT1 = 4
"""The state of a socket that was closed, until the other end acknowledges that (RFC 9293)."""

LOOPBACK = "127.0.0.0/8"
"""The source that all connections from the loopback network come from."""

_CREDENTIALS = struct.Struct("3i")


class PeerCredentials(NamedTuple):
    """The process that opened the other end of a UNIX socket (unix(7), SO_PEERCRED)."""

    pid: int
    uid: int
    gid: int


class _Entry(NamedTuple):
    """What the kernel knows of a TCP socket; the owner and the inode may be 0 for unknown."""

    state: int
    owner: int
    inode: int


def peer_credentials(connected: socket.socket) -> PeerCredentials:
    """Return the credentials of the process at the other end of a UNIX socket."""
    size = _CREDENTIALS.size
    found = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return PeerCredentials(*_CREDENTIALS.unpack(found))


def address(connected: socket.socket, peername: object, path: str) -> str:
    """Return the address of a peer as the log and ``cmd_address`` show it.

    Args:
        connected: the socket of the connection.
        peername: its peer name, as a transport has it.
        path: the path of the listener, which stands for the peers of a UNIX socket.

    Returns:
        ``127.0.0.1:40112``, ``[::1]:40112``, or `path`.
    """
    if not isinstance(peername, tuple):
        return path
    host, port = peername[0], peername[1]
    return f"[{host}]:{port}" if connected.family == socket.AF_INET6 else f"{host}:{port}"


def process(connected: socket.socket) -> str:
    """Return the process at the other end of a UNIX socket, ``pid 4121``; empty for a TCP one."""
    if connected.family != socket.AF_UNIX:
        return ""
    return f"pid {peer_credentials(connected).pid}"


def source(connected: socket.socket, peername: object) -> str:
    """Return the source that wrong passwords are counted by.

    It is the address, of IPv6 the network (/64), and of a UNIX socket the user. All addresses of
    the loopback network (127.0.0.0/8) are one source: any program here may use all of them.
    """
    if not isinstance(peername, tuple):
        return f"uid {owner(connected)}"
    host = str(peername[0]).partition("%")[0]
    if connected.family != socket.AF_INET6:
        return LOOPBACK if host.startswith("127.") else host
    import ipaddress  # Few peers need it, and a start must be quick.

    return str(ipaddress.IPv6Network((host, 64), strict=False))


def owner(connected: socket.socket) -> int | None:
    """Return the id of the system user who opened the other end of a connection.

    None for another machine, and where the system does not say.
    """
    if connected.family == socket.AF_UNIX:
        return peer_credentials(connected).uid
    try:
        peer, own = connected.getpeername(), connected.getsockname()
    except OSError:
        return None
    entry = _query(connected.family, peer, own) or _look_up(connected.family, peer, own)
    if entry is None:
        return None
    # A closed socket has no inode. Its owner is root only if the kernel still knows the owner:
    # never once the close is acknowledged, when nothing but a timer is left of the socket.
    closed_by_root = not entry.inode and not entry.owner
    if closed_by_root and not (entry.state == _FIN_WAIT1 and reports_owner_of_closed()):
        return None
    return entry.owner


def is_same_user(connected: socket.socket) -> bool:
    """Return True if the user who runs the engine opened the other end."""
    return owner(connected) == os.getuid()


@functools.cache
def reports_owner_of_closed() -> bool:
    """Return True if the system reports the true owner of a closed socket (Linux 6.17 does).

    It is tried out: a socket that belongs to the user nobody is closed, and must still be
    reported as nobody's. Only root can do that, and only for root the difference matters.
    """
    if os.getuid() != 0:
        return False
    nobody = 65534
    with socket.socket() as listening, socket.socket() as client:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        try:
            os.fchown(client.fileno(), nobody, -1)
        except OSError:
            return False
        client.connect(listening.getsockname())
        accepted, _ = listening.accept()
        with accepted:
            ends = accepted.getpeername(), accepted.getsockname()
            client.close()
            return _query(socket.AF_INET, *ends) == (_FIN_WAIT1, nobody, 0)


def _query(family: int, peer: Any, own: Any) -> _Entry | None:
    """Ask the kernel for the socket that is bound to `peer` and connected to `own`.

    Returns:
        Its entry, None where the kernel does not answer.
    """
    ends = struct.pack("!HH", peer[1], own[1]) + _packed(family, peer) + _packed(family, own)
    ends += struct.pack("=III", 0, _NO_COOKIE, _NO_COOKIE)
    request = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, _ANY_STATE) + ends
    length = _HEADER.size + len(request)
    header = _HEADER.pack(length, SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as link:
            link.setblocking(False)  # The kernel answers while it takes the query.
            link.send(header + request)
            answer = link.recv(4096)
    except OSError:
        return None
    if len(answer) < _OWNER_AT + 8 or _HEADER.unpack_from(answer)[1] == _NLMSG_ERROR:
        return None
    return _Entry(answer[_STATE_AT], *struct.unpack_from("=II", answer, _OWNER_AT))


def _packed(family: int, end: Any) -> bytes:
    return socket.inet_pton(family, end[0].partition("%")[0]).ljust(16, b"\0")


def _look_up(family: int, peer: Any, own: Any) -> _Entry | None:
    """Do the same as `_query` by the table in /proc/net."""
    wanted = f"{_hex_end(family, peer)} {_hex_end(family, own)}"
    table = "/proc/net/tcp6" if family == socket.AF_INET6 else "/proc/net/tcp"
    try:
        with open(table, encoding="ascii") as file:
            lines = file.read(_TABLE_MAX).splitlines()[1:]
    except OSError:
        return None
    for line in lines:
        fields = line.split()
        if len(fields) > 9 and f"{fields[1]} {fields[2]}" == wanted:
            return _Entry(int(fields[3], 16), int(fields[7]), int(fields[9]))
    return None


def _hex_end(family: int, end: Any) -> str:
    """An address and port as /proc/net/tcp spells them: words in the order of the machine."""
    packed = socket.inet_pton(family, end[0].partition("%")[0])
    words = [packed[at : at + 4] for at in range(0, len(packed), 4)]
    host = "".join(f"{int.from_bytes(word, 'little'):08X}" for word in words)
    return f"{host}:{end[1]:04X}"
