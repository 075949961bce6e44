"""One peer: its relays, watches, pending answers and limits.

A peer is a script on pipes or a program on a socket. The receiver takes its lines, and is
for the dispatcher both a sender of messages and a watcher; each relay is a handler.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from yext import log, wire
from yext.dispatcher import PENDING, Dispatch, Pending
from yext.errors import LineTooLong, ProtocolError
from yext.extmodule.peer.pending import Deadlines
from yext.extmodule.peer.requests import REQUESTS, Relay
from yext.log import Throttle
from yext.message import Message

if TYPE_CHECKING:
    from yext.extmodule.calls import ScriptChannel
    from yext.extmodule.module import ExtModule
    from yext.telephony.endpoint import Endpoint

_NEVER = float("inf")

_MISTAKES_TOLD = 100
"""Lines that make no sense that the log is told of in one second; of more it gets the number."""


class Transport(Protocol):
    """What a receiver writes to: an asyncio transport, or the pipes of a script."""

    def write(self, data: bytes, /) -> None: ...
    def close(self) -> None: ...
    def get_write_buffer_size(self) -> int: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class Receiver(asyncio.Protocol):
    """What the engine knows of one peer, and the peer's side of the bus.

    Attributes:
        role: ``global``, ``channel``, or empty until the peer has said ``%%>connect``.
        name: the script, or the listener the peer came through.
        parameter: the script's parameter, or where the peer came from.
        label: what the message flow calls it.
        pending: the dispatches that wait for the peer's answer, by their id, oldest first.
        received, sent: messages from and to the peer.
        spoke: whether it ever sent a line of the protocol.
        stray: the first line it sent that was none.
    """

    # Five thousand idle peers are to take little memory (tests/bench, row idle).
    __slots__ = (
        "_deadlines", "_dispatcher", "_held", "_loop", "_mistakes", "_out", "_own_in_flight",
        "_sequence", "_stalled", "_transport", "_turn", "buffer", "can_write", "channel", "dead",
        "debuglevel", "debugname", "label", "maxqueue", "module", "name", "notices_lost", "on_end",
        "parameter", "pending", "pid", "reason", "received", "reenter", "relays", "restart", "role",
        "script", "selfwatch", "sent", "setdata", "settime", "spoke", "stray", "successor",
        "timebomb", "timeout", "trackparam", "watches",
    )  # fmt: skip

    def __init__(self, module: ExtModule, name: str, parameter: str, role: str) -> None:
        self.module = module
        self._dispatcher = module.bus.dispatcher
        self._loop = asyncio.get_running_loop()
        self.name = name
        self.parameter = parameter
        self.role = role
        self.label = name
        self.pid: int | None = None
        self.script = False
        self.defaults_from(module)
        self.restart = False
        self.reenter = False
        self.selfwatch = False
        self.setdata = True
        self.reason = ""
        self.debugname = ""
        self.debuglevel: int | None = None
        self.spoke = False
        self.stray = ""
        self.dead = False
        self.can_write = True
        self.received = self.sent = self.notices_lost = 0
        self.pending: dict[str, Dispatch] = {}
        self.relays: dict[str, Relay] = {}
        self.watches: dict[str, None] = {}
        self.buffer = wire.LineBuffer()
        self.on_end: Callable[[], None] | None = None
        self.channel: ScriptChannel | None = None
        self.successor: asyncio.Protocol | None = None
        self._transport: Transport | None = None
        self._out: list[str] = []
        self._turn = 0.0  # when, by the loop's clock, the first line in _out was queued
        self._own_in_flight = 0
        self._sequence = 0
        self._mistakes: Throttle | None = None
        self._stalled = self._held = False
        self._deadlines: Deadlines | None = None

    def defaults_from(self, module: ExtModule) -> None:
        """Takes the defaults that ``[general]`` of extmodule.conf sets."""
        options = module.options
        self.timeout: int = options.timeout
        self.timebomb: bool = options.timebomb
        self.maxqueue: int = options.maxqueue
        self.settime: bool = options.settime
        self.trackparam: str = module.name if options.trackparam else ""

    # The transport's side (asyncio.Protocol)

    def connection_made(self, transport: object) -> None:
        """The peer is there."""
        self._transport = transport  # type: ignore[assignment]
        self.module.add(self)

    def data_received(self, data: bytes) -> None:
        """Works through all whole lines that have come.

        The first line of a peer without a role is taken alone: audio may follow it.
        """
        end = data.find(b"\n") + 1 if not self.role else 0
        if 0 < end < len(data):
            self.data_received(data[:end])
            (self.successor or self).data_received(data[end:])
            return
        buffer = self.buffer
        buffer.feed(data)
        receive = self.line_received
        try:
            while not self.dead:
                line = buffer.lines.pop() if buffer.lines else buffer.next_line()
                if line is None:
                    break
                receive(line)
        except LineTooLong as error:
            self.module.debug(log.WARN, f"'{self.label}' sent {error}, closing")
            self.end("overflow")
        if self._own_in_flight and self._dispatcher.when_queue_is_short(self._read_on):
            self._held = True
            if self._transport is not None:
                self._transport.pause_reading()

    def _read_on(self) -> None:
        """The messages that were read have begun their way: more may come."""
        self._held = False
        self._resume_reading()

    def _resume_reading(self) -> None:
        if self._transport is not None and not (self.dead or self._held or self._stalled):
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        """The peer sends no more; what it is still owed is sent before the end.

        A last line without its end is not carried out, as recorded (line_eof_partial): it may
        be the half of one.
        """
        if not self.dead and (lost := self.buffer.pending()):
            self.module.debug(log.WARN, f"'{self.label}' ended within a line, {lost} bytes lost")
        self.end("gone")
        return self._transport is not None

    def connection_lost(self, error: Exception | None) -> None:
        """The peer is gone altogether."""
        self._transport = None
        self.end("gone")

    def pause_writing(self) -> None:
        """The peer reads too slowly: what it asks for more is not read until it has caught up."""
        self._stalled = True
        if self._transport is not None and not self.dead:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self._stalled = False
        if self.notices_lost:
            self.module.debug(
                log.WARN, f"'{self.label}' did not read: {self.notices_lost} notices were left out"
            )
            self.notices_lost = 0
        self._resume_reading()

    def write_failed(self) -> None:
        """The peer closed its side: messages to it pass on, and it may go on talking."""
        self.can_write = False
        self._out.clear()
        self._release("gone")
        if self.timebomb:
            self.end("timebomb")

    def hand_off(self, successor: asyncio.Protocol) -> None:
        """The connection is no peer's any longer, but carries data for `successor`."""
        transport, self._transport = self._transport, None
        self.dead = True
        self.module.remove(self, "data")
        self.successor = successor
        assert isinstance(transport, asyncio.Transport)
        transport.set_protocol(successor)
        successor.connection_made(transport)

    # Lines

    def line_received(self, line: str) -> None:
        """Carries out one line of the peer."""
        if not self.spoke:
            self._first_line(line)
        try:
            start = line[:11]
            if not self.role:
                self._connect(line)
            elif start == "%%<message:":
                self._answer(line[11:])
            elif start == "%%>message:":
                self._message(line[11:])
            else:
                self._other(line)
        except LineTooLong:
            raise
        except ProtocolError as error:
            self.send(f"Error in: {line}")
            self._tell_mistake(error, line)

    def _tell_mistake(self, error: ProtocolError, line: str) -> None:
        """Tells the log of a line that makes no sense; a flood of them would hold up others."""
        if self._mistakes is None:
            self._mistakes = Throttle(self._mistakes_left_out)
        if self._mistakes.passes(_MISTAKES_TOLD):
            self.module.debug(log.WARN, f"'{self.label}': {error} in: {log.safe(line)}")

    def _mistakes_left_out(self, count: int) -> None:
        text = f"'{self.label}' sent {count} more lines that make no sense"
        self.module.debug(log.WARN, text)

    def _first_line(self, line: str) -> None:
        """Notes whether the peer speaks the protocol, or what it said instead at first."""
        if line.startswith("%%"):
            self.spoke = True
        elif not self.stray:
            self.stray = line

    def _other(self, line: str) -> None:
        if line == "%%>quit":
            self.send("%%<quit")
            self.end("quit")
            return
        keyword, colon, rest = line.partition(":")
        action = REQUESTS.get(keyword)
        if action is None or not colon:
            raise ProtocolError("no such line")
        action(self, rest)

    def _connect(self, line: str) -> None:
        """The first line of a peer without a role; a bad one closes without an answer."""
        keyword, _, rest = line.partition(":")
        role, _, ident = rest.partition(":")
        if keyword != "%%>connect" or not self.module.connect_role(self, role, ident):
            self.module.debug(log.WARN, f"'{self.label}' did not connect properly, closing")
            self.end("refused")

    def _message(self, fields: str) -> None:
        ident, message = wire.decode_message(fields, self.settime)
        self.received += 1
        self._own_in_flight += 1
        dispatcher = self._dispatcher
        done: Callable[[Dispatch], None] = self._returned
        if self.role == "channel" or ident in self.pending:
            carried = self.module.take_along(self, ident, message)
            if carried is not None:
                done = self._then_release(carried)
        dispatcher.enqueue(Dispatch(dispatcher, message, done, self, ident))

    def _then_release(self, carried: Endpoint) -> Callable[[Dispatch], None]:
        def done(dispatch: Dispatch) -> None:
            self._returned(dispatch)
            carried.release()

        return done

    def _returned(self, dispatch: Dispatch) -> None:
        self._own_in_flight -= 1
        if dispatch.ident:
            line = wire.encode_answer(dispatch.ident, dispatch.message, dispatch.handled)
            if self._out:
                self._out.append(line)
            else:
                self.send(line)
        if self.dead and not self._own_in_flight:
            self._close()

    def _answer(self, fields: str) -> None:
        ident, _, answer = fields.partition(":")
        dispatch = self.pending.get(ident)
        if dispatch is None:
            if self._deadlines is not None:
                self._deadlines.answered_late(ident)
            return
        handled = wire.carry_out_answer(answer, dispatch.message)
        del self.pending[ident]
        self.received += 1
        dispatch.answered(handled)

    # The dispatcher's side

    def handling(self) -> Dispatch | None:
        """The message the peer has had for the longest time: what it sends is nested in that."""
        return next(iter(self.pending.values()), None)

    def hand_over(self, message: Message, dispatch: Dispatch) -> bool | Pending:
        """Sends `message` to the peer, whose answer is waited for."""
        if not self.can_write or (self._stalled and self._overfull()):
            if self.timebomb:
                self.end("timebomb")
            return False
        pending = self.pending
        if self.maxqueue and len(pending) >= self.maxqueue:
            self.module.debug(
                log.WARN, f"'{self.label}' has {self.maxqueue} messages waiting, passing it by"
            )
            return False
        self._sequence = sequence = self._sequence + 1
        ident = str(sequence)
        pending[ident] = dispatch
        self.sent += 1
        line = wire.encode_message(ident, message)
        if self._out:
            self._out.append(line)
        else:
            self.send(line)
        if self.timeout > 0:
            dispatch.deadline = deadline = self._turn + self.timeout / 1000
            if self._deadlines is None:
                self._deadlines = Deadlines(self)
            if deadline < self._deadlines.nearest:
                self._deadlines.look_at(deadline)
        else:
            dispatch.deadline = _NEVER
        return PENDING

    def notice(self, dispatch: Dispatch) -> None:
        """Tells the peer of a message that it watches; encoded once for all watchers."""
        if dispatch.sender is self and dispatch.ident and not self.selfwatch:
            return
        if self._stalled and self._overfull():
            self.notices_lost += 1
            return
        line = dispatch.notice_line
        if line is None:
            line = wire.encode_answer("", dispatch.message, dispatch.handled)
            dispatch.notice_line = line
        self.sent += 1
        self.send(line)

    def _overfull(self) -> bool:
        """Whether a peer that does not keep up has more to read than `maxoutput`."""
        if self._transport is None:
            return False
        return self._transport.get_write_buffer_size() > self.module.options.maxoutput

    # Writing

    def send(self, line: str) -> None:
        """Queues a line for the peer; all lines of one turn of the loop are one write."""
        if not self._out:
            self._turn = self._loop.time()
            self.module.write_soon(self)
        self._out.append(line)

    def flush(self) -> None:
        """Writes the lines that are queued."""
        if self._out and self._transport is not None and self.can_write:
            text = "\n".join(self._out) + "\n"
            self._out.clear()
            self._transport.write(wire.to_bytes(text))
        self._out.clear()

    # The end

    def end(self, why: str) -> None:
        """Ends the peer's part: its handlers and watches go, what waits for it passes on.

        The connection is closed once the peer has the answers to its own messages, and what
        was queued for it, unless it is the peer that does not read.
        """
        if self.dead:
            return
        self.dead = True
        if self._deadlines is not None:
            self._deadlines.cancel()
        if self._mistakes is not None:
            self._mistakes.flush()
        dispatcher = self._dispatcher
        for relay in self.relays.values():
            dispatcher.uninstall(relay)
        self.relays.clear()
        for name in self.watches:
            dispatcher.unwatch(name, self)
        self.watches.clear()
        self.module.remove(self, why)
        self._release("gone")
        channel, self.channel = self.channel, None
        if channel is not None:
            channel.peer_gone(self.reason)
        if not self._own_in_flight or why in ("overflow", "timebomb", "stop", "refused"):
            self._close()

    def _release(self, outcome: str) -> None:
        pending, self.pending = self.pending, {}
        for dispatch in pending.values():
            dispatch.answered(False, outcome)

    def _close(self) -> None:
        self.flush()
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        if self.on_end is not None:
            self.on_end()
            self.on_end = None
