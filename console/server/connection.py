"""One connection of the remote manager: its coming and going, telnet, and who is behind it.

A client that negotiates a terminal leaves the plain conversation (`console.server.conversation`)
for the operator's console (`console.server.telnetshell`). Source:
tests/conformance/vectors/rmanager.
"""

from __future__ import annotations

import asyncio
import codecs
import importlib
import socket
from typing import TYPE_CHECKING, cast

from console.server import dialect
from console.server.auth import TooMany
from console.server.conversation import Conversation
from console.server.typeahead import TypeAhead
from console.server.writer import Writer
from console.session.authority import Authority
from console.session.session import Policy, Session
from console.telnet import (
    BRK,
    EC,
    ECHO,
    EL,
    ERASE_LINE,
    IP,
    Command,
    Item,
    Negotiation,
    Parser,
    Request,
    StrayCommand,
    Subnegotiation,
    SubnegotiationError,
)
from yext import Reply, log, peercred
from yext.command import EOL

if TYPE_CHECKING:
    from console.server.listeners import Listener
    from console.server.rmanager import RManager
    from console.server.telnetshell import TelnetShell

SLICE = 4096
"""Bytes of what was received that are looked at in one turn of the loop."""

_PADDING = "\r" + " " * 9 + "\b" * 9
"""What Yate sends after its offer, to wipe out what a client without telnet shows of it."""

_KEYS_OF = {IP: "\x03", BRK: "\x03", EC: "\x7f", EL: "\x15"}
"""The keys that telnet commands stand for at a terminal."""


