"""TCP and UNIX listeners for peers that are started elsewhere."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Protocol, cast

from yext.access.admission import check_loopback
from yext.errors import ListenError
from yext.extmodule.listeners import OTHERS_HINT, PeerListenerSpec
from yext.extmodule.peer.arrival import Arrival, Lobby
from yext.extmodule.peer.connection import Connection
from yext.listening import ListeningServer, SocketKind, listen
from yext.log import WARN
from yext.sockets.peercred import peer_credentials


class ListenerHost(Protocol):
    """What `Listeners` need from their owner."""

    def make_connection(self, name: str, address: str, role: str, pid: int | None) -> Connection:
        """Make the connection of a peer.

        Args:
            name: the name of its listener.
            address: its address, empty for a UNIX socket.
            role: its role.
            pid: its process id if that is known.
        """

    def debug(self, level: int, text: str) -> None:
        """Log `text` as the module's debug text if `level` is low enough."""


class PeerListener:
    """One open listener."""

    def __init__(self, spec: PeerListenerSpec, host: ListenerHost, lobby: Lobby) -> None:
        self.spec = spec
        self._host = host
        self._lobby = lobby
        self._server: ListeningServer | None = None

    async def open(self) -> None:
        """Start to listen. Raises `ListenError` with the exact reason when it cannot."""
        if not self.spec.access.for_other_machines:
            check_loopback(self.spec, OTHERS_HINT)
        self._server = await listen(
            self.spec, self._peer, lambda text: self._host.debug(WARN, text)
        )

    def close(self) -> None:
        """Stop listening; peers stay connected."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _peer(self) -> asyncio.Protocol:
        return Arrival(self._lobby, self.spec, self.accept)

    def accept(self, transport: asyncio.Transport) -> Connection:
        """Make the connection of a peer that has just connected."""
        found = cast(socket.socket, transport.get_extra_info("socket"))
        pid = None
        address = ""
        if self.spec.kind is SocketKind.UNIX:
            pid = peer_credentials(found).pid
        else:
            peer = transport.get_extra_info("peername")
            address = f"{peer[0]}:{peer[1]}" if peer else ""
        return self._host.make_connection(self.spec.name, address, self.spec.role, pid)


class Listeners:
    """The open listeners, and the ones that could not be opened.

    Args:
        host: the owner.

    Attributes:
        open: the open listeners by name.
        failed: why the others could not be opened, by name.
    """

    def __init__(self, host: ListenerHost) -> None:
        self.open: dict[str, PeerListener] = {}
        self.failed: dict[str, ListenError] = {}
        self._host = host
        self._lobby = Lobby(host)

    @property
    def failed_logins(self) -> int:
        """How many passwords were wrong, or refused unseen."""
        return self._lobby.guard.failures

    async def apply(self, wanted: Sequence[PeerListenerSpec]) -> list[str]:
        """Close what is not wanted, then open what is: addresses may have been exchanged.

        A listener that cannot move to its new address stays at the old one.

        Returns:
            A line for each thing that was changed, or could not be.
        """
        lines: list[str] = []
        specs = {spec.name: spec for spec in wanted}
        moved: dict[str, PeerListenerSpec] = {}
        for name, listener in list(self.open.items()):
            if specs.get(name) == listener.spec:
                listener.spec = specs[name]  # Who may connect can have changed.
                continue
            listener.close()
            del self.open[name]
            if name in specs:
                moved[name] = listener.spec
            else:
                lines.append(f"listener '{name}' closed: {listener.spec.where()}")
        self.failed.clear()
        for spec in wanted:
            if spec.name not in self.open:
                lines += await self._open(spec, moved.get(spec.name))
        return lines

    async def _open(self, spec: PeerListenerSpec, before: PeerListenerSpec | None) -> list[str]:
        line = await self._try(spec)
        if before is None:
            return [line or f"listener '{spec.name}' opened: {spec.where()}"]
        if not line:
            if before.where() == spec.where():
                return [f"listener '{spec.name}' changed: {spec.where()}"]
            return [f"listener '{spec.name}' moved: {before.where()} -> {spec.where()}"]
        again = await self._try(before)
        return [line, again or f"listener '{spec.name}' stays: {before.where()}"]

    async def _try(self, spec: PeerListenerSpec) -> str:
        """Open a listener; return why it could not be opened, empty if it is open."""
        listener = PeerListener(spec, self._host, self._lobby)
        try:
            await listener.open()
        except ListenError as error:
            self.failed[spec.name] = error
            self._host.debug(WARN, f"Could not bind {error}")
            return str(error)
        self.open[spec.name] = listener
        return ""

    def close(self) -> None:
        """Stop listening; peers stay connected."""
        for listener in self.open.values():
            listener.close()
        self.open.clear()

    async def stop(self) -> None:
        """Stop listening, and refuse those who wait to be let in."""
        self.close()
        await self._lobby.close()
