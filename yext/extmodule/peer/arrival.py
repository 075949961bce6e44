"""Connections to a listener for peers, until they are let in.

A connection is refused, or secured, or asked for a password, as its listener's `Access` says.
Then a `Connection` takes its place; until its first line has come, a `_Newcomer` still looks
whether it speaks another protocol.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, cast

from yext import wire
from yext.access.admission import Admission, user_name
from yext.access.guard import Guard
from yext.access.opening import Opening
from yext.access.places import Places
from yext.access.refusals import Refusals
from yext.errors import ProtocolError, TooManyGuessesError
from yext.extmodule.listeners import PeerListenerSpec
from yext.extmodule.peer.connection import Connection
from yext.extmodule.peer.ends import PeerEnd
from yext.sockets import peercred

if TYPE_CHECKING:
    from yext.access.handshakes import Handshakes

READ_MAX = 32768
"""Bytes that are read from a peer in one turn: some 300 messages, 2 ms; then others have theirs."""

LOGIN_SECONDS = 10.0
"""How long a connection may take to send its password."""

LOGIN_MAX = 1024
"""Bytes of the line with the password."""

_AUTH = b"%%>auth:"

Accept = Callable[[asyncio.Transport], Connection]
"""Makes the connection of a peer that has been let in."""


class LobbyHost(Protocol):
    """What a lobby needs from its owner."""

    def debug(self, level: int, text: str) -> None:
        """Log `text` as the module's debug text if `level` is low enough."""


class Lobby:
    """What all listeners for peers share about connections that are not let in yet.

    Args:
        host: where refusals are logged.

    Attributes:
        places: the connections that have not authenticated.
        guard: slows down the guessing of passwords.
        refusals: logs refused connections.
    """

    def __init__(self, host: LobbyHost) -> None:
        self.places = Places()
        self.guard = Guard(lambda: asyncio.get_running_loop().time())
        self.refusals = Refusals(host.debug)
        self._host = host
        self._handshakes: Handshakes | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def handshakes(self) -> Handshakes:
        """The TLS handshakes that are under way."""
        if self._handshakes is None:
            from yext.access.handshakes import Handshakes  # Few listeners secure connections.

            self._handshakes = Handshakes(self.places, self._host.debug)
        return self._handshakes

    def run(self, work: Coroutine[object, object, None]) -> None:
        """Run a coroutine, which ends with the lobby."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait until nothing runs any more for those who were not let in."""
        if self._handshakes is not None:
            await self._handshakes.stop()
        self.places.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.refusals.flush()


