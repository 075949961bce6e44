"""Calls to scripts: the end of a call that a script is, and its audio.

``call.execute`` with ``callto=external/METHOD/SCRIPT ARGS`` starts a script for one call
(Yate's docs/extmodule.html, "channel", and the recordings in 11_call_execute.json).
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Mapping
from itertools import count
from typing import Final

from yext import log
from yext.command import commander_of
from yext.commander import check_execute
from yext.dispatcher import PENDING, Dispatch, NoAnswer, Pending
from yext.errors import ExecuteNotAllowedError, StartError
from yext.extmodule.diagnosis.exitstatus import ScriptExit
from yext.extmodule.peer.audio import PipeConsumer, PipeSource
from yext.extmodule.peer.ends import PeerEnd
from yext.extmodule.peer.peer import Peer
from yext.extmodule.script import spawn
from yext.extmodule.script.script import Script
from yext.extmodule.supervisor import Supervisor
from yext.message import Message
from yext.telephony.endpoint import Endpoint
from yext.telephony.shared import telephony

RECORD, PLAY = 3, 4
"""The descriptors of a script for the audio from the call, and for the audio to it."""

METHODS: Final[dict[str, tuple[int, ...] | None]] = {
    "nochan": None,
    "nodata": (),
    "play": (PLAY,),
    "record": (RECORD,),
    "playrec": (RECORD, PLAY),
}
"""The audio descriptors that a script gets by each method; None for a script without a channel."""

CHANNEL_ID = "ExtModule"
"""The id of a channel until its script sends ``setlocal:id``; further ones get a number."""

_CALLED = re.compile(r"external/([^/]*)/([^ ]*)(.*)", re.DOTALL)


_END_SECONDS = 0.5
"""How long the answer to a call waits for the end of the script that has left it."""


class ScriptChannel(Endpoint):
    """The end of a call that a channel script or a channel peer is.

    Attributes:
        script_peer: the script or the peer, None once it has ended.
        reports_disconnect: send ``chan.disconnected`` when the other end goes (setlocal).
    """

    def __init__(self, supervisor: Supervisor, peer: Peer) -> None:
        super().__init__(supervisor.bus, _free_id(supervisor))
        self.supervisor = supervisor
        self.script_peer: Peer | None = peer
        self.address = peer.name
        self.reports_disconnect = False
        supervisor.channels[self] = None
        self._endpoints = telephony(supervisor.bus).endpoints
        self._endpoints[self.id] = self
        peer.channel = self

    def rename(self, ident: str) -> None:
        """Change the channel's id; an id that is taken stays with the other channel."""
        self._unregister()
        self.id = ident
        self._endpoints.setdefault(ident, self)

    def _unregister(self) -> None:
        if self._endpoints.get(self.id) is self:
            del self._endpoints[self.id]

    def disconnected(self, reason: str, params: Mapping[str, str]) -> None:
        if not self.reports_disconnect or self.bus.halting:
            return
        message = Message(
            "chan.disconnected", {"id": self.id, "module": "external", "address": self.address}
        )
        if reason:
            message["reason"] = reason
        if self.peer is not None:
            message["peerid"] = self.peer_id()
        self.send(message)

    def peer_gone(self, reason: str) -> None:
        """Disconnect the channel, once the audio that its peer has left was played.

        `reason` is what the peer has set by ``setlocal:reason``, empty for none.
        """
        self.script_peer = None
        source = self.media().source
        if isinstance(source, PipeSource) and self.peer is not None:
            self.hold()
            source.finish(lambda: self._played(reason))
        else:
            self.disconnect(reason)

    def _played(self, reason: str) -> None:
        self.disconnect(reason)
        self.release()

    def destroyed(self) -> None:
        self.supervisor.channels.pop(self, None)
        self._unregister()
        peer, self.script_peer = self.script_peer, None
        if peer is not None:
            peer.channel = None
            peer.end(PeerEnd.HANGUP)


