"""One operator at the other end of a connection.

Operators begin with Yate's plain conversation (`console.server.conversation`). A client that
negotiates a terminal gets the shell instead (`console.server.telnetshell`).
Source: tests/conformance/vectors/rmanager.
"""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from yext import Engine, Reply, log
from yext.console.server.auth import Authenticator
from yext.console.server.conversation import Conversation
from yext.console.server.typeahead import TypeAhead, is_interrupt
from yext.console.server.upgrade import ShellUpgrade
from yext.console.session.authority import Authority
from yext.console.session.session import Policy, Session
from yext.console.telnet import (
    BRK,
    EC,
    ECHO,
    EL,
    IP,
    Command,
    Item,
    Negotiation,
    Request,
    StrayCommand,
    Subnegotiation,
)

if TYPE_CHECKING:
    from yext.access.guard import Guard
    from yext.access.refusals import Refusals
    from yext.console.server.attached.session import AttachedSession
    from yext.console.server.listeners import Listener
    from yext.console.server.turns import Turns
    from yext.console.server.writer import Writer

_PADDING = "\r" + " " * 9 + "\b" * 9
"""Follows Yate's telnet offer, to overwrite what a client without telnet shows of it."""

WAITING_MAX, GUEST_WAITING_MAX = 256 * 1024, 1024
"""Bytes of input that may wait for their turn; no more are read until they are handled."""

_KEYS = {IP: "\x03", BRK: "\x03", EC: "\x7f", EL: "\x15"}
"""Keys of a terminal by the telnet commands that stand for them."""


class OperatorHost(Protocol):
    """What an operator needs of the remote manager.

    Attributes:
        engine: the engine that is operated.
        guard: slows down the guessing of passwords.
        refusals: logs refused connections.
        turns: the turns of the event loop for guests.
    """

    engine: Engine
    guard: Guard
    refusals: Refusals
    turns: Turns

    def debug(self, level: int, text: str) -> None:
        """Log debug text."""

    def add(self, operator: Operator) -> None:
        """Register an operator that has arrived."""

    def remove(self, operator: Operator) -> bool:
        """Forget an operator; return False if that was done before."""

    def follow(self, operator: Operator) -> None:
        """Show an operator from now on what the session's switches ask for."""

    def audit(self, session: Session, line: str, reply: Reply) -> None:
        """Log a command line and its outcome."""


