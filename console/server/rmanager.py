"""The remote manager: Yate's module of that name, its listeners and connections.

Source: Yate's conf.d/rmanager.conf and the recordings in tests/conformance/vectors/rmanager.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from console.server import tls
from console.server.auth import Guard
from console.server.connection import Connection
from console.server.listeners import Listener, check_local, read_listeners
from console.server.operator import Operator
from console.session.authority import Authority
from console.session.secrets import Secrets
from yext import Reply, log, peercred, wire
from yext.conf import Problem, Severity
from yext.dispatcher import Dispatch
from yext.engine.module import Module
from yext.errors import ListenError
from yext.listening import ListeningServer, examine_listeners, listen
from yext.message import Message
from yext.record.journey import HIDDEN

if TYPE_CHECKING:
    from console.session.session import Session
    from yext.engine.engine import Engine

SESSIONS = 1000
"""Connections at a time; more are told so and closed."""

GUESTS = 50
"""Connections that have not authenticated; the one idle for longest goes for a new one."""

HANDSHAKE_SECONDS = 10.0
"""How long securing a connection may take."""

_STATUS_PRIORITY = 80

audit = logging.getLogger("yext.audit")

Place = tuple[str, str, int]


class RManager(Module):
    """Yate's rmanager module: listeners, and a connection for each operator."""

    name = "rmanager"
    title = "RManager"
    status_priority = _STATUS_PRIORITY
    track = False
    tells_reload = False
    label = "rmanager"

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.engine = engine
        self.operators: dict[Operator, None] = {}
        self.listeners: dict[Place, Listener] = {}
        self.failed: list[ListenError] = []
        self.guard = Guard(asyncio.get_running_loop().time)
        self._servers: dict[Place, ListeningServer] = {}
        self._planned: tuple[Listener, ...] = ()
        self._arriving: set[asyncio.Task[None]] = set()
        self._listening: dict[Operator, None] = {}
        self._machines: dict[Operator, None] = {}
        self._unsubscribe = engine.log.subscribe(self._told)

    def load(self) -> None:
        # `debug rmanager` is answered by nobody, as recorded.
        self.handle("engine.status", self._status, self.status_priority)

    def _status(self, message: Message) -> bool:
        # Told and yet not handled, as recorded.
        super()._status(message)
        return False

    # Listeners

    def read_conf(self) -> list[Problem]:
        file, openssl = self.engine.read_conf("rmanager"), self.engine.read_conf("openssl")
        self._planned, problems = read_listeners(file, openssl)
        return [*file.problems, *problems]

    def examine(self) -> list[Problem]:
        file = self.engine.read_conf("rmanager")
        problems: list[Problem] = []
        for listener in self._planned:
            section = file.section(listener.spec.name)
            place = (section.file, section.line) if section is not None else ("rmanager.conf", 0)
            spec = replace(listener.spec, file=place[0], line=place[1])
            try:
                check_local(listener)
            except ListenError as error:
                problems.append(Problem(spec.file, spec.line, Severity.ERROR, str(error)))
            else:
                problems += examine_listeners([spec])
        return problems

    async def apply_conf(self) -> list[str]:
        lines: list[str] = []
        wanted = {listener.place: listener for listener in reversed(self._planned)}
        for place in [place for place in self.listeners if place not in wanted]:
            lines.append(f"rmanager listener closed: {self.listeners[place].spec.where()}")
            self._close(place)
        self.failed.clear()
        for listener in self._planned:
            if listener.place in self._servers and wanted[listener.place] is listener:
                # Who is connected keeps what held when it came.
                self.listeners[listener.place] = listener
            elif listener.tls is not tls.UNUSABLE:
                lines.append(await self._open(listener))
        return lines

    async def _open(self, listener: Listener) -> str:
        spec, place = listener.spec, listener.place
        try:
            check_local(listener)
            self._servers[place] = await listen(
                spec, lambda: _Arrival(self, self.listeners.get(place, listener))
            )
        except ListenError as error:
            self.failed.append(error)
            self._tell_failed(listener, error)
            return str(error)
        self.listeners[place] = listener
        return f"rmanager listener opened: {spec.where()}"

    def _tell_failed(self, listener: Listener, error: ListenError) -> None:
        if error.errno is None or error.errno == errno.EACCES:
            self.debug(log.WARN, f"Could not open rmanager {error}")
            return
        spec = listener.spec
        where = spec.path or f"{spec.addr}:{spec.port}"
        self.debug(log.CRIT, f"Failed to bind to {where} : {os.strerror(error.errno)}")

    def _close(self, place: Place) -> None:
        self.listeners.pop(place, None)
        self._servers.pop(place).close()

    def status_params(self) -> str:
        return f"listeners={len(self._servers)},conn={len(self.operators)}"

    async def stop(self, deadline: float) -> None:
        for place in list(self._servers):
            self._close(place)
        for task in list(self._arriving):
            task.cancel()
        await asyncio.gather(*self._arriving, return_exceptions=True)
        operators = list(self.operators)
        for operator in operators:
            operator.close()
        await asyncio.gather(*(operator.ended() for operator in operators))
        self._unsubscribe()

    # Connections

    def arrived(self, transport: asyncio.Transport, listener: Listener) -> None:
        """Somebody connected: turned away, secured, or let in."""
        refusal = self._refusal(transport, listener)
        if refusal:
            self.debug(log.WARN, f"Connection rejected: {refusal}")
            transport.write(f"{refusal}\r\n".encode())
            transport.close()
            return
        if listener.tls is None:
            connection = Connection(self, listener)
            transport.set_protocol(connection)
            connection.connection_made(transport)
            return
        transport.pause_reading()
        task = asyncio.get_running_loop().create_task(self._secure(transport, listener))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)

    def _refusal(self, transport: asyncio.Transport, listener: Listener) -> str:
        if len(self.operators) + len(self._arriving) >= SESSIONS:
            return f"Too many sessions, at most {SESSIONS}"
        if listener.tls is not None and len(self._arriving) >= GUESTS:
            return "Too many connections being secured"
        if not listener.credentials.none:
            return ""
        found = cast(socket.socket, transport.get_extra_info("socket"))
        if peercred.is_same_user(found):
            return ""
        return "No password is set: only the system user who runs the engine may connect"

    async def _secure(self, transport: asyncio.Transport, listener: Listener) -> None:
        import ssl

        context = cast(ssl.SSLContext, listener.tls)
        connection = Connection(self, listener)
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(
                transport,
                connection,
                context,
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        except (OSError, asyncio.CancelledError) as error:
            where = transport.get_extra_info("peername")
            self.debug(log.MILD, f"Connection of {where} could not be secured: {error}")
            transport.abort()
            return
        if secured is not None:
            connection.connection_made(secured)

    def add(self, operator: Operator) -> None:
        """Register an operator; too many guests cost the one idle for longest its place."""
        self.operators[operator] = None
        if operator.session.authority is Authority.GUEST:
            guests = [
                guest for guest in self.operators if guest.session.authority is Authority.GUEST
            ]
            if len(guests) > GUESTS:
                min(guests, key=lambda guest: guest.last_heard).close()

    def remove(self, operator: Operator) -> bool:
        """Forget an operator; return False if that was done before."""
        self._listening.pop(operator, None)
        self._watch(operator, False)
        return self.operators.pop(operator, self) is None

    def follow(self, operator: Operator) -> None:
        """Show an operator from now on what the session's switches ask for."""
        session = operator.session
        if operator not in self.operators:
            return
        known = session.authority > Authority.GUEST and not operator.in_shell
        if known and (session.output or session.debug):
            self._listening[operator] = None
        else:
            self._listening.pop(operator, None)
        sees_all = session.authority is Authority.ADMIN or session.policy.user_flow
        self._watch(operator, known and session.machine and sees_all)

    # What is told

    def _told(self, event: log.Event) -> None:
        if event.kind == "notice":
            for operator in list(self.operators):
                wanted = operator.session.label if event.session else ""
                # What ended well is told only where output is on: scr_exit_messages.
                heard = (wanted and event.level <= log.WARN) or operator in self._listening
                if event.session == wanted and heard and not operator.in_shell:
                    operator.conversation.notice(event)
            return
        for operator in list(self._listening):
            operator.conversation.tell(event)

    def _watch(self, operator: Operator, wanted: bool) -> None:
        before = bool(self._machines)
        if wanted:
            self._machines[operator] = None
        else:
            self._machines.pop(operator, None)
        if bool(self._machines) != before:
            dispatcher = self.engine.dispatcher
            (dispatcher.watch if wanted else dispatcher.unwatch)("", self)

    def notice(self, dispatch: Dispatch) -> None:
        """A message is over: machine sessions are told."""
        message, handled = dispatch.message, dispatch.handled
        line = ""
        for operator in list(self._machines):
            session = operator.session
            if session.authority is not Authority.ADMIN:
                seen = masked(message, session.secrets, self.engine.recorder.secret)
                operator.conversation.message(wire.encode_answer("", seen, handled))
                continue
            line = line or wire.encode_answer("", message, handled)
            operator.conversation.message(line)

    def audit(self, session: Session, line: str, reply: Reply) -> None:
        """Writes a command of a remote session to the log: who, from where, what, outcome."""
        if _MARK.fullmatch(line):
            return
        outcome = "ok" if reply.ok else f"failed: {reply.params.get('reason', 'no reason given')}"
        who = session.authority.name.lower()
        shown = session.secrets.hide(line)
        audit.info("audit %s %s: %s: %s", who, session.address, shown, outcome)


_MARK = re.compile(r"help yext-[0-9a-f]{8}-\d+")
"""What `yext attach` puts after each command to find the end of its reply: no operator's."""


def masked(message: Message, secrets: Secrets, secret: Callable[[str], bool]) -> Message:
    """`message` as an observer sees it: without passwords in command lines and without the
    values of parameters with secret names."""
    lines = secrets.in_params(message.params)
    params = {
        key: HIDDEN if key in lines or secret(key) else value
        for key, value in message.params.items()
    }
    # What user.auth returns is a password.
    retvalue = HIDDEN if message.retvalue and message.name == "user.auth" else message.retvalue
    return Message(message.name, params, retvalue=retvalue, time=message.time)


class _Arrival(asyncio.Protocol):
    """Stands in until it is decided what becomes of a connection."""

    def __init__(self, module: RManager, listener: Listener) -> None:
        self._module = module
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._module.arrived(cast(asyncio.Transport, transport), self._listener)
