"""One peer without its connection: the protocol, and the messages on their way.

A peer is a script on pipes or a program on a socket. For the dispatcher it is both a sender
of messages and a watcher, and its handlers hand messages over to it. It is given lines, and
leaves lines for its connection to write.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from yext import log, wire
from yext.dispatcher import PENDING, Dispatch, NoAnswer, Pending
from yext.errors import LineTooLongError, ProtocolError
from yext.extmodule.diagnosis.debuggers import is_of_debugger
from yext.extmodule.peer.ends import AT_ONCE, PeerEnd
from yext.extmodule.peer.pending import NEVER, PendingAnswers
from yext.extmodule.peer.requests import REQUESTS
from yext.extmodule.peer.setlocal import PeerChannel, PeerSettings
from yext.extmodule.peer.silence import Silence
from yext.extmodule.peer.subscriptions import Subscriptions
from yext.extmodule.peer.transport import PeerConnection
from yext.linebuffer import BUFSIZE
from yext.log import Throttle
from yext.message import Message

if TYPE_CHECKING:
    from yext.bus import Bus
    from yext.extmodule.peer.answertimes import AnswerTimes
    from yext.extmodule.settings import ModuleOptions

_MISTAKES_LOGGED = 100
"""Lines of one peer that break the protocol and are logged in one second; more are counted."""


PARENT = "yext_parent"
"""The parameter by which a peer says in which message its own is nested: the id of that one."""

_IN_HAND_MAX = 100
"""Messages in hand among which the record names the one that a message may be nested in."""

_IDS = f"{os.urandom(4).hex()}."
"""How ids of messages to peers begin, so that none is the id of a message that a peer sends itself:
with the id of one that waits for its answer, a peer sends messages on behalf of that call."""


class PeerHost(Protocol):
    """What a peer needs from its owner."""

    @property
    def bus(self) -> Bus:
        """The bus that the peer is on."""

    @property
    def options(self) -> ModuleOptions:
        """The options in force."""

    @property
    def peer_settings(self) -> PeerSettings:
        """The settings of a new peer."""

    def debug(self, level: int, text: str) -> None:
        """Log `text` as the module's debug text if `level` is low enough."""

    def shows_debug(self, level: int, limit: int | None) -> bool:
        """Return True if debug text of a peer at `level` is to be logged.

        `limit` is the highest level that the peer has set for itself, None for none.
        """

    def add_peer(self, peer: Peer) -> None:
        """Register a peer that has connected."""

    def remove_peer(self, peer: Peer, end: PeerEnd) -> None:
        """Forget a peer that has ended."""

    def report_silence(self, peer: Peer, silence: Silence) -> None:
        """Report that a peer has not answered messages, unless that was reported just now."""

    def connect_role(self, peer: Peer, role: str, ident: str) -> bool:
        """Give the peer the role of ``%%>connect:ROLE:IDENT``; return False if it may not."""

    def begin_link(self, peer: Peer, greeting: str) -> str | None:
        """Make a link between nodes of the peer's connection; return why not, empty if it is done,
        None where there are no links."""

    def attach_call(self, peer: Peer, ident: str, message: Message) -> Callable[[], None] | None:
        """Attach the call that goes with a message of the peer as its user data.

        Returns:
            What is to be called after the dispatch of the message, None for nothing.
        """


