"""TLS handshakes of connections that have arrived."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from yext import log
from yext.access.places import Places
from yext.log import Throttle

HANDSHAKE_SECONDS = 10.0
"""How long the handshake of a connection may take."""

REPORT_SECONDS = 60.0
"""The least time between two lines about handshakes that failed."""

Secured = Callable[[], asyncio.Protocol]
"""Returns the protocol of a connection that is secured."""


class Handshakes:
    """The TLS handshakes that are under way.

    Args:
        places: where connections before their login are counted.
        debug: logs text at a debug level.
    """

    def __init__(self, places: Places, debug: Callable[[int, str], None]) -> None:
        self._places = places
        self._debug = debug
        self._running: set[_Handshake] = set()
        self._failures = Throttle(self._report, REPORT_SECONDS)
        self._last = ""

    def __len__(self) -> int:
        return len(self._running)

    def begin(
        self, transport: asyncio.Transport, source: str, context: ssl.SSLContext, secured: Secured
    ) -> None:
        """Secure a connection, and hand it to `secured`; abort it if that fails."""
        handshake = _Handshake(self, source, transport, context, secured)
        self._running.add(handshake)
        self._places.take(handshake)

    async def stop(self) -> None:
        """Abort all of them."""
        running = list(self._running)
        for handshake in running:
            handshake.close()
        await asyncio.gather(*(one.task for one in running), return_exceptions=True)
        self._failures.flush()

    def failed(self, where: str, reason: str) -> None:
        """Log a failed handshake, or count it."""
        self._last = f"{where} could not be secured: {reason}"
        if self._failures.passes(1):
            self._debug(log.MILD, f"Connection of {self._last}")

    def ended(self, handshake: _Handshake) -> None:
        """Forget a handshake."""
        self._running.discard(handshake)
        self._places.leave(handshake)

    def _report(self, failures: int) -> None:
        connections = "connection" if failures == 1 else "connections"
        text = f"{failures:,} more {connections} could not be secured; the last: {self._last}"
        self._debug(log.MILD, text)


class _Handshake:
    """One handshake; an `Arrival` on which nothing is typed."""

    spoken = False

    def __init__(
        self,
        owner: Handshakes,
        source: str,
        transport: asyncio.Transport,
        context: ssl.SSLContext,
        secured: Secured,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.source = source
        self.last_heard = loop.time()
        self._owner = owner
        self._transport = transport
        self._waiting = _Waiting()
        transport.pause_reading()
        transport.set_protocol(self._waiting)
        self.task = loop.create_task(self._shake_hands(context, secured))

    def close(self) -> None:
        """Abort the connection."""
        self.task.cancel()

    async def _shake_hands(self, context: ssl.SSLContext, secured: Secured) -> None:
        peername = self._transport.get_extra_info("peername")
        where = str(peername[0]) if isinstance(peername, tuple) else "a UNIX socket"
        loop = asyncio.get_running_loop()
        try:
            made = await loop.start_tls(
                self._transport,
                self._waiting,
                context,
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
            # The protocol is told of a loss one turn later than the transport knows of it.
            if made is None or made.is_closing() or self._waiting.lost:
                raise ConnectionResetError("closed by the other end")
        except (OSError, asyncio.CancelledError) as error:
            self._owner.failed(where, _reason(error))
            self._transport.abort()
        else:
            self._waiting.hand_over(made, secured)
        finally:
            self._owner.ended(self)


class _Waiting(asyncio.Protocol):
    """The protocol of a connection until it is secured.

    Attributes:
        lost: whether the connection was lost meanwhile.
    """

    def __init__(self) -> None:
        self.lost = False
        self._received = b""
        self._ended = False

    def data_received(self, data: bytes) -> None:
        # The first data may come together with the end of the handshake.
        self._received += data

    def eof_received(self) -> bool:
        self._ended = True
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True

    def hand_over(self, transport: asyncio.Transport, secured: Secured) -> None:
        """Let the protocol of `secured` go on, with what has come meanwhile."""
        protocol = secured()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._received:
            protocol.data_received(self._received)
        if self._ended:
            protocol.eof_received()


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    if isinstance(error, asyncio.CancelledError):
        return "there was no place for it"
    return str(error) or "closed by the other end"
