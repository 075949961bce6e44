"""Gets into a remote manager: a connection, and the password that it wants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from console.client.connection import Wire
from console.client.hosts import Host, read_password
from console.replies.parse import reply_of


class NotAllowed(Exception):
    """The remote manager does not take the password, or there is none to give."""


@dataclass
class Secret:
    """The password of a host.

    Attributes:
        file: the file that holds it, empty where it is asked for.
        known: what was read or typed, so that a reconnection need not ask again.
    """

    file: str = ""
    ask: Callable[[], str] | None = None
    known: str = ""

    def get(self) -> str:
        """The password, empty for none. Raises `HostMistake`."""
        if not self.known:
            self.known = read_password(self.file) if self.file else self.ask() if self.ask else ""
        return self.known


async def _log_in(line: Wire, secret: Secret) -> None:
    """Gives the password where one is needed. Raises `NotAllowed`, `Lost`, `HostMistake`."""
    if not secret.file and reply_of(await line.command("uptime")).ok:
        return
    # A terminal that is asked for a password blocks, and nothing else goes on yet.
    password = secret.get()
    if not password:
        raise NotAllowed("a password is needed: --password-file FILE, or password_file in hosts")
    reply = reply_of(await line.command(f"auth {password}"))
    if not reply.ok:
        secret.known = ""
        raise NotAllowed(reply.params.get("reason", "the password was not taken"))


async def enter(
    host: Host, secret: Secret, told: Callable[[str], None], lost: Callable[[str], None]
) -> Wire:
    """A connection that is logged in. Raises OSError, TimeoutError, `Lost`, `NotAllowed` and
    `HostMistake`."""
    made = await Wire.open(host, told, lost)
    try:
        await _log_in(made, secret)
    except BaseException:
        made.close()
        raise
    return made


def why(error: BaseException) -> str:
    """An error of connecting, in words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(getattr(error, "strerror", None) or error)
