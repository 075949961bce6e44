"""The transport of one connection: its bytes in and out, and flow control.

Source: tests/conformance/vectors/rmanager.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from yext.access.opening import Opening
from yext.console.server import dialect
from yext.console.server.operator import Operator
from yext.console.server.writer import Writer
from yext.console.telnet import Parser, SubnegotiationError
from yext.sockets import peercred

if TYPE_CHECKING:
    from yext.console.server.listeners import Listener
    from yext.console.server.operator import OperatorHost

SLICE, GUEST_SLICE = 4096, 512
"""Bytes of received data that are looked at in one turn of the loop; no more are read at once."""


class Connection(asyncio.Protocol):
    """The transport of one operator.

    Args:
        host: the remote manager.
        listener: where the connection arrived.
    """

    _operator: Operator
    _writer: Writer

    def __init__(self, host: OperatorHost, listener: Listener) -> None:
        self._host = host
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._opening = Opening()
        self._parser = Parser()
        self._received = b""
        self._ended = False
        self._secured = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        with suppress(AttributeError):  # Another event loop's transport may not know it.
            cast(Any, transport).max_size = SLICE
        # Asked for now: asyncio's transport for TLS knows nothing any more once it is closed twice.
        self._secured = transport.get_extra_info("ssl_object") is not None
        listener = self._listener
        connected = cast(socket.socket, self._transport.get_extra_info("socket"))
        peername = self._transport.get_extra_info("peername")
        self._writer = Writer(
            self._transport,
            limit=listener.maxqueue,
            stall_timeout=listener.stalled,
            telnet=listener.telnet,
            report_lost=self._report_lost,
        )
        self._operator = Operator(
            self._host,
            listener,
            self._writer,
            address=peercred.address(connected, peername, listener.spec.path),
            process=peercred.process(connected),
            source=peercred.source(connected, peername),
            hang_up=self._hang_up,
            limit_reading=self._limit_reading,
        )
        own = listener.spec.path or peercred.address(connected, connected.getsockname(), "")
        self._operator.start(own)

    def data_received(self, data: bytes) -> None:
        waits = bool(self._received)
        self._received += data
        if waits:
            return
        if self._operator.is_guest:
            self._host.turns.call(self._take_slice)
        else:
            self._take_slice()

    def eof_received(self) -> bool:
        """Close after what was sent is carried out; half of a TLS connection cannot stay open."""
        self._input_ended()
        return self._transport is not None and not self._secured

    def connection_lost(self, error: Exception | None) -> None:
        """Carry out what was received: a client may send commands and close at once."""
        self._transport = None
        self._writer.close()
        # Its place is the first to go to another guest.
        self._operator.spoken = False
        self._input_ended()

    def pause_writing(self) -> None:
        self._writer.pause()
        self._limit_reading()

    def resume_writing(self) -> None:
        self._writer.resume()
        self._operator.drained()
        self._limit_reading()

    def _input_ended(self) -> None:
        self._ended = True
        if not self._received:
            self._operator.input_ended()

    def _take_slice(self) -> None:
        """Handle a slice of what was received, and the rest in later turns of the loop."""
        if self._operator.session.closing:
            self._received = b""
            return
        size = GUEST_SLICE if self._operator.is_guest else SLICE
        data, self._received = self._received[:size], self._received[size:]
        loop = asyncio.get_running_loop()
        self._operator.last_heard = loop.time()
        address = self._operator.session.address
        if self._opening.feed(data):
            text = self._opening.refusal(f"Connection from {address}")
            self._refuse(self._opening.foreign, text)
            return
        try:
            items = self._parser.feed(data)
        except SubnegotiationError:
            self._refuse("telnet", f"{address}: endless telnet option, closed")
            return
        if self._received and self._operator.is_guest:
            self._host.turns.call(self._take_slice)
        elif self._received:
            loop.call_soon(self._take_slice)
        self._limit_reading()
        self._operator.receive(items)
        if self._ended and not self._received:
            self._operator.input_ended()

    def _refuse(self, kind: str, reason: str) -> None:
        """Log why nothing more of the connection is read, and close it."""
        self._host.refusals.report(kind, reason)
        self._received = b""
        self._operator.close()

    def _limit_reading(self) -> None:
        """Read only while what is received is handled, and its replies are read."""
        if self._transport is not None and not self._transport.is_closing():
            full = self._operator.full or bool(self._received)
            if full or not self._writer.drained.is_set():
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _hang_up(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._writer.flush()
            self._transport.close()

    def _report_lost(self, lines: int) -> str:
        return dialect.lost(lines, machine_mode=self._operator.session.machine)
