"""The output side of a connection: replies are never lost, unrequested lines are bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from yext.wire import ENCODING, ERRORS

_HIGH = 65536
"""Bytes that may wait before a client counts as one that does not read."""

_STALL_CHECKS = 6
"""How often, within the time of a stall, it is checked whether the client read anything."""


class Writer:
    """Writes to one connection, and counts what its client does not read.

    What is written in one turn of the loop is sent together: clients that read a fixed number of
    times, or close at once, get along with it.

    Args:
        transport: the connection.
        limit: bytes that may wait; further unrequested lines are left out.
        stall_timeout: seconds after which a client that reads nothing at all is cut off.
        report_lost: returns the text that reports a number of lines left out.

    Attributes:
        telnet: whether 0xFF is doubled, as for a client that speaks telnet.
        drained: set while the client reads fast enough to be sent more.
        lost: lines left out and not reported yet.
        lost_in_all: lines left out.
        closed: whether the connection has ended.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        limit: int,
        stall_timeout: float,
        telnet: bool,
        report_lost: Callable[[int], str],
    ) -> None:
        self.telnet = telnet
        self.drained = asyncio.Event()
        self.drained.set()
        self.lost = self.lost_in_all = 0
        self.closed = False
        self._transport = transport
        self._limit = limit
        self._stall_timeout = stall_timeout
        self._report_lost = report_lost
        self._written = 0
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._taken_before = 0
        self._checks_without_reading = 0
        self._timer: asyncio.TimerHandle | None = None
        transport.set_write_buffer_limits(high=_HIGH)

    def write(self, text: str) -> None:
        """Send text that the client asked for, all of it."""
        data = text.encode(ENCODING, ERRORS)
        self.write_bytes(data.replace(b"\xff", b"\xff\xff") if self.telnet else data)

    def write_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        if not data or self._transport.is_closing():
            return
        if not self._pending:
            asyncio.get_running_loop().call_soon(self.flush)
        self._pending.append(data)
        self._pending_bytes += len(data)
        self._written += len(data)
        if self._pending_bytes > _HIGH:
            self.flush()

    def flush(self) -> None:
        """Send what was written in this turn of the loop."""
        data = b"".join(self._pending)
        self._pending.clear()
        self._pending_bytes = 0
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def write_unrequested(self, text: str) -> None:
        """Send whole lines that the client did not ask for, or leave them out and count them."""
        if self.waiting() + len(text) > self._limit:
            self.lost += 1
            self.lost_in_all += 1
            return
        self.write(text)

    def waiting(self) -> int:
        """Return the number of bytes that wait for the client to read them."""
        return self._transport.get_write_buffer_size() + self._pending_bytes

    def pause(self) -> None:
        """Note that more than `_HIGH` bytes wait, and watch whether the client reads at all."""
        self.drained.clear()
        self._taken_before, self._checks_without_reading = self._taken(), 0
        self._check_later()

    def resume(self) -> None:
        """Note that the client has read what waited, and report the lines left out."""
        self._stop_checking()
        self.drained.set()
        if self.lost:
            lost, self.lost = self.lost, 0
            self.write(self._report_lost(lost))

    def close(self) -> None:
        """Note that the connection has ended; nothing waits for the client any more."""
        self.closed = True
        self._stop_checking()
        self.drained.set()

    def _taken(self) -> int:
        return self._written - self.waiting()

    def _check_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._stall_timeout / _STALL_CHECKS, self._check)

    def _check(self) -> None:
        taken = self._taken()
        reads = taken != self._taken_before
        self._checks_without_reading = 0 if reads else self._checks_without_reading + 1
        self._taken_before = taken
        if self._checks_without_reading >= _STALL_CHECKS:
            self._transport.abort()
            return
        self._check_later()

    def _stop_checking(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
