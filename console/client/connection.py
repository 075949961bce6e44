"""The other end of a remote manager's connection: what ``yext attach`` speaks to yext and Yate.

The plain conversation has no mark at the end of a reply. So each command is followed by
``help MARK``, with a mark of our own: everybody may ask for help, nobody has any for it, and
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

if TYPE_CHECKING:
    from console.client.hosts import Host

CONNECT_SECONDS = 10.0

LINE_MAX = 64 * 1024 * 1024
"""Characters that may come without an end of line."""

KILL_LINE = "\x15"

MARK = "yext-"
"""What the words begin with that mark the ends of replies."""

_EVENT = re.compile(r"\d{4}-\d\d-\d\d_\d\d:\d\d:\d\d\.\d{6} ")

_STAMPED = ("events", "logview", "date")
"""Commands whose replies hold lines that look like events."""

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\r")


class Lost(Exception):
    """The connection is gone; the text says why."""


@dataclass
class _Awaited:
    """A reply that is on its way."""

    mark: str
    stamped: bool
    done: asyncio.Future[list[str]]
    lines: list[str] = field(default_factory=list)


class Wire(asyncio.Protocol):
    """One connection to a remote manager.

    Args:
        told: gets each line that is no part of a reply: events, machine lines, notices. What came
            after a reply is told after whoever waited for that reply has got it.
        lost: called when the connection has ended, with the reason.
    """

    def __init__(self, told: Callable[[str], None], lost: Callable[[str], None]) -> None:
        self._told = told
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._parser = telnet.Parser()
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._text = ""
        self._awaited: deque[_Awaited] = deque()
        self._nonce = secrets.token_hex(4)
        self._number = 0

    @classmethod
    async def open(
        cls, host: Host, told: Callable[[str], None], lost: Callable[[str], None]
    ) -> Wire:
        """Connects, and waits until the plain conversation has begun. Raises OSError,
        TimeoutError, `Lost`, and `HostMistake` for files that cannot be used."""
        loop = asyncio.get_running_loop()
        context = host.context()
        wire = cls(told, lost)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if host.path:
                    await loop.create_unix_connection(lambda: wire, host.path)
                else:
                    await loop.create_connection(lambda: wire, host.host, host.port, ssl=context)
                # Whatever stands before the first mark is header, prompt and echo.
                await wire.command("echo off")
        except BaseException:
            wire.close()
            raise
        return wire

    async def command(self, line: str) -> list[str]:
        """Gives one command; returns the lines of its reply. Raises `Lost`."""
        word = line.strip().partition(" ")[0]
        return await self._ask(f"{line}\r\n", word in _STAMPED)

    async def complete(self, line: str) -> list[str]:
        """What TAB shows for a line, as it came. Raises `Lost`."""
        return await self._ask(f"{line}\t{KILL_LINE}", False)

    async def _ask(self, text: str, stamped: bool) -> list[str]:
        if self._transport is None:
            raise Lost("not connected")
        self._number += 1
        mark = f"{MARK}{self._nonce}-{self._number}"
        done: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self._awaited.append(_Awaited(f"No help for '{mark}'", stamped, done))
        self._transport.write(f"{text}help {mark}\r\n".encode("utf-8", "surrogateescape"))
        return await done

    def send_last(self, line: str) -> None:
        """Gives a command that ends the session, whose reply nobody can be sure to get."""
        if self._transport is not None:
            self._transport.write(f"{line}\r\n".encode())

    def close(self) -> None:
        """Ends the connection."""
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
        # Nothing is agreed to, so that the conversation stays plain.
        for item in items:
            if isinstance(item, bytes):
                self._text += self._decoder.decode(item)
        *lines, self._text = self._text.split("\n")
        for line in lines:
            self._line(line.removesuffix("\r"))
        if len(self._text) > LINE_MAX:
            self.close()

    def _line(self, line: str) -> None:
        if not self._awaited:
            told = line.replace(telnet.ERASE_LINE, "").replace("\r", "")
            asyncio.get_running_loop().call_soon(self._told, told)
            return
        awaited = self._awaited[0]
        if line.endswith(awaited.mark):
            rest = line.removesuffix(awaited.mark)
            if rest:
                awaited.lines.append(rest)
            self._awaited.popleft()
            if not awaited.done.done():
                awaited.done.set_result(awaited.lines)
        elif line.startswith("%%<message:") or (_EVENT.match(line) and not awaited.stamped):
            self._told(line)
        else:
            awaited.lines.append(line)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        reason = str(error) if error else "the other end closed the connection"
        for awaited in self._awaited:
            if not awaited.done.done():
                awaited.done.set_exception(Lost(reason))
        self._awaited.clear()
        self._lost(reason)


def completed(line: str, shown: list[str]) -> list[str]:
    """The words that TAB offered for `line`: the end of the one line shown again, or a list
    parted by TABs."""
    for text in shown:
        if "\t" in text:
            return [word for word in _ESCAPES.sub("", text).split("\t") if word]
    partword = line.rpartition(" ")[2]
    words = []
    # Each redrawing starts the line anew: what stands before is another showing of it.
    for text in (part for one in shown for part in _ESCAPES.split(one)):
        last = text.rstrip()
        if last.startswith(line.rstrip()) and last != line.rstrip():
            words.append(last.rpartition(" ")[2])
    return [word for word in words[-1:] if word.startswith(partword)]
