"""A link to a Yate, or to a yext that shares nothing: one-way, as an external module of it.

It may ask the handlers that this node shares, one for each message name, as its protocol has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from yext import wire
from yext.cluster.exchange.announcement import Offer
from yext.cluster.exchange.carrier import Kind
from yext.cluster.exchange.exchange import Exchange
from yext.cluster.exchange.node import Node
from yext.cluster.limits import LINK_SILENCE_SECONDS
from yext.dispatcher import Dispatch
from yext.errors import LineTooLongError, NodeError, ProtocolError
from yext.linebuffer import LineBuffer
from yext.log import WARN, safe

_BUFSIZE = 65536
"""Bytes of the longest line, the most that Yate can be told."""


class YatePeer(asyncio.Protocol):
    """One connection as an external module.

    Args:
        exchange: what has the offers.
        name: the name of the link.
        ended: called once with the reason when the connection has ended.

    Attributes:
        label: the link's name for operators.
        node: counts what is asked and answered.
    """

    kind = "peer"
    silence = LINK_SILENCE_SECONDS
    broadcasts = True

    def __init__(self, exchange: Exchange, name: str, ended: Callable[[str], None]) -> None:
        self.label = f"link {name}"
        self.node = Node(name, self, "", 0.0)
        self._exchange = exchange
        self._ended = ended
        self._installed: dict[str, Offer] = {}
        self._buffer = LineBuffer(_BUFSIZE)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._write(f"%%>setlocal:bufsize:{_BUFSIZE}")
        self._exchange.when_changed.append(self._sync)
        self._sync()

    def _write(self, line: str) -> None:
        if self._transport is not None:
            self._transport.write(wire.to_bytes(f"{line}\n"))

    def _sync(self) -> None:
        """Install the offers there, the first of each name."""
        wanted: dict[str, Offer] = {}
        for offer in self._exchange.serving.offers:
            wanted.setdefault(offer.name, offer)
        for name, offer in list(self._installed.items()):
            if wanted.get(name) != offer:
                del self._installed[name]
                self._write(f"%%>uninstall:{name}")
        for name, offer in wanted.items():
            if name not in self._installed:
                self._installed[name] = offer
                condition = ":".join(map(wire.escape, (offer.filter_name, offer.filter_value)))
                priority = min(offer.priority, 2147483646)
                self._write(
                    f"%%>install:{priority}:{name}" + (f":{condition}" if offer.filter_name else "")
                )

    def data_received(self, data: bytes) -> None:
        self._buffer.feed(data)
        try:
            while (line := self._buffer.next_line()) is not None:
                if line.startswith("%%>message:"):
                    self._asked(line[11:])
        except LineTooLongError as error:
            self.refuse("", f"it sends {error}")
        except (NodeError, ProtocolError) as error:
            self.refuse("", f"it sends what makes no sense: {error}")

    def _asked(self, fields: str) -> None:
        ident, message = wire.decode_message(fields)
        offer = self._installed.get(message.name)

        def done(dispatch: Dispatch) -> None:
            self._write(wire.encode_answer(ident, dispatch.message, dispatch.handled))

        if offer is None or not self._exchange.serving.serve(self.node, offer, message, done):
            self._write(f"%%<message:{wire.escape(ident)}:false::")

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._sync in self._exchange.when_changed:
            self._exchange.when_changed.remove(self._sync)
        self._ended(str(error) if error else "it closed the connection")

    def send(self, node: str, kind: Kind, text: str) -> bool:
        """Send nothing: there are no frames on such a connection."""
        return False

    def refuse(self, node: str, reason: str) -> None:
        self._exchange.bus.log.debug(WARN, "cluster", safe(f"{self.label} closed: {reason}"))
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close the connection once what was written is on its way."""
        if self._transport is not None:
            self._write("%%>quit")
            self._transport.close()
