"""The connection of a peer: bytes in and out, and flow control.

It has a socket's transport of asyncio below it, or the pipes of a script, and a `Peer` above.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from yext import log, wire
from yext.errors import LineTooLongError
from yext.extmodule.peer.ends import PeerEnd
from yext.extmodule.peer.peer import Peer, PeerHost
from yext.extmodule.peer.transport import Transport
from yext.linebuffer import LineBuffer

SLICE = range(256)
"""The lines that are read of one peer in one turn of the loop.

Messages that come in one read are about as many. Short lines that make no sense, or that install
handlers, are four times as many: ten peers that send nothing else would hold others up for 0.1 s.
"""


class ConnectionHost(PeerHost, Protocol):
    """What a connection needs from its owner."""

    def write_soon(self, connection: Connection) -> float:
        """Call `connection.flush` at the end of this turn of the loop; return the loop's time."""


class Connection(asyncio.Protocol):
    """The connection of one peer.

    Args:
        host: the owner of the peer.
        peer: the peer, which gets lines and leaves lines to be written.

    Attributes:
        on_close: called once when the connection is closed from this side, or lost.
    """

    # Five thousand idle peers are to take little memory (tests/bench, row idle).
    __slots__ = (
        "_buffer", "_held", "_host", "_input_closed", "_lost_notices", "_sliced", "_stalled",
        "_successor", "_transport", "on_close", "peer",
    )  # fmt: skip

    def __init__(self, host: ConnectionHost, peer: Peer) -> None:
        self.peer = peer
        self.on_close: Callable[[], None] | None = None
        self._host = host
        self._transport: Transport | None = None
        self._successor: asyncio.Protocol | None = None
        self._buffer = LineBuffer()
        self._lost_notices = 0
        self._sliced = False  # lines wait for the next turn of the loop
        self._held = False  # the dispatcher's queue is long
        self._stalled = False  # the peer reads too slowly
        self._input_closed = False  # the peer reads no more
        peer.connection = self

    # The transport's side (asyncio.Protocol)

    def connection_made(self, transport: object) -> None:
        """Register the peer, which is connected through `transport`."""
        self._transport = cast(Transport, transport)
        self._host.add_peer(self.peer)

    def data_received(self, data: bytes) -> None:
        """Give the peer the whole lines that have come, a `SLICE` of them in a turn of the loop.

        The first line of a peer without a role is taken alone: audio may follow it.
        """
        peer = self.peer
        end = data.find(b"\n") + 1 if not peer.role else 0
        if 0 < end < len(data):
            self.data_received(data[:end])
            (self._successor or self).data_received(data[end:])
            return
        if peer.times is not None:
            peer.times.reading(asyncio.get_running_loop().time())
        buffer = self._buffer
        buffer.feed(data)
        if self._sliced:
            return
        receive = peer.line_received
        try:
            for _ in SLICE:
                if peer.ended:
                    break
                line = buffer.lines.pop() if buffer.lines else buffer.next_line()
                if line is None:
                    break
                receive(line)
            else:
                self._go_on_soon()
        except LineTooLongError as error:
            self._host.debug(log.WARN, f"'{peer.label}' sent {error}, closing")
            peer.end(PeerEnd.OVERFLOW)
        if peer.own_in_flight:
            self._hold_while_queue_is_long()

    def _go_on_soon(self) -> None:
        """Read no more until the lines that wait have been taken, in later turns of the loop."""
        self._sliced = True
        if self._transport is not None:
            self._transport.pause_reading()
        asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        """Take the next slice."""
        if self._sliced:
            self._sliced = False
            self.data_received(b"")
            self._resume_reading()

    def _take_all(self) -> None:
        """Take all lines that wait: the connection ends."""
        while self._sliced and not self.peer.ended:
            self._go_on()

    def _hold_while_queue_is_long(self) -> None:
        """Read no more until the messages that were read have begun their way."""
        if self._host.bus.dispatcher.when_queue_is_short(self._queue_is_short):
            self._held = True
            if self._transport is not None:
                self._transport.pause_reading()

    def _queue_is_short(self) -> None:
        self._held = False
        self._resume_reading()

    def _resume_reading(self) -> None:
        waits = self.peer.ended or self._held or self._stalled or self._sliced
        if self._transport is not None and not waits:
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        """End the peer, which sends no more; what it is still owed is sent first.

        A last line without its end is not carried out, as recorded (line_eof_partial): it may
        be the half of one.
        """
        self._take_all()
        if not self.peer.ended and (lost := self._buffer.pending()):
            self.warn(f"ended within a line, {lost} bytes lost")
        self.peer.end(PeerEnd.GONE)
        return self._transport is not None

    def connection_lost(self, error: Exception | None) -> None:
        """End the peer, which can neither send nor read any more."""
        self._transport = None
        self._take_all()
        self.peer.end(PeerEnd.GONE)

    def pause_writing(self) -> None:
        """Stop reading from a peer that reads too slowly, until it has caught up."""
        self._stalled = self.peer.congested = True
        if self._transport is not None and not self.peer.ended:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on reading: the peer has caught up."""
        self._stalled = False
        self.peer.congested = self._input_closed or self.peer.ended
        if self._lost_notices:
            count, self._lost_notices = self._lost_notices, 0
            text = f"'{self.peer.label}' did not read: {count} notices were left out"
            self._host.debug(log.WARN, text)
        self._resume_reading()

    def write_failed(self) -> None:
        """Pass the peer by from now on: it has closed its input. It may go on sending."""
        self._input_closed = self.peer.congested = True
        self.peer.input_closed()

    def warn(self, text: str) -> None:
        """Log what is wrong with the peer, unless it has ended."""
        if not self.peer.ended:
            self._host.debug(log.WARN, f"'{self.peer.label}' {text}")

    # The peer's side (`PeerConnection`)

    @property
    def bufsize(self) -> int:
        """The bytes of the longest line that the peer may send."""
        return self._buffer.size

    @bufsize.setter
    def bufsize(self, size: int) -> None:
        self._buffer.size = size

    def check_buffered(self) -> None:
        """Check what was received before `bufsize` was changed.

        Raises:
            LineTooLongError: it does not fit.
        """
        size = self._buffer.size
        if self._buffer.pending() > size:
            raise LineTooLongError(f"more than the {size} bytes of its new buffer")

    def refuses(self) -> bool:
        """Return True if the peer takes no more lines: it has closed its input, or more than
        ``maxoutput`` bytes wait for it."""
        if self._input_closed:
            return True
        if not self._stalled or self._transport is None:
            return False
        return self._transport.get_write_buffer_size() > self._host.options.maxoutput

    def count_lost_notice(self) -> None:
        """Count a notice that was left out because the connection refuses."""
        self._lost_notices += 1

    def write_soon(self) -> float:
        """Write the peer's lines at the end of this turn of the loop; return the loop's time."""
        return self._host.write_soon(self)

    def flush(self) -> None:
        """Write the peer's lines now."""
        lines, self.peer.outgoing = self.peer.outgoing, None
        if lines and self._transport is not None and not self._input_closed:
            self._transport.write(wire.to_bytes("\n".join(lines) + "\n"))

    def close(self) -> None:
        """Write the peer's lines, then close."""
        self.flush()
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        on_close, self.on_close = self.on_close, None
        if on_close is not None:
            on_close()

    def hand_off(self, successor: asyncio.Protocol) -> None:
        """End the peer, and let `successor` have the transport and what has come on it."""
        transport, self._transport = self._transport, None
        self._successor = successor
        self.peer.end(PeerEnd.DATA)
        assert isinstance(transport, asyncio.Transport)
        transport.set_protocol(successor)
        successor.connection_made(transport)
