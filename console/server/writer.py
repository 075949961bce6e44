"""The output side of a connection: replies are never lost, what nobody asked for is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from yext.wire import ENCODING, ERRORS

_HIGH = 65536
"""Bytes that may wait before a connection counts as one that does not read."""

_LOOKS = 6
"""How often within the time of a stall it is looked whether the client read anything."""


class Outlet:
    """Writes to one connection and keeps account of what its client does not read.

    Args:
        transport: where to.
        most: bytes that may wait; past that lines nobody asked for are left out.
        stalled: seconds after which a client that reads nothing at all is given up.
        tell: says that so many lines were left out.

    Attributes:
        telnet: whether 0xFF has to be doubled, as for a client that speaks telnet.
        drained: set while the client reads fast enough to be given more.
        lost: lines left out since that was last told.
        closed: whether the connection is gone.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        most: int,
        stalled: float,
        telnet: bool,
        tell: Callable[[int], str],
    ) -> None:
        self.telnet = telnet
        self.drained = asyncio.Event()
        self.drained.set()
        self.lost = 0
        self.closed = False
        self._transport = transport
        self._most = most
        self._stalled = stalled
        self._tell = tell
        self._written = 0
        self._seen = 0
        self._quiet = 0
        self._timer: asyncio.TimerHandle | None = None
        transport.set_write_buffer_limits(high=_HIGH)

    def write(self, text: str) -> None:
        """Sends text that the client asked for, all of it."""
        data = text.encode(ENCODING, ERRORS)
        self.write_bytes(data.replace(b"\xff", b"\xff\xff") if self.telnet else data)

    def write_bytes(self, data: bytes) -> None:
        """Sends bytes as they are."""
        if data and not self._transport.is_closing():
            self._written += len(data)
            self._transport.write(data)

    def waiting(self) -> int:
        """Bytes that the client has not read."""
        return self._transport.get_write_buffer_size()

    def line(self, text: str) -> None:
        """Sends whole lines that come by themselves, or leaves them out and counts them."""
        if self.waiting() + len(text) > self._most:
            self.lost += 1
            return
        self.write(text)

    def pause(self) -> None:
        """The transport has more to send than the client reads."""
        self.drained.clear()
        self._seen, self._quiet = self._taken(), 0
        self._look_later()

    def resume(self) -> None:
        """The client has read what waited."""
        self._stop_looking()
        self.drained.set()
        if self.lost:
            lost, self.lost = self.lost, 0
            self.write(self._tell(lost))

    def close(self) -> None:
        """The connection is gone: whoever waits for it goes on."""
        self.closed = True
        self._stop_looking()
        self.drained.set()

    def _taken(self) -> int:
        return self._written - self.waiting()

    def _look_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._stalled / _LOOKS, self._look)

    def _look(self) -> None:
        taken = self._taken()
        self._quiet = self._quiet + 1 if taken == self._seen else 0
        self._seen = taken
        if self._quiet >= _LOOKS:
            self._transport.abort()
            return
        self._look_later()

    def _stop_looking(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