class Connection(asyncio.Protocol):
    """One connection: its bytes in and out, and what is negotiated.

    Attributes:
        session: the operator's.
        conversation: what is said; there is none before the connection is made.
        last_heard: when anything came, in the loop's time.
    """

    conversation: Conversation
    _writer: Writer

    def __init__(self, module: RManager, listener: Listener) -> None:
        self._module = module
        self.listener = listener
        self._transport: asyncio.Transport | None = None
        self._parser = Parser()
        self._telnet = Negotiation()
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._typeahead = TypeAhead(self._handle, ready=self._ready, idle=self._caught_up)
        self._ended = False
        self._shell: TelnetShell | None = None
        self._starting: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._source = ""
        self._received = b""
        self.last_heard = 0.0
        self.session = self._make_session()

    def _make_session(self) -> Session:
        listener = self.listener
        policy = Policy(
            user_commands=listener.users_may,
            user_flow=listener.user_flow,
            may_execute=listener.allow_execute,
            authenticate=None if listener.credentials.none else self._admit,
            audit=self._audit,
        )
        return Session(
            self._module.engine,
            "rmanager",
            authority=Authority.ADMIN if listener.credentials.none else Authority.GUEST,
            echo=listener.echoing,
            output=listener.output,
            debug=listener.debug,
            color=listener.color,
            aliases=dict(listener.aliases),
            policy=policy,
        )

    # Coming and going

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        module, listener = self._module, self.listener
        found = cast(socket.socket, self._transport.get_extra_info("socket"))
        peername = self._transport.get_extra_info("peername")
        address = peercred.address(found, peername, listener.spec.path)
        self._source = peercred.source(found, peername)
        self.session.address = address
        self.session.label = f"rmanager {address}"
        self.last_heard = asyncio.get_running_loop().time()
        self._writer = Writer(
            self._transport,
            limit=listener.maxqueue,
            stall_timeout=listener.stalled,
            telnet=listener.telnet,
            report_lost=lambda lines: dialect.lost(lines, machine_mode=self.session.machine),
        )
        self.conversation = Conversation(
            self.session,
            listener,
            self._writer,
            debug=module.debug,
            changed=lambda: module.follow(self),
        )
        if listener.logged:
            own = listener.spec.path or peercred.address(found, found.getsockname(), "")
            self._told(f"Remote connection from {address} to {own}")
        module.add(self)
        if self.session.authority is Authority.GUEST and listener.timeout:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(listener.timeout, self._overstayed)
        self._greet()
        module.follow(self)
        if self._received:
            self._take_slice()

    def _greet(self) -> None:
        if self.listener.telnet:
            self._writer.write_bytes(self._telnet.offer())
            self._writer.write(_PADDING)
        self.conversation.greet()

    def _overstayed(self) -> None:
        self._module.debug(log.NOTE, f"{self.session.address} did not authenticate in time")
        self.close()

    def eof_received(self) -> bool:
        """The client sends no more: what it sent is carried out, and answered if it listens."""
        self._ended = True
        if not self._typeahead.working:
            self.close()
        # Half of a TLS connection cannot be closed.
        return self._transport is not None and not self._transport.get_extra_info("ssl_object")

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._writer.close()
        self.close()

    @property
    def in_shell(self) -> bool:
        """Whether the plain conversation was left for the operator's console."""
        return self._shell is not None

    async def ended(self) -> None:
        """Waits until nothing of a closed connection runs any more."""
        await self._typeahead.stop()
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        if self._shell is not None:
            await self._shell.wait()

    def close(self) -> None:
        """Ends the connection after what was written to it."""
        if self._timer is not None:
            self._timer.cancel()
        if self._module.remove(self):
            self.session.close()
            if self.listener.logged:
                self._told(f"Closing connection to {self.session.address}")
        if self._shell is not None:
            self._shell.leave()
        if self._transport is not None:
            self._transport.close()

    def _told(self, text: str) -> None:
        self._module.engine.log.emit(log.Event("output", text, source="engine"))

    # What comes in

    def data_received(self, data: bytes) -> None:
        waits = bool(self._received)
        self._received += data
        # The first data can come together with the end of the TLS handshake.
        if self._transport is not None and not waits:
            self._take_slice()

    def _take_slice(self) -> None:
        """Takes in a little of what was received, and the rest in later turns of the loop."""
        piece, self._received = self._received[:SLICE], self._received[SLICE:]
        loop = asyncio.get_running_loop()
        self.last_heard = loop.time()
        try:
            items = self._parser.feed(piece)
        except SubnegotiationError:
            self._module.debug(log.WARN, f"{self.session.address}: endless telnet option, closed")
            self._received = b""
            self.close()
            return
        if self._received:
            loop.call_soon(self._take_slice)
        self._limit_reading()
        for item in items:
            if _is_interrupt(item) and self._shell is None and self.conversation.running:
                # Its answer is not waited for, and what was typed after it is forgotten.
                self._typeahead.interrupt()
                item = _after_interrupt(item)
            self._take(item)
        if self._transport is not None:
            self._typeahead.start()

    def _take(self, item: Item) -> None:
        """Queues what is typed; what is negotiated is answered at once."""
        if isinstance(item, Request):
            self._writer.telnet = True
            self._writer.write_bytes(self._telnet.request(item))
            if item.option == ECHO:
                self._typeahead.put(item)
            self._see_terminal()
        elif isinstance(item, Subnegotiation):
            if not self._telnet.subnegotiate(item):
                self._unsupported("Invalid content for telnet suboption", item.option)
            self._see_terminal()
        elif isinstance(item, StrayCommand):
            self._unsupported("Unsupported telnet octet", item.code, " after IAC in SB")
        elif self._shell is not None:
            self._to_shell(item)
        else:
            self._typeahead.put(item)
            self._limit_reading()

    def _unsupported(self, what: str, code: int, where: str = "") -> None:
        self._module.debug(log.MILD, f"{what} {code} (0x{code:02X}){where}")

    def _limit_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            full = self._typeahead.full or bool(self._received)
            if full or not self._writer.drained.is_set():
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    # The work

    def _may_go_on(self) -> bool:
        return not self.conversation.over and self._shell is None

    async def _ready(self) -> bool:
        # What is typed is carried out no faster than the client reads.
        await self._writer.drained.wait()
        return self._may_go_on()

    async def _handle(self, item: Item) -> None:
        try:
            if isinstance(item, bytes):
                await self.conversation.typed(self._decoder.decode(item))
            elif isinstance(item, Request):
                self._echo_changed()
            elif isinstance(item, Command):
                self.conversation.key(item.code)
        except Exception as error:
            self._module.debug(log.WARN, f"{self.session.label}: {error!r}")
            log.logger.exception("a command of %s failed", self.session.label)
        self._limit_reading()

    def _caught_up(self) -> None:
        if self.session.closing or (self._ended and self._typeahead.empty):
            self.close()
        elif self._transport is not None and self._may_go_on():
            self._typeahead.start()

    def _echo_changed(self) -> None:
        self.conversation.echo(self._telnet.ours.in_force(ECHO))
        if self._telnet.logout:
            self.session.closing = True

    def _see_terminal(self) -> None:
        """Turns to the operator's console when the client has agreed to all a terminal needs."""
        telnet = self._telnet
        if telnet.logout:
            self.close()
            return
        if self._shell is not None:
            self._shell.resize(telnet.columns, telnet.rows)
            return
        if not telnet.ours.in_force(ECHO) or not telnet.columns:
            return
        self._writer.write_bytes(telnet.ask_terminal())
        if self._starting is None and (telnet.terminal is not None or telnet.no_terminal):
            starting = self._start_shell(telnet.terminal or "vt100")
            self._starting = asyncio.get_running_loop().create_task(starting)

    async def _start_shell(self, terminal: str) -> None:
        """Leaves the plain conversation, unless the terminal is too dumb for more."""
        # The import takes a quarter of a second the first time, in which others go on.
        module = await asyncio.to_thread(importlib.import_module, "console.server.telnetshell")
        if self._transport is None or not module.capabilities_of(terminal).editing:
            return
        shell: TelnetShell = module.TelnetShell(
            self._module.engine,
            self.session,
            self._writer,
            terminal,
            longest=self.conversation.longest,
            ended=self.close,
        )
        self._writer.write(ERASE_LINE)
        self._shell = shell
        self.conversation.left = True
        self._module.follow(self)
        shell.start(self._telnet.columns, self._telnet.rows)
        for item in self._typeahead.take_all():
            self._to_shell(item)

    def _to_shell(self, item: Item) -> None:
        if self._shell is None:
            return
        if isinstance(item, bytes):
            self._shell.feed(self._decoder.decode(item))
        elif isinstance(item, Command) and item.code in _KEYS_OF:
            self._shell.feed(_KEYS_OF[item.code])

    def pause_writing(self) -> None:
        self._writer.pause()
        self._limit_reading()

    def resume_writing(self) -> None:
        self._writer.resume()
        if self._shell is not None:
            self._shell.drained()
        self._limit_reading()

    # Authority

    async def _admit(self, password: str) -> Reply:
        """Takes the password of `auth`."""
        session, module = self.session, self._module
        credentials = self.listener.credentials
        try:
            found = None
            if password:
                found = await module.guard.check(
                    self._source, lambda: credentials.authority_of(password)
                )
        except TooMany as error:
            return self._refused(error)
        if found is None:
            if password:
                module.debug(log.WARN, f"Failed authentication from {session.address}")
            text = "Bad authentication password!"
            return Reply(False, text + EOL, {"reason": text, "error": "badpass"})
        name = found.name.lower()
        if found <= session.authority:
            return Reply(True, f"You are already authenticated as {name}!{EOL}")
        session.authority = found
        if self._timer is not None:
            self._timer.cancel()
        module.follow(self)
        self._told(f"Authenticated {name} connection {session.address}")
        return Reply(True, f"Authenticated successfully as {name}!{EOL}")

    def _refused(self, error: TooMany) -> Reply:
        text = f"Too many wrong passwords from this address: {error}"
        return Reply(False, text + EOL, {"reason": text, "error": "toomany"})

    def _audit(self, line: str, reply: Reply) -> None:
        # A source past its limit is no longer looked at, so it must not fill the log either.
        if reply.params.get("error") != "toomany":
            self._module.audit(self.session, line, reply)


def _is_interrupt(item: Item) -> bool:
    return item == Command(IP) or (isinstance(item, bytes) and b"\x03" in item)


def _after_interrupt(item: Item) -> Item:
    return item.rpartition(b"\x03")[2] if isinstance(item, bytes) else b""
