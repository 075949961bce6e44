"""Who is at the other end of a connection: its address, and the system user it runs as.

Sources: unix(7) for SO_PEERCRED, sock_diag(7) for the exact question about one TCP socket,
proc(5) for the table of sockets where the system does not answer that.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import socket
import struct
from pathlib import Path
from typing import Any

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
_NLMSG_ERROR = 2
_NLM_F_REQUEST = 1
_ANY_STATE = _NO_COOKIE = 0xFFFFFFFF

_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBBI")
_OWNER_AT = _HEADER.size + 4 + 48 + 12
"""Where the owner and the inode stand: after family and state, ids, and three counters."""

_TABLE_MAX = 4 * 1024 * 1024
"""Bytes of the table of sockets that are read at most: some 25,000 connections."""


def address(found: socket.socket, peername: object, path: str) -> str:
    """How the log and ``cmd_address`` name a peer: ``127.0.0.1:40112``, ``[::1]:40112``, or
    the path of a UNIX listener."""
    if not isinstance(peername, tuple):
        return path
    host, port = peername[0], peername[1]
    return f"[{host}]:{port}" if found.family == socket.AF_INET6 else f"{host}:{port}"


def source(found: socket.socket, peername: object) -> str:
    """What guesses are counted by: the address, of IPv6 its network (/64), or the user."""
    if not isinstance(peername, tuple):
        return f"uid {owner(found)}"
    host = str(peername[0]).partition("%")[0]
    if found.family != socket.AF_INET6:
        return host
    return str(ipaddress.IPv6Network((host, 64), strict=False))


def owner(found: socket.socket) -> int | None:
    """The system user who opened the other end of a connection on this machine, or None."""
    if found.family == socket.AF_UNIX:
        credentials = found.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int(struct.unpack("3i", credentials)[1])
    try:
        peer, own = found.getpeername(), found.getsockname()
    except OSError:
        return None
    answer = _ask(found.family, peer, own)
    if answer is None:
        answer = _look_up(found.family, peer, own)
    if answer is None:
        return None
    uid, inode = answer
    # A socket that was closed has no inode, and on older systems then counts as root's.
    if not inode and not uid and not tells_owner_of_closed():
        return None
    return uid


def is_same_user(found: socket.socket) -> bool:
    """Whether the other end was opened by the user that runs the engine."""
    return owner(found) == os.getuid()


@functools.cache
def tells_owner_of_closed() -> bool:
    """Whether the system tells the true owner of a socket that was closed (Linux 6.17 does).

    Tried out: a socket given to the user nobody is closed, and must still be nobody's. Only
    root can do that, and only for root the difference matters.
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
            return _ask(socket.AF_INET, *ends) == (nobody, 0)


def _ask(family: int, peer: Any, own: Any) -> tuple[int, int] | None:
    """Owner and inode of the socket that is bound to `peer` and connected to `own`."""
    ends = struct.pack("!HH", peer[1], own[1]) + _packed(family, peer) + _packed(family, own)
    ends += struct.pack("=III", 0, _NO_COOKIE, _NO_COOKIE)
    request = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, _ANY_STATE) + ends
    length = _HEADER.size + len(request)
    header = _HEADER.pack(length, SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as asked:
            asked.setblocking(False)  # The system answers within the call that asks.
            asked.send(header + request)
            answer = asked.recv(4096)
    except OSError:
        return None
    if len(answer) < _OWNER_AT + 8 or _HEADER.unpack_from(answer)[1] == _NLMSG_ERROR:
        return None
    uid, inode = struct.unpack_from("=II", answer, _OWNER_AT)
    return uid, inode


def _packed(family: int, end: Any) -> bytes:
    return socket.inet_pton(family, end[0].partition("%")[0]).ljust(16, b"\0")


def _look_up(family: int, peer: Any, own: Any) -> tuple[int, int] | None:
    wanted = f"{_hex_end(family, peer)} {_hex_end(family, own)}"
    table = "/proc/net/tcp6" if family == socket.AF_INET6 else "/proc/net/tcp"
    try:
        with Path(table).open() as file:
            lines = file.read(_TABLE_MAX).splitlines()[1:]
    except OSError:
        return None
    for line in lines:
        fields = line.split()
        if len(fields) > 9 and f"{fields[1]} {fields[2]}" == wanted:
            return int(fields[7]), int(fields[9])
    return None


def _hex_end(family: int, end: Any) -> str:
    packed = socket.inet_pton(family, end[0].partition("%")[0])
    words = [packed[at : at + 4] for at in range(0, len(packed), 4)]
    host = "".join(f"{int.from_bytes(word, 'little'):08X}" for word in words)
    return f"{host}:{end[1]:04X}"
