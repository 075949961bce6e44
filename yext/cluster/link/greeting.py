"""The beginning of a link that this node opens: password, greeting, and what the other end is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import cast

from yext import wire
from yext.cluster.link.protocol import PARAMETER, READ_MAX
from yext.errors import LineTooLongError, NodeError, ProtocolError
from yext.linebuffer import LineBuffer

_ANSWER = re.compile(rf"%%<setlocal:{re.escape(PARAMETER)}:(.*):(true|false)")
_NOTHING_MAX = 100
"""Lines of another kind that may come before the answer to the greeting."""

Successor = Callable[[str], asyncio.Protocol]
"""Makes the protocol that goes on, of the greeting of the other end; empty if that is a Yate.

It raises `NodeError` if it does not want to."""


class Greeting(asyncio.Protocol):
    """Greets the other end of a connection, then lets another protocol go on.

    Args:
        password: what the listener there asks for, empty for nothing.
        greeting: the value of this end's greeting.
        successor: makes the protocol that goes on.

    Attributes:
        done: done with the protocol that goes on, or has the `NodeError` why none does.
    """

    def __init__(self, password: str, greeting: str, successor: Successor) -> None:
        self.done: asyncio.Future[asyncio.Protocol] = asyncio.get_running_loop().create_future()
        self._password = password
        self._greeting = greeting
        self._successor = successor
        self._buffer = LineBuffer()
        self._lines = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.max_size = READ_MAX  # type: ignore[attr-defined]
        self._transport = cast(asyncio.Transport, transport)
        if self._password:
            self._write(f"%%>auth:{wire.escape(self._password)}")
        else:
            self._greet()

    def _write(self, line: str) -> None:
        self._transport.write(wire.to_bytes(f"{line}\n"))

    def _greet(self) -> None:
        self._write(f"%%>setlocal:{PARAMETER}:{self._greeting}")

    def data_received(self, data: bytes) -> None:
        """Look for the answers, line by line."""
        self._buffer.feed(data)
        try:
            while not self.done.done() and (line := self._buffer.next_line()) is not None:
                self._received(line)
        except LineTooLongError as error:
            self._fail(f"it sends {error}")

    def _received(self, line: str) -> None:
        found = _ANSWER.fullmatch(line)
        if line == "%%<auth:true":
            self._greet()
        elif line.startswith("%%<auth:false"):
            self._fail(f"it lets nobody in so: {_unescaped(line[14:]) or 'no reason given'}", True)
        elif found is None:
            self._lines += 1
            if self._lines > _NOTHING_MAX:
                self._fail("it does not speak as a listener for external modules")
        elif found[2] == "true":
            self._go_on(found[1])
        elif found[1] in ("", self._greeting):
            self._go_on("")  # The parameter is not known there.
        else:
            self._fail(f"it refuses this node: {found[1]}")

    def _go_on(self, greeting: str) -> None:
        try:
            protocol = self._successor(greeting)
        except NodeError as error:
            self._fail(str(error))
            return
        transport = self._transport
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        self.done.set_result(protocol)
        rest = "".join(f"{line}\n" for line in iter(self._buffer.next_line, None))
        if rest:
            protocol.data_received(wire.to_bytes(rest))

    def connection_lost(self, error: Exception | None) -> None:
        """Note that the connection has ended before it was clear what it is."""
        why = str(error) if error else "is it a listener of role=global?"
        self._fail(f"the connection was closed before it had greeted: {why}")

    def _fail(self, reason: str, refused: bool = False) -> None:
        if not self.done.done():
            self.done.set_exception(PasswordError(reason) if refused else NodeError(reason))
        self._transport.abort()


class PasswordError(NodeError):
    """The password was refused: it is not tried again soon, as guesses are counted there."""


def _unescaped(text: str) -> str:
    try:
        return wire.unescape(text)
    except ProtocolError:
        return text
