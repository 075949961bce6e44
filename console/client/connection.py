"""The client of a remote manager, yext's or Yate's.

The plain conversation does not mark the end of a reply. So each command is followed by ``help
MARK``, with a mark of the client's own: every session may ask for help, no help exists for it, and
the answer, ``No help for 'MARK'``, is the end. Source: tests/conformance/vectors/rmanager.

The other end may be hostile: what it sends is bounded, and is looked at in slices, so that the
operator's keys come in between.
"""

from __future__ import annotations

import asyncio
import codecs
import errno
import os
import re
import secrets
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from yext.console import telnet
from yext.console.client.events import is_stamped
from yext.errors import YextError
from yext.sockets import peercred

if TYPE_CHECKING:
    from yext.console.client.hosts import Host

CONNECT_SECONDS = 10.0
"""The time that a connection may take until the conversation has begun."""

LINE_MAX = 4 * 1024 * 1024
"""The longest line, in characters."""

REPLY_MAX = 32 * 1024 * 1024
"""The memory that a reply may take, in bytes, about."""

_LINE_COSTS = 64
"""The memory of a line beside its text, in bytes, about."""

SLICE = 16 * 1024
"""Bytes of received data that are looked at in one turn of the loop."""

KILL_LINE = "\x15"
"""The key that deletes the line being typed."""

MARK = "yext-"
"""The beginning of the words that mark the ends of replies."""

_STAMPED_REPLIES = ("events", "logview", "date")
"""Commands whose replies have lines that begin with a time, as events do."""

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\r")

_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udc7f\udd00-\udfff]")
"""Keys of the line editor at the other end, and what has no form in bytes."""

_IAC = b"\xff"
"""What begins a telnet command unless it is doubled."""

LineFunction = Callable[[str], None]
"""Gets a line without its end."""


class ConnectError(YextError):
    """The remote manager cannot be reached, or its connection was lost; the text says why."""


class LineError(YextError):
    """A command line cannot be sent as one line."""


@dataclass
class _Pending:
    """A command whose reply has not ended: its end mark, and the lines so far."""

    mark: str
    stamped: bool
    done: asyncio.Future[list[str]]
    lines: list[str] = field(default_factory=list)
    size: int = 0

    def add(self, line: str) -> None:
        """Add a line; only count it if nobody waits for the reply any more."""
        self.size += len(line) + _LINE_COSTS
        if self.done.done():
            self.lines.clear()
        else:
            self.lines.append(line)


@dataclass
class _Upgrade:
    """A change of the conversation that was asked for: the line that agrees, and what follows."""

    agreed: str
    done: asyncio.Future[None]
    on_line: LineFunction


def connect_reason(error: Exception) -> str:
    """Return why a connection cannot be opened, in the system's words and without Python's."""
    if not isinstance(error, OSError):
        return str(error)
    untrusted, reason = getattr(error, "verify_message", ""), getattr(error, "reason", None)
    if untrusted:
        return f"its certificate is not trusted: {untrusted}"
    if isinstance(reason, str):
        words = reason.lower().replace("_", " ")
        return f"no TLS: {words}; does the other end speak TLS on this port?"
    # For a name with several addresses, asyncio gives one error with the texts of all.
    found = re.search(r"\[Errno (\d+)\]", str(error))
    number = int(found[1]) if found is not None else error.errno
    if number is not None and number in errno.errorcode:
        return f"{os.strerror(number)} ({errno.errorcode[number]}, {number})"
    return error.strerror or str(error)