class Arrival(asyncio.Protocol):
    """The protocol of a connection that has arrived at a listener.

    Args:
        lobby: where it waits if it has to.
        spec: the listener.
        accept: makes the connection of the peer.
    """

    def __init__(self, lobby: Lobby, spec: PeerListenerSpec, accept: Accept) -> None:
        self._lobby = lobby
        self._spec = spec
        self._accept = accept

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Decide about the connection."""
        with suppress(AttributeError):  # Another event loop's transport may not know it.
            transport.max_size = READ_MAX  # type: ignore[attr-defined]
        arrived = cast(asyncio.Transport, transport)
        lobby, access = self._lobby, self._spec.access
        connected = cast(socket.socket, arrived.get_extra_info("socket"))
        admission = access.admit(connected)
        if admission is Admission.IN and access.tls is None:
            _follow(arrived, _Newcomer(lobby, self._accept))
            return
        peername = arrived.get_extra_info("peername")
        where = peercred.address(connected, peername, self._spec.path)
        name = f"Connection from {where} to listener '{self._spec.name}'"
        if admission is Admission.REFUSED:
            _refuse(arrived, lobby, name, self._why_not(connected), answered=access.tls is None)
            return
        source = peercred.source(connected, peername)

        def successor() -> asyncio.Protocol:
            if admission is Admission.IN:
                return _Newcomer(lobby, self._accept)
            return _Login(lobby, access.password, self._accept, name, source)

        if access.tls is None:
            _follow(arrived, successor())
        else:
            lobby.handshakes.begin(arrived, source, access.tls, successor)

    def _why_not(self, connected: socket.socket) -> str:
        """Return why a connection is refused for its user."""
        users = ", ".join(sorted(user_name(uid) for uid in self._spec.access.users))
        who = user_name(peercred.owner(connected))
        allowed = f"the user who runs the engine{' and ' if users else ''}{users}"
        return f"no password is set, so only {allowed} may connect, and this is {who}"


def _follow(transport: asyncio.Transport, successor: asyncio.Protocol) -> None:
    transport.set_protocol(successor)
    successor.connection_made(transport)


def _refuse(
    transport: asyncio.Transport, lobby: Lobby, name: str, reason: str, *, answered: bool = True
) -> None:
    """Close a connection, and log why; the other end gets the reason if it can read it."""
    lobby.refusals.report(reason.partition(",")[0], f"{name} refused: {reason}")
    if answered:
        transport.write(f"%%<auth:false:{wire.escape(reason)}\n".encode())
    transport.close()


class _Login(asyncio.Protocol):
    """The protocol of a connection that has to send a password; an `Arrival` of `Places`.

    Args:
        lobby: where it waits.
        stored: the password of its listener.
        accept: makes the connection of the peer.
        name: the connection in the log.
        source: where it comes from.
    """

    def __init__(self, lobby: Lobby, stored: str, accept: Accept, name: str, source: str) -> None:
        loop = asyncio.get_running_loop()
        self.source = source
        self.last_heard = loop.time()
        self._lobby = lobby
        self._stored = stored
        self._accept = accept
        self._name = name
        self._received = b""
        self._checking = False
        self._over = False
        self._timer = loop.call_later(LOGIN_SECONDS, self._refuse, "no password came in time")

    @property
    def spoken(self) -> bool:
        """Whether anything has come on it."""
        return bool(self._received) or self._checking

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place."""
        self._transport = cast(asyncio.Transport, transport)
        self._lobby.places.take(self)

    def data_received(self, data: bytes) -> None:
        """Check the password once its line is complete."""
        if self._over:
            return
        self.last_heard = asyncio.get_running_loop().time()
        self._received += data
        if self._checking:
            return
        opening = Opening()
        if opening.feed(self._received):
            self._finish()
            self._lobby.refusals.report(opening.foreign, opening.refusal(self._name))
            self._transport.close()
            return
        line, end, rest = self._received.partition(b"\n")
        if len(line) > LOGIN_MAX:
            self._refuse("its first line is too long")
        elif end and not line.startswith(_AUTH):
            self._refuse("its first line is not %%>auth:PASSWORD")
        elif end:
            self._received = rest
            self._checking = True
            # A source that has guessed before may have to wait longer than others.
            self._timer.cancel()
            self._transport.pause_reading()
            self._lobby.run(self._check(line.removeprefix(_AUTH).rstrip(b"\r")))

    def eof_received(self) -> bool:
        """Refuse a connection that ends without a password."""
        if not self._checking:
            self._refuse("it ended without a password")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Give the place up."""
        self._finish()

    def close(self) -> None:
        """Give the place up for another connection."""
        self._refuse("others from there wait for their login as well")

    async def _check(self, given: bytes) -> None:
        """Let the connection in if the password is right."""
        try:
            right = await self._lobby.guard.check(self.source, lambda: self._compare(given))
        except TooManyGuessesError as error:
            self._refuse(f"too many wrong passwords from there, {error}")
            return
        if self._over:
            return
        if right is None:
            self._refuse("wrong password")
            return
        self._finish()
        transport = self._transport
        transport.write(b"%%<auth:true\n")
        connection = self._accept(transport)
        _follow(transport, connection)
        if self._received:
            connection.data_received(self._received)
        if not transport.is_closing():
            transport.resume_reading()

    async def _compare(self, given: bytes) -> bool | None:
        """Return True for the right password, None for a wrong one."""
        from yext.access import passwords  # Few listeners have one.

        try:
            password = wire.unescape(given.decode(wire.ENCODING, wire.ERRORS))
        except ProtocolError:
            return None
        return await passwords.matches(self._stored, password) or None

    def _refuse(self, reason: str) -> None:
        if not self._over:
            self._finish()
            _refuse(self._transport, self._lobby, self._name, reason)

    def _finish(self) -> None:
        self._over = True
        self._timer.cancel()
        self._lobby.places.leave(self)


class _Newcomer(asyncio.Protocol):
    """The protocol of a connection that is let in, until its first line has come."""

    __slots__ = ("_accept", "_connection", "_lobby", "_opening", "_transport")

    def __init__(self, lobby: Lobby, accept: Accept) -> None:
        self._lobby = lobby
        self._accept = accept
        self._opening = Opening()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Make the connection of the peer, which is connected from now on."""
        self._transport = cast(asyncio.Transport, transport)
        self._connection = self._accept(self._transport)
        self._connection.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass data on unless it shows that the connection speaks another protocol."""
        connection = self._connection
        if self._opening.feed(data):
            text = self._opening.refusal(f"Connection '{connection.peer.label}'")
            self._lobby.refusals.report(self._opening.foreign, text)
            self._transport.set_protocol(connection)
            connection.peer.end(PeerEnd.REFUSED)
            return
        if self._opening.over:
            self._transport.set_protocol(connection)
        connection.data_received(data)

    def eof_received(self) -> bool:
        """Pass it on."""
        return self._connection.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        """Pass it on."""
        self._connection.connection_lost(error)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._connection.resume_writing()
