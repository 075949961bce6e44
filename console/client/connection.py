"""The client of a remote manager, yext's or Yate's.

The plain conversation does not mark the end of a reply. So each command is followed by ``help
MARK``, with a mark of the client's own: every session may ask for help, no help exists for it, and
the answer, ``No help for 'MARK'``, is the end. Source: tests/conformance/vectors/rmanager.
"""

from __future__ import annotations

import asyncio
import codecs
import re
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from console import telnet
from console.client.events import is_stamped
from yext.errors import YextError

if TYPE_CHECKING:
    from console.client.hosts import Host

CONNECT_SECONDS = 10.0
"""The time that a connection may take until the conversation has begun."""

LINE_MAX = 64 * 1024 * 1024
"""The longest line, in characters."""

KILL_LINE = "\x15"
"""The key that deletes the line being typed."""

MARK = "yext-"
"""The beginning of the words that mark the ends of replies."""

_STAMPED_REPLIES = ("events", "logview", "date")
"""Commands whose replies have lines that begin with a time, as events do."""

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\r")

LineFunction = Callable[[str], None]
"""Gets a line without its end."""


class ConnectError(YextError):
    """The remote manager cannot be reached, or its connection was lost; the text says why."""


@dataclass
class _Pending:
    """A command whose reply has not ended: its end mark, and the lines so far."""

    mark: str
    stamped: bool
    done: asyncio.Future[list[str]]
    lines: list[str] = field(default_factory=list)


class ManagerClient(asyncio.Protocol):
    """One connection to a remote manager.

    Args:
        on_line: called with each line that is not part of a reply: events, lines of machine mode,
            notices. A line after a reply is passed on after the reply has been returned.
        on_lost: called with the reason when the connection has ended.
    """

    def __init__(self, on_line: LineFunction, on_lost: LineFunction) -> None:
        self._on_line = on_line
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._parser = telnet.Parser()
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._text = ""
        self._pending: deque[_Pending] = deque()
        self._nonce = secrets.token_hex(4)
        self._number = 0

    @classmethod
    async def open(cls, host: Host, on_line: LineFunction, on_lost: LineFunction) -> ManagerClient:
        """Connect, and wait until the plain conversation has begun; arguments as of the class.

        Raises:
            ConnectError: there is no connection, or no answer within `CONNECT_SECONDS`.
            HostError: a file of the host's cannot be used.
        """
        loop = asyncio.get_running_loop()
        context = host.context()
        client = cls(on_line, on_lost)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if host.path:
                    await loop.create_unix_connection(lambda: client, host.path)
                else:
                    await loop.create_connection(lambda: client, host.host, host.port, ssl=context)
                # Whatever stands before the first mark is header, prompt and echo.
                await client.command("echo off")
        except TimeoutError as error:
            client.close()
            raise ConnectError("no answer in time") from error
        except OSError as error:
            client.close()
            raise ConnectError(error.strerror or str(error)) from error
        except BaseException:
            client.close()
            raise
        return client

    async def command(self, line: str) -> list[str]:
        """Run one command; return the lines of its reply.

        Raises:
            ConnectError: there is no connection, or it was lost before the reply.
        """
        word = line.strip().partition(" ")[0]
        return await self._ask(f"{line}\r\n", word in _STAMPED_REPLIES)

    async def complete(self, line: str) -> list[str]:
        """Return the lines that TAB shows after `line`, as they came; for `completions`.

        Raises:
            ConnectError: as `command`.
        """
        return await self._ask(f"{line}\t{KILL_LINE}", False)

    async def _ask(self, text: str, stamped: bool) -> list[str]:
        if self._transport is None:
            raise ConnectError("not connected")
        self._number += 1
        mark = f"{MARK}{self._nonce}-{self._number}"
        done: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(f"No help for '{mark}'", stamped, done))
        self._transport.write(f"{text}help {mark}\r\n".encode("utf-8", "surrogateescape"))
        return await done

    def send_last(self, line: str) -> None:
        """Send a command that ends the session, without waiting for a reply."""
        if self._transport is not None:
            self._transport.write(f"{line}\r\n".encode())

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            items = self._parser.feed(data)
        except telnet.SubnegotiationError:
            self.close()
            return
        # No option is agreed to, so that the conversation stays plain.
        for item in items:
            if isinstance(item, bytes):
                self._text += self._decoder.decode(item)
        *lines, self._text = self._text.split("\n")
        for line in lines:
            self._line_received(line.removesuffix("\r"))
        if len(self._text) > LINE_MAX:
            self.close()

    def _line_received(self, line: str) -> None:
        if not self._pending:
            line = line.replace(telnet.ERASE_LINE, "").replace("\r", "")
            asyncio.get_running_loop().call_soon(self._on_line, line)
            return
        pending = self._pending[0]
        if line.endswith(pending.mark):
            rest = line.removesuffix(pending.mark)
            if rest:
                pending.lines.append(rest)
            self._pending.popleft()
            if not pending.done.done():
                pending.done.set_result(pending.lines)
        elif line.startswith("%%<message:") or (is_stamped(line) and not pending.stamped):
            self._on_line(line)
        else:
            pending.lines.append(line)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        reason = str(error) if error else "the other end closed the connection"
        for pending in self._pending:
            if not pending.done.done():
                pending.done.set_exception(ConnectError(reason))
        self._pending.clear()
        self._on_lost(reason)


def completions(line: str, shown: list[str]) -> list[str]:
    """Return the words that TAB offers for `line`.

    Args:
        shown: the lines that TAB shows: the line again with one word completed, or a list of words
            separated by TABs.
    """
    for text in shown:
        if "\t" in text:
            return [word for word in _ESCAPES.sub("", text).split("\t") if word]
    partword = line.rpartition(" ")[2]
    words = []
    # The line may be drawn several times; each drawing starts it anew.
    for text in (part for one in shown for part in _ESCAPES.split(one)):
        drawn = text.rstrip()
        if drawn.startswith(line.rstrip()) and drawn != line.rstrip():
            words.append(drawn.rpartition(" ")[2])
    return [word for word in words[-1:] if word.startswith(partword)]