class Peer:
    """One peer of the external module.

    Args:
        host: the owner.
        name: the script, or the listener that the peer came through.
        parameter: the script's parameter, or the address that the peer came from.
        role: ``global``, ``channel``, or empty until the peer has sent ``%%>connect``.

    Attributes:
        label: the peer's name in the message flow and in the log.
        pid: the process, None if it is not known.
        is_script: True for a script of the engine, False for a peer of a listener.
        settings: what ``%%>setlocal`` changes.
        pending: the dispatches that wait for the peer's answer.
        channel: the peer's end of a call, None if it has none.
        connection: the peer's connection, None before it is made and after it was closed.
        congested: False if the connection takes lines for sure; otherwise it has to be asked.
        outgoing: the lines that are to be written at the end of this turn of the loop, if any.
        received, sent: the number of messages and answers from and to the peer.
        own_in_flight: the number of the peer's own messages that are being dispatched.
        silence: the messages that it did not answer in time, None if there were none.
        times: how long it takes to answer, None while nobody measures that.
        spoke: True once the peer has sent a line of the protocol.
        stray: the first line that was not one, empty if there was none.
        untimed: True if its answers may take any time, as it is being debugged.
        ended: True once the peer's part on the bus is over.
    """

    # Five thousand idle peers are to take little memory (tests/bench, row idle).
    __slots__ = (
        "_dispatcher", "_host", "_mistakes", "_sequence", "_subscriptions", "_turn", "channel",
        "congested", "connection", "ended", "is_script", "label", "name", "outgoing",
        "own_in_flight", "parameter", "pending", "pid", "received", "role", "sent", "settings",
        "silence", "spoke", "stray", "times", "untimed",
    )  # fmt: skip

    def __init__(self, host: PeerHost, name: str, parameter: str, role: str) -> None:
        self._host = host
        self._dispatcher = host.bus.dispatcher
        self.name = name
        self.parameter = parameter
        self.role = role
        self.label = name
        self.pid: int | None = None
        self.is_script = False
        self.settings = host.peer_settings
        self.pending = PendingAnswers()
        self._subscriptions: Subscriptions | None = None
        self.channel: PeerChannel | None = None
        self.connection: PeerConnection | None = None
        self.congested = False
        self.outgoing: list[str] | None = None
        self.received = self.sent = 0
        self.spoke = False
        self.stray = ""
        self.untimed = False
        self.ended = False
        self._turn = 0.0  # the loop's time when the first line in `outgoing` was added
        self.own_in_flight = 0
        self._sequence = 0
        self.silence: Silence | None = None
        self.times: AnswerTimes | None = None
        self._mistakes: Throttle | None = None

    @property
    def bus(self) -> Bus:
        """The bus that the peer is on."""
        return self._host.bus

    # Lines from the peer

    def line_received(self, line: str) -> None:
        """Carry out one line.

        Raises:
            LineTooLongError: the peer asked for a smaller buffer than it has filled already.
        """
        if not self.spoke:
            self._note_first_line(line)
        try:
            start = line[:11]
            if not self.role:
                self._connect(line)
            elif start == "%%<message:":
                self._answer(line[11:])
            elif start == "%%>message:":
                self._message(line[11:])
            else:
                self._request(line)
        except LineTooLongError:
            raise
        except ProtocolError as error:
            if is_of_debugger(line):
                self._end_debugger()
                return
            self.send(f"Error in: {line}")
            self._log_mistake(error, line)

    def _end_debugger(self) -> None:
        """End a peer whose lines a debugger reads and writes: it would never answer a message."""
        self.stray = ""  # The reason says it all.
        if not self.is_script:
            text = f"'{self.label}' is in a debugger that reads and writes its lines, closing"
            self._host.debug(log.WARN, text)
        self.end(PeerEnd.DEBUGGER)

    def _note_first_line(self, line: str) -> None:
        if line.startswith("%%"):
            self.spoke = True
        elif not self.stray:
            self.stray = line

    def _log_mistake(self, error: ProtocolError, line: str) -> None:
        if self._mistakes is None:
            self._mistakes = Throttle(self._log_mistakes_left_out)
        if self._mistakes.passes(_MISTAKES_LOGGED):
            self._host.debug(log.WARN, f"'{self.label}': {error} in: {log.safe(line)}")

    def _log_mistakes_left_out(self, count: int) -> None:
        text = f"'{self.label}' sent {count} more lines that make no sense"
        self._host.debug(log.WARN, text)

    def _connect(self, line: str) -> None:
        """Carry out the first line of a peer without a role; a bad one gets no answer."""
        keyword, _, rest = line.partition(":")
        role, _, ident = rest.partition(":")
        if keyword == "%%>auth":
            self._request(line)
            return
        if keyword != "%%>connect" or not self._host.connect_role(self, role, ident):
            self._host.debug(log.WARN, f"'{self.label}' did not connect properly, closing")
            self.end(PeerEnd.REFUSED)

    def _request(self, line: str) -> None:
        if line == "%%>quit":
            self.send("%%<quit")
            self.end(PeerEnd.QUIT)
            return
        keyword, colon, arguments = line.partition(":")
        action = REQUESTS.get(keyword)
        if action is None or not colon:
            raise ProtocolError("no such line")
        action(self, arguments)

    # Messages from the peer

    def _message(self, fields: str) -> None:
        ident, message = wire.decode_message(fields, self.settings.settime)
        self.received += 1
        self.own_in_flight += 1
        dispatcher = self._dispatcher
        done: Callable[[Dispatch], None] = self._returned
        if self.role == "channel" or ident in self.pending.waiting:
            handled = self.pending.waiting.get(ident)
            if handled is not None:
                message.commander = handled.message.commander
            detach = self._host.attach_call(self, ident, message)
            if detach is not None:
                done = self._then_detach(detach)
        dispatcher.enqueue(Dispatch(dispatcher, message, done, self, ident))

    def _then_detach(self, detach: Callable[[], None]) -> Callable[[Dispatch], None]:
        def done(dispatch: Dispatch) -> None:
            self._returned(dispatch)
            detach()

        return done

    def _returned(self, dispatch: Dispatch) -> None:
        """Answer the peer's own message after its dispatch."""
        self.own_in_flight -= 1
        if dispatch.ident:
            line = wire.encode_answer(dispatch.ident, dispatch.message, dispatch.handled)
            outgoing = self.outgoing
            if outgoing:
                outgoing.append(line)
            else:
                self.send(line)
        if self.ended and not self.own_in_flight:
            self._close()

    # Messages to the peer (the dispatcher's side)

    def handling(self, sent: Dispatch) -> Sequence[Dispatch]:
        """Return the dispatches that the peer has in hand, or the one that it names in `sent`.

        It names one by the id of its message: as the parameter `PARENT`, or as the id of `sent`,
        which Yate takes for a message on behalf of that call.
        """
        waiting = self.pending.waiting
        if not waiting:
            return ()
        named = waiting.get(sent.ident) or waiting.get(sent.message.get(PARENT))
        return (named,) if named is not None else tuple(islice(waiting.values(), _IN_HAND_MAX))

    def hand_over(self, message: Message, dispatch: Dispatch) -> bool | Pending:
        """Send `message` to the peer, and wait for its answer unless the peer is passed by."""
        if self.congested and self._refuses():
            return False
        pending = self.pending
        waiting = pending.waiting
        settings = self.settings
        limit = settings.maxqueue
        if limit and len(waiting) >= limit:
            self._host.debug(
                log.WARN, f"'{self.label}' has {limit} messages waiting: further ones skip it"
            )
            return False
        self._sequence = sequence = self._sequence + 1
        ident = f"{_IDS}{sequence}"
        waiting[ident] = dispatch
        self.sent += 1
        line = wire.encode_message(ident, message)
        outgoing = self.outgoing
        if outgoing:
            outgoing.append(line)
        else:
            self.send(line)
        timeout = settings.timeout
        if timeout > 0:
            dispatch.deadline = deadline = self._turn + timeout / 1000
            if deadline < pending.nearest:
                pending.watch(ident, deadline, self._pass_overdue)
        else:
            dispatch.deadline = NEVER
        return PENDING

    def _refuses(self) -> bool:
        """Return True if the peer takes no message now; the timebomb goes off then."""
        if self.ended or self.connection is None:
            return True
        if not self.connection.refuses():
            return False
        if self.settings.timebomb:
            self.end(PeerEnd.TIMEBOMB)
        return True

    def _answer(self, fields: str) -> None:
        ident, _, answer = fields.partition(":")
        waiting = self.pending.waiting
        dispatch = waiting.get(ident)
        if dispatch is None:
            self.pending.record_late(ident)
            return
        handled = wire.apply_answer(answer, dispatch.message)
        del waiting[ident]
        self.received += 1
        times = self.times
        if times is not None:
            if times.deadline == dispatch.deadline:
                times.run += 1
            else:
                times.begin(dispatch.deadline, self.settings.timeout)
        dispatch.answered(handled)

    def _pass_overdue(self) -> None:
        """Let the dispatches go on whose answers are overdue."""
        self._dispatcher.slices.do(self._passing_overdue())

    def _passing_overdue(self) -> Iterator[None]:
        pending, now = self.pending, asyncio.get_running_loop().time()
        silence = None
        for ident, dispatch in pending.take_overdue(now):
            pending.remember(ident, dispatch, now)
            name = log.safe(dispatch.message.name)
            silence = self.silence = self.silence or Silence()
            silence.add(name, self.settings.timeout / 1000, self._answers() - 1)
            self._host.debug(log.WARN, f"'{self.label}' did not answer '{name}' in time")
            dispatch.answered(False, NoAnswer.TIMED_OUT)
            yield
        if self.ended:
            return
        if silence is not None:
            self._host.report_silence(self, silence)
            if self.settings.timebomb:
                self.end(PeerEnd.TIMEBOMB)
        pending.watch_next(now, self._pass_overdue)

    def _answers(self) -> int:
        """Return how many messages the peer has answered in time."""
        overdue = self.silence.total if self.silence is not None else 0
        return self._sequence - len(self.pending.waiting) - overdue

    def unanswered(self) -> Silence | None:
        """Return the messages that the peer did not answer, None if it has answered since."""
        silence = self.silence
        return silence if silence is not None and silence.answers == self._answers() else None

    def input_closed(self) -> None:
        """Let go of all messages: the peer reads no more, though it may go on sending."""
        self.outgoing = None
        self._dispatcher.slices.do(self._release_pending())
        if self.settings.timebomb:
            self.end(PeerEnd.TIMEBOMB)

    def _release_pending(self) -> Iterator[None]:
        for dispatch in self.pending.take_all():
            dispatch.answered(False, NoAnswer.GONE)
            yield

    def notice(self, dispatch: Dispatch) -> None:
        """Send the result of a watched message, encoded once for all watchers."""
        if dispatch.sender is self and dispatch.ident and not self.settings.selfwatch:
            return
        if self.congested and self.connection is not None and self.connection.refuses():
            self.connection.count_lost_notice()
            return
        line = dispatch.notice_line
        if line is None:
            line = wire.encode_answer("", dispatch.message, dispatch.handled)
            dispatch.notice_line = line
        self.sent += 1
        self.send(line)

    def send(self, line: str) -> None:
        """Queue a line; all lines of one turn of the loop are one write."""
        if self.outgoing:
            self.outgoing.append(line)
        elif self.connection is not None:
            self._turn = self.connection.write_soon()
            self.outgoing = [line]

    @property
    def subscriptions(self) -> Subscriptions:
        """The handlers that the peer has installed, and its watches."""
        if self._subscriptions is None:
            self._subscriptions = Subscriptions(self._dispatcher, self)
        return self._subscriptions

    # Settings

    @property
    def bufsize(self) -> int:
        """The bytes of the longest line that the peer may send."""
        return self.connection.bufsize if self.connection is not None else BUFSIZE

    @bufsize.setter
    def bufsize(self, size: int) -> None:
        if self.connection is not None:
            self.connection.bufsize = size

    def check_buffered(self) -> None:
        """Check what was received before `bufsize` was changed.

        Raises:
            LineTooLong: it does not fit.
        """
        if self.connection is not None:
            self.connection.check_buffered()

    def shows_debug(self, level: int) -> bool:
        """Return True if debug text of the peer at `level` is to be logged."""
        return self._host.shows_debug(level, self.settings.debuglevel)

    @property
    def restartable(self) -> bool:
        """True for a script that the engine can start again."""
        return self.is_script and self.role == "global"

    def set_timeout(self, milliseconds: int) -> None:
        """Change how long the next answers are waited for, 0 or less for ever."""
        self._use(self.settings.changed(timeout=0 if self.untimed else milliseconds))

    def turn_timeout_off(self) -> None:
        """Wait for answers as long as it takes, whatever the peer says."""
        self.untimed = True
        self.set_timeout(0)

    def begin_link(self, greeting: str) -> str | None:
        """Make a link between nodes of the connection; see `PeerHost.begin_link`."""
        if self.is_script or self.role != "global":
            return None
        return self._host.begin_link(self, greeting)

    def use_defaults(self, before: PeerSettings, after: PeerSettings) -> None:
        """Use the settings of new peers, `before` until now and `after` from now on, as far as
        the peer has not changed its own."""
        self._use(self.settings.with_defaults(before, after))

    def _use(self, settings: PeerSettings) -> None:
        before, self.settings = self.settings, settings
        if settings.timeout > 0 and (before.timeout <= 0 or settings.timeout < before.timeout):
            self.pending.timeout_shortened()

    # The end

    def end(self, end: PeerEnd) -> None:
        """End the peer's part on the bus.

        It gets no more messages. Its handlers and watches go, and the messages that wait for it
        go on; where these are many, that takes some turns of the loop. The connection is closed
        once the peer has the answers to its own messages, except at some ends.
        """
        if self.ended:
            return
        self.ended = self.congested = True
        self.pending.cancel()
        if self._mistakes is not None:
            self._mistakes.flush()
        self._host.remove_peer(self, end)
        if end is PeerEnd.DATA:
            self.connection = None
        self._dispatcher.slices.do(self._leave(end))

    def _leave(self, end: PeerEnd) -> Iterator[None]:
        if self._subscriptions is not None:
            yield from self._subscriptions.leave()
        if end is PeerEnd.DATA:
            return
        yield from self._release_pending()
        channel, self.channel = self.channel, None
        if channel is not None:
            channel.peer_gone(self.settings.reason)
        if not self.own_in_flight or end in AT_ONCE:
            self._close()

    def _close(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()
