"""Who gets in at a listener, and at which addresses it may listen.

Without a password, only system users of this machine get in whom the kernel identifies at the
other end of the connection: the one who runs the engine, and those who are named.
"""

from __future__ import annotations

import errno
import os
import socket
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from yext.errors import ListenError
from yext.listening import ListenerSpec, SocketKind
from yext.sockets import peercred

if TYPE_CHECKING:
    import ssl


class Admission(Enum):
    """What becomes of a connection that has arrived."""

    IN = "it is let in"
    PASSWORD = "it is let in with a password"
    REFUSED = "it is refused"


class Access(NamedTuple):
    """What a listener asks of a connection.

    Attributes:
        password: the password as it is stored, empty for none.
        users: the ids of further system users who get in without it.
        everyone: whether everybody gets in where there is no password.
        tls: what secures connections, None for nothing.
    """

    password: str = ""
    users: frozenset[int] = frozenset()
    everyone: bool = False
    tls: ssl.SSLContext | None = None

    @property
    def for_other_machines(self) -> bool:
        """Whether somebody on another machine can be let in."""
        return bool(self.password) or self.everyone

    @property
    def for_other_users(self) -> bool:
        """Whether another system user than the engine's can be let in."""
        return self.for_other_machines or bool(self.users)

    def admit(self, connected: socket.socket) -> Admission:
        """Decide about a connection."""
        if self.everyone and not self.password:
            return Admission.IN
        trusted = self.users if self.password else self.users | {os.getuid()}
        if trusted and peercred.owner(connected) in trusted:
            return Admission.IN
        return Admission.PASSWORD if self.password else Admission.REFUSED


def user_name(uid: int | None) -> str:
    """Return the name of a system user, or its number if it has none."""
    if uid is None:
        return "a user who is not known"
    import pwd  # Only those who are refused need a name.

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def check_loopback(spec: ListenerSpec, hint: str = "") -> None:
    """Check that no other machine reaches the address of `spec`.

    Only for connections from this machine can the user at the other end be found out.

    Args:
        spec: where to listen.
        hint: what to do about it.

    Raises:
        ListenError: other machines could reach the address.
    """
    if spec.kind is SocketKind.UNIX:
        return
    try:
        found = socket.getaddrinfo(spec.addr, spec.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a valid host name"
        raise ListenError(spec.name, f"addr={spec.addr}: {reason}") from error
    for _, _, _, _, address in found:
        host = str(address[0])
        if not (host.startswith("127.") or host == "::1"):
            text = f"addr={spec.addr}: not opened to other machines while no password is set"
            text += f"; do: {hint}" if hint else ""
            raise ListenError(spec.name, text, errno.EACCES)
