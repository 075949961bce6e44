"""A peer of a Yate's bus: what its remote manager does not let a console do.

The console connects to a listener of role global of the Yate's extmodule.conf. Through it, it sends
messages of its own, and measures those of others: a handler before all others has the start of a
message, a watcher its end. No message is changed by that.

Source: Yate's documentation of the External Module protocol.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from yext import wire
from yext.console.client.connection import CONNECT_SECONDS, LINE_MAX, ConnectError, connect_reason
from yext.errors import ProtocolError
from yext.message import Message

_FIRST = 0
"""The priority before all others."""

ANSWER_SECONDS = 60.0
"""The time that a message of the console's may take."""

NAMES_MAX = 200
"""Message names that are measured: each message of these waits for the console's answer."""

_BEGUN_MAX = 100
"""Messages of one name whose end is awaited."""

_BEGUN_LINE_MAX = 16 * 1024
"""Characters of a line from which a message is not measured: its parameters are kept meanwhile."""

_LINES_AT_ONCE = 100
"""Lines that are handled before everything else gets its turn."""

_MESSAGE, _ANSWER, _WATCHED = "%%>message:", "%%<message:", "%%<message::"


class Measured(NamedTuple):
    """A message from its start to its end.

    Attributes:
        when: its start, in seconds since 1970; that of its end where the start was not seen.
        took: the seconds to its end, None where the start was not seen.
        before: its parameters at the start, None where they were not seen.
        answer: its end.
        retvalue: its return value at the start, None where that was not seen.
    """

    when: float
    took: float | None
    before: Mapping[str, str] | None
    answer: wire.PeerAnswer
    retvalue: str | None = None


class _Begun(NamedTuple):
    """A message whose end has not come: its parameters, its return value, its start in both
    clocks."""

    params: Mapping[str, str]
    retvalue: str
    when: float
    clock: float


class BusPeer:
    """A connection to the bus of a Yate.

    Args:
        where: ``HOST:PORT`` or the path of a UNIX socket.
        lost: called with the reason when the connection has ended.
    """

    def __init__(self, where: str, lost: Callable[[str], None]) -> None:
        self.where = where
        self._lost = lost
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[wire.PeerAnswer]] = {}
        self._begun: dict[str, deque[_Begun]] = {}
        self._installed: set[str] = set()
        self._measured: Callable[[Measured], None] | None = None

    async def connect(self) -> None:
        """Connect, and take part as a global module.

        Raises:
            ConnectError: there is no connection, or the other end does not speak the protocol.
        """
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, self._writer = await self._open()
                # A listener that has a role refuses the first line, and goes on.
                self._send("%%>connect:global")
                self._send("%%>setlocal:reenter:false")
                while not (line := _text(await reader.readline())).startswith(
                    "%%<setlocal:reenter:"
                ):
                    if not line:
                        raise ConnectError("the other end closed the connection")
        except TimeoutError as error:
            raise ConnectError("no answer in time") from error
        except (OSError, ValueError) as error:
            raise ConnectError(connect_reason(error)) from error
        self._reading = asyncio.get_running_loop().create_task(self._read(reader))

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.where.startswith("/"):
            return await asyncio.open_unix_connection(self.where, limit=LINE_MAX)
        host, _, port = self.where.rpartition(":")
        if not port.isdigit():
            raise ConnectError("give HOST:PORT, or the path of a UNIX socket")
        return await asyncio.open_connection(
            host.strip("[]") or "127.0.0.1", int(port), limit=LINE_MAX
        )

    def close(self) -> None:
        """End the connection."""
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    # Messages of the console's own

    async def dispatch(self, message: Message) -> bool:
        """Send a message through the handlers of the Yate, which may change it.

        Raises:
            ConnectError: the connection was lost, or there was no answer in `ANSWER_SECONDS`.
        """
        ident = f"yext-{next(self._numbers)}"
        answer: asyncio.Future[wire.PeerAnswer] = asyncio.get_running_loop().create_future()
        self._waiting[ident] = answer
        try:
            self._send(wire.encode_message(ident, message))
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await answer
        except TimeoutError as error:
            raise ConnectError("no answer in time") from error
        finally:
            del self._waiting[ident]
        found.apply(message)
        return found.handled

    # Messages of others

    def measure(self, names: Iterable[str], measured: Callable[[Measured], None]) -> None:
        """Call a function with each message at its end; those of `names` have their times."""
        self._measured = measured
        for name in itertools.islice(names, NAMES_MAX):
            if name not in self._installed:
                self._installed.add(name)
                self._send(f"%%>install:{_FIRST}:{wire.escape(name)}")
        self._send("%%>watch:")

    def stop_measuring(self) -> None:
        """Take the handlers and the watcher away."""
        self._measured = None
        self._send("%%>unwatch:")
        for name in self._installed:
            self._send(f"%%>uninstall:{wire.escape(name)}")
        self._installed.clear()
        self._begun.clear()

    def _begin(self, fields: str) -> None:
        """Let a message go on at once, and note its start."""
        ident, message = wire.decode_message(fields)
        self._send(f"{_ANSWER}{wire.escape(ident)}:false::")
        if self._is_measured(message.name) and len(fields) < _BEGUN_LINE_MAX:
            begun = self._begun.setdefault(message.name, deque(maxlen=_BEGUN_MAX))
            begun.append(_begun(message))

    def _is_measured(self, name: str) -> bool:
        return self._measured is not None and name in self._installed

    def _end(self, answer: wire.PeerAnswer) -> None:
        """Pass a message on whose dispatch is over."""
        if self._measured is None:
            return
        params: dict[str, str] = {}
        wire.apply_changes(params, answer.changes)
        found = _match(self._begun.get(answer.name, deque()), params)
        if found is None:
            self._measured(Measured(time.time(), None, None, answer))
        else:
            took = time.perf_counter() - found.clock
            self._measured(Measured(found.when, took, found.params, answer, found.retvalue))

    # The connection

    def _send(self, line: str) -> None:
        if self._writer is None:
            raise ConnectError("not connected to the bus")
        self._writer.write(wire.to_bytes(f"{line}\n"))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        reason = "the other end closed the connection"
        lines = 0
        try:
            while line := _text(await reader.readline()):
                lines += 1
                if lines % _LINES_AT_ONCE == 0:
                    await asyncio.sleep(0)
                with suppress(ProtocolError):
                    self._receive(line)
        except (OSError, ValueError, ConnectError) as error:
            reason = str(error)
        self.close()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectError(reason))
        self._lost(reason)

    def _receive(self, line: str) -> None:
        if line.startswith(_MESSAGE):
            self._begin(line.removeprefix(_MESSAGE))
        elif line.startswith(_ANSWER):
            ident, _, fields = line.removeprefix(_ANSWER).partition(":")
            answer = wire.decode_answer(fields)
            if not ident:
                self._end(answer)
            elif ident in self._waiting and not self._waiting[ident].done():
                self._waiting[ident].set_result(answer)


def _text(line: bytes) -> str:
    return line.decode(wire.ENCODING, wire.ERRORS).rstrip("\n")


def _begun(message: Message) -> _Begun:
    return _Begun(message.params, message.retvalue, time.time(), time.perf_counter())


def _match(begun: deque[_Begun], params: Mapping[str, str]) -> _Begun | None:
    """Take the start that fits an end out: the first of those with the most equal parameters."""
    if not begun:
        return None
    best = max(begun, key=lambda one: sum(params.get(key) == one.params[key] for key in one.params))
    begun.remove(best)
    return best
