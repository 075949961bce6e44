"""The remote manager: Yate's module of that name, its listeners and arriving connections.

Source: Yate's conf.d/rmanager.conf and the recordings in tests/conformance/vectors/rmanager.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from yext import log
from yext.access.tls import UNUSABLE
from yext.conf import Conf, Problem, Severity
from yext.conf.options import lost_section
from yext.console.server.connection import Connection
from yext.console.server.listeners import OPTION_NAMES, Listener, check_local, read_listeners
from yext.console.server.operators import Operators
from yext.console.session.authority import Authority
from yext.engine.module import Module
from yext.errors import ListenError
from yext.listening import ListeningServer, examine_listeners, listen
from yext.sockets import peercred
from yext.sockets.descriptors import MANAGER_RESERVE

if TYPE_CHECKING:
    import ssl

    from yext import Engine
    from yext.access.handshakes import Handshakes
    from yext.measures.family import Family
    from yext.message import Message

SESSIONS_MAX = 1000
"""Connections at a time; a further one is refused with the reason."""

Place = tuple[str, str, int]


class RManager(Module):
    """Yate's rmanager module.

    Attributes:
        operators: the operators connected now.
        listeners: the open listeners by their places.
        failed: why listeners could not be opened.
    """

    name = "rmanager"
    title = "RManager"
    status_priority = 80
    track = False
    announces_reload = False

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.operators = Operators(engine, self.debug)
        self.listeners: dict[Place, Listener] = {}
        self.failed: list[ListenError] = []
        self._servers: dict[Place, ListeningServer] = {}
        self._file = Conf("rmanager.conf", engine.conf.rules)
        self._planned: tuple[Listener, ...] = ()
        self._unusable: list[Problem] = []
        self._handshakes: Handshakes | None = None

    def load(self) -> None:
        # Yate's rmanager handles neither commands nor `debug rmanager`.
        self.handle("engine.status", self._status, self.status_priority)

    def _status(self, message: Message) -> bool:
        # Yate's rmanager adds its status, and yet does not handle the message.
        super()._status(message)
        return False

    def status_params(self) -> str:
        return f"listeners={len(self._servers)},conn={len(self.operators)}"

    async def stop(self, deadline: float) -> None:
        for place in list(self._servers):
            self._close(place)
        if self._handshakes is not None:
            await self._handshakes.stop()
        await self.operators.close()

    def measures(self) -> Iterator[Family]:
        from yext.measures import family

        counted = Counter(operator.session.authority for operator in self.operators)
        sessions = {one.name.lower(): counted[one] for one in Authority}
        samples = family.by_label("authority", sessions)
        yield family.Family("yext_sessions", family.Kind.GAUGE, "Sessions", samples)
        yield family.failed_logins("rmanager", self.operators.guard.failures)
        flow, unread = self.operators.left_out()
        samples = family.by_label("reason", {"rate": flow, "unread": unread})
        text = "Lines that sessions were not shown: at the limit of the flow, or unread"
        yield family.Family("yext_lines_left_out", family.Kind.COUNTER, text, samples)
        up = {one.spec.name: one.place in self._servers for one in self._planned}
        yield family.listeners_up("rmanager", up, self._unusable)

    # Listeners

    def read_conf(self) -> list[Problem]:
        file, openssl = self.bus.read_conf("rmanager"), self.bus.read_conf("openssl")
        self._file = file
        self._planned, problems, self._unusable = read_listeners(file, openssl)
        return [*file.problems, *problems]

    def losses(self) -> list[Problem]:
        file, found = self._file, []
        wanted = {listener.place for listener in self._planned if file.exists}
        for place, listener in self.listeners.items():
            # Without a line it was not in the file before.
            if place not in wanted and listener.spec.line:
                would = f"{listener.spec.where()} would be closed"
                found.append(lost_section(file, listener.spec.name, OPTION_NAMES, would))
        return [one for one in found if one is not None]

    def examine(self) -> list[Problem]:
        problems: list[Problem] = []
        for listener in self._planned:
            spec = listener.spec
            try:
                check_local(listener)
            except ListenError as error:
                problems.append(Problem(spec.file, spec.line, Severity.ERROR, str(error)))
            else:
                problems += examine_listeners([spec])
        return problems

    def unopened(self) -> list[str]:
        # Without rmanager.conf there is a listener all the same, which nobody has asked for.
        failed = [str(error) for error in self.failed] if self._file.exists else []
        return [*map(str, self._unusable), *failed]

    async def apply_conf(self) -> list[str]:
        lines: list[str] = []
        wanted = {listener.place: listener for listener in reversed(self._planned)}
        for place in [place for place in self.listeners if place not in wanted]:
            lines.append(f"rmanager listener closed: {self.listeners[place].spec.where()}")
            self._close(place)
        self.failed.clear()
        for listener in self._planned:
            if listener.place in self._servers and wanted[listener.place] is listener:
                # Operators that are connected keep the options of their arrival.
                self.listeners[listener.place] = listener
            elif listener.tls is not UNUSABLE:
                lines.append(await self._open(listener))
        return lines

    async def _open(self, listener: Listener) -> str:
        """Open a listener; return a line that reports it, or why that failed."""
        spec, place = listener.spec, listener.place
        try:
            check_local(listener)
            self._servers[place] = await listen(
                spec,
                lambda: _Arrival(self, self.listeners.get(place, listener)),
                lambda text: self.debug(log.WARN, text),
                MANAGER_RESERVE,
            )
        except ListenError as error:
            self.failed.append(error)
            self._log_failure(listener, error)
            return str(error)
        self.listeners[place] = listener
        return f"rmanager listener opened: {spec.where()}"

    def _log_failure(self, listener: Listener, error: ListenError) -> None:
        if error.errno is None or error.errno == errno.EACCES:
            self.debug(log.WARN, f"Could not open rmanager {error}")
            return
        spec = listener.spec
        where = spec.path or f"{spec.addr}:{spec.port}"
        self.debug(log.CRIT, f"Failed to bind to {where} : {os.strerror(error.errno)}")

    def _close(self, place: Place) -> None:
        self.listeners.pop(place, None)
        self._servers.pop(place).close()

    # Arriving connections

    def arrived(self, transport: asyncio.Transport, listener: Listener) -> None:
        """Refuse a connection that has just arrived, or secure it, or let it in."""
        refusal = self._refusal(transport, listener)
        if refusal:
            self.operators.refusals.report(refusal, f"Connection rejected: {refusal}")
            transport.write(f"{refusal}\r\n".encode())
            transport.close()
            return
        if listener.tls is None:
            connection = Connection(self.operators, listener)
            transport.set_protocol(connection)
            connection.connection_made(transport)
        else:
            self._secure(transport, listener)

    def _secure(self, transport: asyncio.Transport, listener: Listener) -> None:
        """Let a connection in after its TLS handshake."""
        if self._handshakes is None:
            # Few managers need TLS, and a start must be quick.
            from yext.access.handshakes import Handshakes

            self._handshakes = Handshakes(self.operators.places, self.debug)
        connected = cast(socket.socket, transport.get_extra_info("socket"))
        source = peercred.source(connected, transport.get_extra_info("peername"))
        context = cast("ssl.SSLContext", listener.tls)
        self._handshakes.begin(
            transport, source, context, lambda: Connection(self.operators, listener)
        )

    def _refusal(self, transport: asyncio.Transport, listener: Listener) -> str:
        """Return why a connection is refused, empty if it is not."""
        securing = len(self._handshakes) if self._handshakes is not None else 0
        if len(self.operators) + securing >= SESSIONS_MAX:
            return f"Too many sessions, at most {SESSIONS_MAX}"
        if not listener.credentials.none:
            return ""
        connected = cast(socket.socket, transport.get_extra_info("socket"))
        if peercred.is_same_user(connected):
            return ""
        return "No password is set: only the system user who runs the engine may connect"


class _Arrival(asyncio.Protocol):
    """The protocol of a connection until it is refused or let in."""

    def __init__(self, module: RManager, listener: Listener) -> None:
        self._module = module
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._module.arrived(cast(asyncio.Transport, transport), self._listener)
