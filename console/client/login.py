"""The login to a remote manager: a connection, and the password that it wants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from console.client.connection import LineFunction, ManagerClient
from console.client.hosts import Host, read_password
from console.replies.parse import reply_of
from yext.errors import YextError


class LoginError(YextError):
    """The remote manager refuses the password, or there is none to give."""


@dataclass
class Password:
    """The password for a host, read or asked for when it is first needed.

    Attributes:
        file: the file that holds it, empty for none.
        ask: asks the operator for it; None where nobody can be asked.
        known: the password that was read or typed, kept for the next connection.
    """

    file: str = ""
    ask: Callable[[], str] | None = None
    known: str = ""

    def get(self) -> str:
        """Return the password, empty for none.

        Raises:
            HostError: the file cannot be used.
        """
        if not self.known:
            self.known = read_password(self.file) if self.file else self.ask() if self.ask else ""
        return self.known


async def log_in(
    host: Host, password: Password, on_line: LineFunction, on_lost: LineFunction
) -> ManagerClient:
    """Connect to a remote manager and give the password if it wants one.

    Args:
        on_line, on_lost: as of `ManagerClient`.

    Raises:
        ConnectError: the manager cannot be reached.
        LoginError: it refuses the password, or there is none to give.
        HostError: a file of the host's cannot be used.
    """
    client = await ManagerClient.open(host, on_line, on_lost)
    try:
        await _authenticate(client, password)
    except BaseException:
        client.close()
        raise
    return client


async def _authenticate(client: ManagerClient, password: Password) -> None:
    if not password.file and reply_of(await client.command("uptime")).ok:
        return
    # Asking on a terminal blocks the loop; nothing else goes on yet.
    text = password.get()
    if not text:
        raise LoginError("a password is needed: --password-file FILE, or password_file in hosts")
    reply = reply_of(await client.command(f"auth {text}"))
    if not reply.ok:
        password.known = ""
        raise LoginError(reply.params.get("reason", "the password was not taken"))