class ManagerClient(asyncio.Protocol):
    """One connection to a remote manager.

    Args:
        on_line: called with each line that is not part of a reply: events, lines of machine mode,
            notices. A line after a reply is passed on after the reply has been returned.
        on_lost: called with the reason when the connection has ended.

    Attributes:
        lost: done with the reason when the connection has ended.
    """

    def __init__(self, on_line: LineFunction, on_lost: LineFunction) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._on_line = on_line
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._parser = telnet.Parser()
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._received = b""
        self._text: list[str] = []
        self._length = 0
        self._pending: deque[_Pending] = deque()
        self._upgrade: _Upgrade | None = None
        self._receive: LineFunction = self._line_received
        self._nonce = secrets.token_hex(4)
        self._number = 0
        self._why_closed = ""

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
            raise ConnectError(connect_reason(error)) from error
        except BaseException:
            client.close()
            raise
        return client

    async def command(self, line: str) -> list[str]:
        """Run one command; return the lines of its reply.

        Raises:
            ConnectError: there is no connection, or it was lost before the reply.
            LineError: the line holds control characters.
        """
        word = line.strip().partition(" ")[0]
        return await self._ask(f"{_sendable(line)}\r\n", word in _STAMPED_REPLIES)

    async def complete(self, line: str) -> list[str]:
        """Return the lines that TAB shows after `line`, as they came; for `completions`.

        Raises:
            ConnectError, LineError: as `command`.
        """
        return await self._ask(f"{_sendable(line)}\t{KILL_LINE}", False)

    async def _ask(self, text: str, stamped: bool) -> list[str]:
        if self._transport is None:
            raise ConnectError("not connected")
        self._number += 1
        mark = f"{MARK}{self._nonce}-{self._number}"
        done: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(f"No help for '{mark}'", stamped, done))
        self._send(f"{text}help {mark}\r\n")
        return await done

    async def upgrade(self, line: str, agreed: str, on_line: LineFunction) -> None:
        """Leave the plain conversation for one of lines.

        Args:
            line: the command that asks for it; no command may be waiting for its reply.
            agreed: the line by which the other end agrees.
            on_line: called with each line after that.

        Raises:
            ConnectError: the connection was lost, or there is no answer within `CONNECT_SECONDS`.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._upgrade = _Upgrade(agreed, done, on_line)
        self.send(line)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await done
        except TimeoutError as error:
            raise ConnectError("no answer in time") from error

    def send(self, line: str) -> None:
        """Send a line without waiting for a reply."""
        self._send(f"{_sendable(line)}\r\n")

    def _send(self, text: str) -> None:
        if self._transport is not None:
            data = text.encode("utf-8", "surrogateescape")
            self._transport.write(data.replace(_IAC, _IAC + _IAC))

    def address(self) -> str:
        """This end of the connection, as the other end names it; empty for a UNIX socket."""
        found = self._transport.get_extra_info("sockname") if self._transport is not None else None
        if not isinstance(found, tuple):
            return ""
        host = f"[{found[0]}]" if ":" in found[0] else found[0]
        return f"{host}:{found[1]}"

    def owner(self) -> int | None:
        """The system user at the other end, None for another host."""
        if self._transport is None:
            return None
        connected = cast(socket.socket, self._transport.get_extra_info("socket"))
        return peercred.owner(connected)

    def close(self) -> None:
        """End the connection; what was sent is given to the network, but not waited for."""
        if self._transport is not None:
            self._transport.close()

    def fail(self, reason: str) -> None:
        """End the connection at once, because of what the other end has sent."""
        self._why_closed = self._why_closed or reason
        self._received = b""
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        waits = bool(self._received)
        self._received += data
        if not waits:
            self._take_slice()

    def _take_slice(self) -> None:
        """Look at a slice of what was received, and at the rest in later turns of the loop."""
        data, self._received = self._received[:SLICE], self._received[SLICE:]
        transport = self._transport
        if transport is None or transport.is_closing():
            self._received = b""
            return
        try:
            items = self._parser.feed(data)
        except telnet.SubnegotiationError:
            self.fail("it sent an endless telnet option")
            return
        # No option is agreed to, so that the conversation stays plain.
        for item in items:
            if isinstance(item, bytes):
                self._take_text(self._decoder.decode(item))
        if self._received:
            transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._take_slice)
        else:
            transport.resume_reading()

    def _take_text(self, text: str) -> None:
        first, *lines = text.split("\n")
        self._text.append(first)
        self._length += len(first)
        for line in lines:
            whole, self._text, self._length = "".join(self._text), [line], len(line)
            self._receive(whole.removesuffix("\r"))
        if self._length > LINE_MAX:
            self.fail(f"it sent a line of more than {LINE_MAX // 2**20} MiB")

    def _line_received(self, line: str) -> None:
        if self._upgrade is not None and line.endswith(self._upgrade.agreed):
            upgrade, self._upgrade = self._upgrade, None
            self._receive = upgrade.on_line
            if not upgrade.done.done():
                upgrade.done.set_result(None)
            return
        if not self._pending:
            line = line.replace(telnet.ERASE_LINE, "").replace("\r", "")
            if line.strip():
                asyncio.get_running_loop().call_soon(self._on_line, line)
            return
        pending = self._pending[0]
        if line.endswith(pending.mark):
            rest = line.removesuffix(pending.mark)
            if rest:
                pending.add(rest)
            self._pending.popleft()
            if not pending.done.done():
                pending.done.set_result(pending.lines)
        elif line.startswith("%%<message:") or (is_stamped(line) and not pending.stamped):
            self._on_line(line)
        else:
            pending.add(line)
            if pending.size > REPLY_MAX:
                self.fail(f"its reply takes more than {REPLY_MAX // 2**20} MiB")

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        reason = self._why_closed or str(error or "the other end closed the connection")
        waiting: list[asyncio.Future[Any]] = [pending.done for pending in self._pending]
        waiting += [self._upgrade.done] if self._upgrade is not None else []
        self._pending.clear()
        for done in waiting:
            if not done.done():
                done.set_exception(ConnectError(reason))
        self.lost.set_result(reason)
        self._on_lost(reason)


def _sendable(line: str) -> str:
    """Return `line`, which the other end must take as nothing but one line.

    Raises:
        LineError: it would not: a line editor reads control characters as keys.
    """
    found = _UNSENDABLE.search(line)
    if found is not None:
        raise LineError(f"cannot send a line with the control character 0x{ord(found[0]):02x}")
    return line


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
