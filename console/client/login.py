"""The login to a remote manager: a connection, and the password that it wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from yext import Reply
from yext.console.client.connection import ConnectError, LineError, LineFunction, ManagerClient
from yext.console.client.hosts import Host, read_password
from yext.console.replies.parse import reply_of
from yext.errors import YextError


class LoginError(YextError):
    """The remote manager refuses the password, or there is none to give."""


LOGIN_SECONDS = 30.0
"""The time that each answer of the login may take: a manager slows down guessing."""

TRIES = 3
"""How often an operator is asked for a password."""


@dataclass
class Password:
    """The password for a host, read or asked for when it is first needed.

    Attributes:
        file: the file that holds it, empty for none.
        ask: asks the operator for it, with the reason why the one before was refused; None where
            nobody can be asked, or not any more.
        known: the password that was read or typed, kept for the next connection.
    """

    file: str = ""
    ask: Callable[[str], str] | None = None
    known: str = ""

    def get(self, refused: str) -> str:
        """Return the password, empty for none.

        Args:
            refused: why the one before was refused, empty for the first.

        Raises:
            HostError: the file cannot be used.
        """
        if not self.known:
            if self.file:
                self.known = read_password(self.file)
            elif self.ask is not None:
                self.known = self.ask(refused)
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
    except LineError as error:
        client.close()
        raise LoginError("the password holds a control character") from error
    except BaseException:
        client.close()
        raise
    # Later the terminal is the shell's, and nobody is there to be asked.
    password.ask = None
    return client


async def _authenticate(client: ManagerClient, password: Password) -> None:
    if not password.file and (await _answer(client, "uptime")).ok:
        return
    refused = ""
    for _ in range(TRIES if password.ask is not None else 1):
        # Asking on a terminal blocks the loop; nothing else goes on yet.
        text = password.get(refused)
        if not text:
            raise LoginError(
                "a password is needed: --password-file FILE, or password_file in hosts"
            )
        reply = await _answer(client, f"auth {text}")
        if reply.ok:
            return
        password.known = ""
        refused = reply.params.get("reason", "the password was not taken")
    raise LoginError(refused)


async def _answer(client: ManagerClient, line: str) -> Reply:
    """The reply to a command of the login. Raises `ConnectError` where there is none in time."""
    try:
        async with asyncio.timeout(LOGIN_SECONDS):
            return reply_of(await client.command(line))
    except TimeoutError as error:
        raise ConnectError("no answer in time") from error