def _free_id(supervisor: Supervisor) -> str:
    """Return the id of a new channel: Yate's constant, with a number after it if it is taken."""
    taken = {channel.id for channel in supervisor.channels}
    if CHANNEL_ID not in taken:
        return CHANNEL_ID
    return next(name for n in count(2) if (name := f"{CHANNEL_ID}/{n}") not in taken)


class CallScript(Script):
    """A script that was started for a call, and is forgotten when it has ended."""

    def __init__(
        self, supervisor: Supervisor, name: str, parameter: str, fds: tuple[int, ...] | None
    ) -> None:
        super().__init__(supervisor, name, parameter)
        self.supervisor = supervisor
        self._fds = fds or ()
        self._answer: Callable[[], None] | None = None
        self._mine: dict[int, int] = {}
        self._theirs: dict[int, int] = {}
        self.role = "global" if fds is None else "channel"
        supervisor.scripts.add(self)

    def call(self) -> ScriptChannel | None:
        """Start the script and make its channel.

        Returns:
            The channel, None if the method is ``nochan``.

        Raises:
            StartError: the script could not be started.
        """
        try:
            self._open()
            self.start()
        except StartError:
            self.over()
            for descriptor in self._mine.values():
                os.close(descriptor)
            raise
        finally:
            for descriptor in self._theirs.values():
                os.close(descriptor)
        if self.role == "global":
            return None
        assert self.peer is not None
        return self._channel(self.peer)

    def _open(self) -> None:
        path = self.supervisor.resolve(self.name)
        for target in self._fds:
            reading, writing = spawn.make_pipe(self.name, path, self.parameter)
            mine, theirs = (writing, reading) if target == RECORD else (reading, writing)
            self._mine[target], self._theirs[target] = mine, theirs

    def _channel(self, peer: Peer) -> ScriptChannel:
        channel = ScriptChannel(self.supervisor, peer)
        clock = telephony(self.supervisor.bus).clock
        label = f"external/{self.label}"
        if RECORD in self._mine:
            consumer = PipeConsumer(label, self._mine[RECORD], self.supervisor.options.maxaudio)
            consumer.on_drop = self._does_not_read
            channel.set_consumer(consumer)
        if PLAY in self._mine:
            channel.set_source(PipeSource(label, self._mine[PLAY], clock))
        return channel

    def _does_not_read(self) -> None:
        self.supervisor.debug(
            log.WARN, f"'{self.label}' does not read its audio, the oldest is dropped"
        )

    def extra_fds(self) -> Mapping[int, int]:
        return self._theirs

    def is_early(self, exit: ScriptExit) -> bool:
        # A call may well be short.
        return not exit.spoke

    def answer_once_over(self, message: Message, answer: Callable[[], None]) -> None:
        """Call `answer` once it is known how the script ended, or soon after.

        An operator's `message` gets the reason. That of a peer does not, as recorded.
        """
        loop = asyncio.get_running_loop()

        def finish() -> None:
            late.cancel()
            self._answer = None
            failure = self.last_failure
            if failure is not None and message.commander is not None:
                hints = [one for one in failure.lines if one.startswith("do: ")]
                hint = hints[0].removeprefix("do: ") if hints else "external log"
                message.params.update(error="failure", reason=failure.lines[0], hint=hint)
            answer()

        late = loop.call_later(_END_SECONDS, finish)
        self._answer = finish

    def over(self) -> None:
        if self._answer is not None:
            self._answer()
        self.supervisor.forget_script(self)


AUDIO_COLUMNS: Final = ("channel", "script", "peer", "heard", "dropped", "played")


def audio_table(supervisor: Supervisor) -> list[str]:
    """Return the lines of ``external audio``: a heading, then one line for each channel, with
    fields separated by TABs.

    Audio is counted in frames of 20 ms; ``-`` stands for a direction without audio.
    """
    rows = [AUDIO_COLUMNS]
    for channel in supervisor.channels:
        if not isinstance(channel, ScriptChannel):
            continue
        media = channel.media()
        consumer, source = media.consumer, media.source
        heard = dropped = played = "-"
        if isinstance(consumer, PipeConsumer):
            heard, dropped = str(consumer.frames), str(consumer.dropped)
        if isinstance(source, PipeSource):
            played = str(source.frames)
        peer = channel.peer_id() or "-"
        rows.append((channel.id, channel.address, peer, heard, dropped, played))
    return ["\t".join(map(log.safe, row)) for row in rows]


