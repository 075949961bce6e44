"""TCP and UNIX listeners for peers that are started elsewhere."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from yext.extmodule.peer.peer import Receiver
from yext.extmodule.settings import PeerListenerSpec
from yext.listening import ListeningServer, SocketKind, listen
from yext.peercred import peer_credentials

READ_MAX = 32768
"""Bytes that are read from a peer in one turn: some 300 messages, 2 ms; then others have theirs."""

MakeReceiver = Callable[[str, str, str], Receiver]
"""Makes a receiver of a listener's name, where the peer comes from, and its role."""


class Listener:
    """One open listener."""

    def __init__(self, spec: PeerListenerSpec, make: MakeReceiver) -> None:
        self.spec = spec
        self._make = make
        self._server: ListeningServer | None = None

    async def open(self) -> None:
        """Start to listen. Raises `ListenError` with the exact reason when it cannot."""
        self._server = await listen(self.spec, self._peer)

    def close(self) -> None:
        """Stop listening; peers stay connected."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _peer(self) -> asyncio.Protocol:
        return _Arrival(self)

    def accept(self, transport: asyncio.Transport) -> Receiver:
        """Makes the receiver of a peer that has just connected."""
        found = cast(socket.socket, transport.get_extra_info("socket"))
        pid = None
        where = ""
        if self.spec.kind is SocketKind.UNIX:
            pid = peer_credentials(found).pid
        else:
            peer = transport.get_extra_info("peername")
            where = f"{peer[0]}:{peer[1]}" if peer else ""
        receiver = self._make(self.spec.name, where, self.spec.role)
        receiver.pid = pid
        return receiver


class _Arrival(asyncio.Protocol):
    """Stands in until the connection is there, when the receiver takes its place."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        with suppress(AttributeError):  # Another event loop's transport may not know it.
            transport.max_size = READ_MAX  # type: ignore[attr-defined]
        receiver = self._listener.accept(cast(asyncio.Transport, transport))
        cast(asyncio.Transport, transport).set_protocol(receiver)
        receiver.connection_made(transport)