class Operator:
    """One operator at the other end of a connection.

    Args:
        host: the remote manager.
        listener: where the connection arrived.
        writer: the output side of the connection.
        address: the client's address, for the log and for ``cmd_address``.
        process: the client's process on this machine, empty if it is not known.
        source: what wrong passwords are counted by.
        hang_up: closes the connection after what was written to it.
        limit_reading: called when more may be read, or no more for now.

    Attributes:
        session: the state of the operator's session.
        conversation: the plain conversation.
        source: where the client is, as wrong passwords are counted.
        spoken: whether anything was typed.
        last_heard: when data came last, in the loop's time.
    """

    def __init__(
        self,
        host: OperatorHost,
        listener: Listener,
        writer: Writer,
        *,
        address: str,
        process: str,
        source: str,
        hang_up: Callable[[], None],
        limit_reading: Callable[[], None],
    ) -> None:
        self._host = host
        self._listener = listener
        self._writer = writer
        self._hang_up = hang_up
        self._limit_reading = limit_reading
        self._login = Authenticator(listener.credentials, host.guard, source, host.debug)
        self.source = source
        self.spoken = False
        self.last_heard = asyncio.get_running_loop().time()
        self.session = self._make_session(address, f"rmanager {process or address}")
        self.conversation = Conversation(
            self.session,
            listener,
            writer,
            turns=host.turns,
            debug=host.debug,
            changed=self._command_done,
            attach=self._attach,
        )
        self._attached: AttachedSession | None = None
        self._telnet = Negotiation()
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._typeahead = TypeAhead(self._handle, ready=self._ready, idle=self._caught_up)
        self._upgrade = ShellUpgrade(
            self.session,
            self.conversation,
            writer,
            limit_reading=limit_reading,
            begun=self._shell_begun,
            ended=self.close,
        )
        self._input_ended = False
        self._timer: asyncio.TimerHandle | None = None

    def _make_session(self, address: str, label: str) -> Session:
        listener = self._listener
        policy = Policy(
            user_commands=listener.users_may,
            user_flow=listener.user_flow,
            may_execute=listener.allow_execute,
            files=listener.files,
            authenticate=None if listener.credentials.none else self._authenticate,
            audit=self._audit,
        )
        return Session(
            self._host.engine,
            label,
            address,
            authority=Authority.ADMIN if listener.credentials.none else Authority.GUEST,
            echo=listener.echoing,
            output=listener.output,
            debug=listener.debug,
            color=listener.color,
            aliases=dict(listener.aliases),
            policy=policy,
        )

    # Arrival and end

    def start(self, own_address: str) -> None:
        """Register, and greet the client; `own_address` is this end of the connection."""
        if self._listener.logged:
            self._log(f"Remote connection from {self.session.address} to {own_address}")
        self._host.add(self)
        if self.session.authority is Authority.GUEST and self._listener.timeout:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._listener.timeout, self._guest_timeout)
        if self._listener.telnet:
            self._writer.write_bytes(self._telnet.offer())
            self._writer.write(_PADDING)
        self.conversation.greet()
        self._follow()

    def close(self) -> None:
        """End the session, and the connection after what was written to it."""
        if self._timer is not None:
            self._timer.cancel()
        self.session.closing = True
        if self.is_guest:
            # The guess of one who has left would go on waiting for its turn.
            self._typeahead.abandon()
        if self._host.remove(self):
            self.session.close()
            if self._listener.logged:
                self._log(f"Closing connection to {self.session.address}")
        self._upgrade.leave()
        if self._attached is not None:
            self._attached.leave()
        self._hang_up()

    async def ended(self) -> None:
        """Wait until nothing runs any more of a session that was closed."""
        await self._typeahead.stop()
        await self._upgrade.wait()
        if self._attached is not None:
            await self._attached.wait()

    def _guest_timeout(self) -> None:
        text = f"{self.session.address} did not authenticate in time"
        self._host.refusals.report("time", text, log.NOTE)
        self.close()

    def _follow(self) -> None:
        self._host.follow(self)

    def _log(self, text: str) -> None:
        self._host.engine.log.emit(log.Event(log.EventKind.OUTPUT, text, source="engine"))

    # Input

    @property
    def full(self) -> bool:
        """Whether so much input waits for its turn that no more should be read."""
        most = GUEST_WAITING_MAX if self.is_guest else WAITING_MAX
        return self._typeahead.size > most or self._upgrade.full

    @property
    def left_out(self) -> tuple[int, int]:
        """The lines left out at the limit of the flow, and because the client did not read."""
        session = self.session
        return session.flow.left_out_in_all if session.has_flow else 0, self._writer.lost_in_all

    @property
    def is_guest(self) -> bool:
        """Whether the client has not authenticated."""
        return self.session.authority is Authority.GUEST

    def receive(self, items: Iterable[Item]) -> None:
        """Queue what was typed, and answer at once what the client negotiates."""
        for item in items:
            if is_interrupt(item) and not self.in_shell and self.conversation.running:
                item = self._typeahead.interrupt(item)
            self._receive(item)
        self._typeahead.start()

    def _receive(self, item: Item) -> None:
        if isinstance(item, Request):
            self._writer.telnet = True
            self._writer.write_bytes(self._telnet.request(item))
            if item.option == ECHO:
                self._typeahead.put(item)
            self._negotiated()
        elif isinstance(item, Subnegotiation):
            if not self._telnet.subnegotiate(item):
                self._unsupported("Invalid content for telnet suboption", item.option)
            self._negotiated()
        elif isinstance(item, StrayCommand):
            self._unsupported("Unsupported telnet octet", item.code, " after IAC in SB")
        elif self.in_shell and not self._typeahead.working:
            self._feed_shell(item)
        else:
            self.spoken = self.spoken or isinstance(item, bytes)
            self._typeahead.put(item)
            self._limit_reading()

    def _unsupported(self, what: str, code: int, where: str = "") -> None:
        self._host.debug(log.MILD, f"{what} {code} (0x{code:02X}){where}")

    def input_ended(self) -> None:
        """Close as soon as everything that was received has been carried out."""
        self._input_ended = True
        if self.in_shell or not self._typeahead.working:
            self.close()

    def _may_continue(self) -> bool:
        return self.in_shell or not self.conversation.over

    async def _ready(self) -> bool:
        # Commands are carried out no faster than the client reads their replies.
        await self._writer.drained.wait()
        return self._may_continue()

    async def _handle(self, item: Item) -> None:
        try:
            if self.in_shell:
                self._feed_shell(item)
            elif isinstance(item, bytes):
                left = await self.conversation.type(self._decoder.decode(item))
                self._feed_text(left)
            elif isinstance(item, Request):
                self._echo_changed()
            elif isinstance(item, Command):
                self.conversation.key(item.code)
        except Exception as error:
            self._host.debug(log.WARN, f"{self.session.label}: {error!r}")
            log.logger.exception("a command of %s failed", self.session.label)
        self._limit_reading()

    def _caught_up(self) -> None:
        if self.session.closing or (self._input_ended and self._typeahead.empty):
            self.close()
        elif self._may_continue():
            self._typeahead.start()

    def _echo_changed(self) -> None:
        self.conversation.echo(self._telnet.ours.in_force(ECHO))
        if self._telnet.logout:
            self.session.closing = True

    # The shell

    @property
    def in_shell(self) -> bool:
        """Whether the shell, here or at an attached console, has replaced the conversation."""
        return self._upgrade.done or self._attached is not None

    def drained(self) -> None:
        """Go on writing: the client has read what waited."""
        self._upgrade.drained()

    def _negotiated(self) -> None:
        if self._telnet.logout:
            self.close()
        elif self._attached is None:
            self.session.columns, self.session.rows = self._telnet.columns, self._telnet.rows
            self._upgrade.negotiated(self._telnet)

    def _attach(self) -> None:
        """Go over to the interface of attached consoles."""
        from yext.console.server.attached.session import AttachedSession

        self._attached = AttachedSession(
            self.session, self._writer, longest=self._listener.maxline, ended=self.close
        )
        self._shell_begun()

    def _shell_begun(self) -> None:
        self._follow()
        self._upgrade.feed(self.conversation.take_line())

    def _command_done(self) -> None:
        self._follow()
        # The command may have been `auth`, before which the terminal gets no shell.
        self._negotiated()

    def _feed_shell(self, item: Item) -> None:
        if isinstance(item, bytes):
            self._feed_text(self._decoder.decode(item))
        elif isinstance(item, Command) and item.code in _KEYS:
            self._upgrade.feed(_KEYS[item.code])

    def _feed_text(self, text: str) -> None:
        if self._attached is not None:
            self._attached.feed(text)
        else:
            self._upgrade.feed(text)

    # Authority

    async def _authenticate(self, password: str) -> Reply:
        """Carry out `auth`."""
        session = self.session
        before = session.authority
        reply = await self._login.authenticate(session, password)
        if session.authority > before:
            if self._timer is not None:
                self._timer.cancel()
            self._follow()
            name = session.authority.name.lower()
            self._log(f"Authenticated {name} connection {session.address}")
        return reply

    def _audit(self, line: str, reply: Reply) -> None:
        # A source past its limit is refused unseen, so it must not fill the log either.
        if reply.params.get("error") != "toomany":
            self._host.audit(self.session, line, reply)