class AnswerHook(Dispatch):
    """Stands in for a dispatch that waits for a script's answer.

    Args:
        dispatch: the dispatch.
        then: called with the answer in place of `Dispatch.answered`.
    """

    __slots__ = ("_then",)

    def __init__(self, dispatch: Dispatch, then: Callable[[bool, NoAnswer | None], None]) -> None:
        super().__init__(
            dispatch.dispatcher, dispatch.message, None, dispatch.sender, dispatch.ident
        )
        self.journey = dispatch.journey
        self._then = then

    def answered(self, handled: bool, outcome: NoAnswer | None = None) -> None:
        self._then(handled, outcome)


def start_call(supervisor: Supervisor, message: Message, dispatch: Dispatch) -> bool | Pending:
    """Start the script that a ``call.execute`` is for, and hand the message over to it.

    A call that cannot be made is not handled; the reason is put into the message, or logged.
    """
    called = _CALLED.fullmatch(message.get("callto"))
    if called is None:
        return False
    method, name, parameter = called.groups()
    if method not in METHODS:
        reason = f"'{method}' is none of {', '.join(METHODS)}"
        supervisor.debug(log.CONF, reason)
        # As recorded, the message of a peer has no reason: a notice has it.
        supervisor.bus.log.notice((reason,), "", logged=False)
        if message.commander is not None:
            hint = "external/METHOD/SCRIPT"
            message.params.update(error="failure", reason=reason, hint=hint)
        return False
    try:
        check_execute(commander_of(message))
    except ExecuteNotAllowedError as error:
        message.params.update(error.params())
        return False
    script = CallScript(supervisor, name, parameter.strip(), METHODS[method])
    try:
        channel = script.call()
    except StartError as error:
        _failed(supervisor, message, error)
        return False
    assert script.peer is not None
    caller = message.userdata

    def then(handled: bool, outcome: NoAnswer | None) -> None:
        if handled and channel is not None and isinstance(caller, Endpoint):
            caller.connect(channel, message.get("reason"))
        if outcome is NoAnswer.GONE and script.process is not None:
            script.answer_once_over(message, lambda: dispatch.answered(handled, outcome))
        else:
            dispatch.answered(handled, outcome)
        if channel is not None:
            channel.release()

    if script.peer.hand_over(message, AnswerHook(dispatch, then)) is not PENDING:
        then(False, NoAnswer.GONE)
    return PENDING


def _failed(supervisor: Supervisor, message: Message, error: StartError) -> None:
    failure = error.failure
    message["error"] = "failure"
    message["reason"] = failure.lines()[0]
    message.params.update(
        (name, value) for name, value in failure.params().items() if name in ("errno", "hint")
    )
    supervisor.bus.log.notice(failure.lines(), "", logged=False)


def attach_call(
    supervisor: Supervisor, peer: Peer, ident: str, message: Message
) -> Callable[[], None] | None:
    """Attach the call of a channel peer to its message: see `PeerHost.attach_call`.

    The first ``call.execute`` of a peer makes its channel. A message with the id of one that
    waits for the peer's answer has the user data of that one.
    """
    if not peer.settings.setdata:
        return None
    if peer.channel is None and peer.role == "channel" and message.name == "call.execute":
        channel = ScriptChannel(supervisor, peer)
        message["id"] = channel.id
        message.userdata = channel
        return channel.release
    waiting = peer.pending.waiting.get(ident) if ident else None
    userdata: object = peer.channel if waiting is None else waiting.message.userdata
    message.userdata = userdata
    if not isinstance(userdata, Endpoint):
        return None
    userdata.hold()
    return userdata.release
