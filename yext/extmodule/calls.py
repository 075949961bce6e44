"""Channel scripts: the call endpoint that a script is, and its audio descriptors.

``call.execute`` with ``callto=external/METHOD/SCRIPT ARGS`` starts a script for one call
(Yate's docs/extmodule.html, "channel", and the recordings in 11_call_execute.json).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from yext import log
from yext.command import EXECUTE_HINT, NOT_EXECUTED, commander_of
from yext.dispatcher import PENDING, Dispatch, Pending
from yext.errors import StartError
from yext.extmodule.peer.audio import PipeConsumer, PipeSource
from yext.extmodule.peer.peer import Receiver
from yext.extmodule.script import spawn
from yext.extmodule.script.script import Script
from yext.message import Message
from yext.telephony.endpoint import Endpoint
from yext.telephony.shared import telephony

if TYPE_CHECKING:
    from yext.extmodule.module import ExtModule

RECORD, PLAY = 3, 4
"""The descriptors of a script that carry audio from the call, and to it."""

METHODS: Final[dict[str, tuple[int, ...] | None]] = {
    "nochan": None,
    "nodata": (),
    "play": (PLAY,),
    "record": (RECORD,),
    "playrec": (RECORD, PLAY),
}
"""The audio descriptors that a script gets; None is for one that is no channel."""

_CALLED = re.compile(r"external/([^/]*)/([^ ]*)(.*)", re.DOTALL)


class ScriptChannel(Endpoint):
    """The endpoint that a channel script or a channel peer is.

    Attributes:
        receiver: the peer, None once it has gone.
        tells: whether ``chan.disconnected`` is sent when the other end goes (setlocal).
    """

    def __init__(self, module: ExtModule, receiver: Receiver) -> None:
        super().__init__(module.bus, module.free_channel_id())
        self.module = module
        self.receiver: Receiver | None = receiver
        self.address = receiver.name
        self.tells = False
        module.channels[self] = None
        telephony(module.bus).endpoints[self.id] = self
        receiver.channel = self

    def disconnected(self, reason: str, params: Mapping[str, str]) -> None:
        if not self.tells or self.bus.halting:
            return
        message = Message(
            "chan.disconnected", {"id": self.id, "module": "external", "address": self.address}
        )
        if reason:
            message["reason"] = reason
        if self.peer is not None:
            message["peerid"] = self.peer_id()
        self.carried(message)

    def peer_gone(self, reason: str) -> None:
        """The script or the connection is gone: so is the call, once the audio was heard.

        `reason` is what the script set; empty for none.
        """
        self.receiver = None
        source = self.media().source
        if isinstance(source, PipeSource) and self.peer is not None:
            self.hold()
            source.finish(lambda: self._over(reason))
        else:
            self.disconnect(reason)

    def _over(self, reason: str) -> None:
        self.disconnect(reason)
        self.release()

    def destroyed(self) -> None:
        self.module.channels.pop(self, None)
        telephony(self.bus).endpoints.pop(self.id, None)
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            receiver.channel = None
            receiver.end("hangup")


class CallScript(Script):
    """A script that was started for a call, and is forgotten when it has ended."""

    def __init__(self, module: ExtModule, name: str, parameter: str, fds: tuple[int, ...] | None):
        super().__init__(module, name, parameter, "", False)
        self._fds = fds or ()
        self._mine: dict[int, int] = {}
        self._theirs: dict[int, int] = {}
        self.role = "global" if fds is None else "channel"
        module.scripts.append(self)

    def call(self) -> ScriptChannel | None:
        """Starts the script and makes its channel; None for one that is none.

        Raises `StartError`.
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
        assert self.receiver is not None
        return self._channel(self.receiver)

    def _open(self) -> None:
        path = spawn.resolve(self.name, self.module.options.scripts_dir)
        for target in self._fds:
            reading, writing = spawn.make_pipe(self.name, path, self.parameter)
            mine, theirs = (writing, reading) if target == RECORD else (reading, writing)
            self._mine[target], self._theirs[target] = mine, theirs

    def _channel(self, receiver: Receiver) -> ScriptChannel:
        channel = ScriptChannel(self.module, receiver)
        clock = self.module.clock()
        label = f"external/{self.label}"
        if RECORD in self._mine:
            consumer = PipeConsumer(label, self._mine[RECORD], self.module.options.maxaudio)
            consumer.on_drop = self._does_not_read
            channel.set_consumer(consumer)
        if PLAY in self._mine:
            channel.set_source(PipeSource(label, self._mine[PLAY], clock))
        return channel

    def _does_not_read(self) -> None:
        self.module.debug(
            log.WARN, f"'{self.label}' does not read its audio, the oldest is dropped"
        )

    def extra_fds(self) -> Mapping[int, int]:
        return self._theirs

    def early(self, lived: float, spoke: bool, code: int | None) -> bool:
        # A call may well be short: only a script that failed is worth a notice.
        return code != 0 or not spoke

    def over(self) -> None:
        if self in self.module.scripts:
            self.module.scripts.remove(self)


AUDIO_COLUMNS: Final = ("channel", "script", "peer", "heard", "dropped", "played")


def audio_table(module: ExtModule) -> list[str]:
    """``external audio`` as lines: a heading, then fields parted by TABs, a channel a line.

    What was heard, dropped and played is in frames of 20 ms; ``-`` where nothing is.
    """
    rows = [AUDIO_COLUMNS]
    for channel in module.channels:
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


class Handing(Dispatch):
    """Stands in for a dispatch while a script has it, to see the answer first."""

    __slots__ = ("_then",)

    def __init__(self, dispatch: Dispatch, then: Callable[[bool, str], None]) -> None:
        super().__init__(
            dispatch.dispatcher, dispatch.message, None, dispatch.sender, dispatch.ident
        )
        self.journey = dispatch.journey
        self._then = then

    def answered(self, handled: bool, outcome: str = "") -> None:
        self._then(handled, outcome)


def start_call(module: ExtModule, message: Message, dispatch: Dispatch) -> bool | Pending:
    """Starts the script that a ``call.execute`` is for, which gets the message first."""
    called = _CALLED.fullmatch(message.get("callto"))
    if called is None:
        return False
    method, name, parameter = called.groups()
    if method not in METHODS:
        reason = f"'{method}' is none of {', '.join(METHODS)}"
        module.debug(log.CONF, reason)
        # The message says nothing of it, as recorded; who asked for the call is to know.
        module.bus.log.notice((reason,), "", logged=False)
        return False
    if not commander_of(message).may_execute:
        message.params.update(error="forbidden", reason=NOT_EXECUTED, hint=EXECUTE_HINT)
        return False
    script = CallScript(module, name, parameter.strip(), METHODS[method])
    try:
        channel = script.call()
    except StartError as error:
        _failed(module, message, error)
        return False
    assert script.receiver is not None
    if channel is None:
        return script.receiver.hand_over(message, dispatch)
    return _introduce(script.receiver, channel, message, dispatch)


def _failed(module: ExtModule, message: Message, error: StartError) -> None:
    failure = error.failure
    message["error"] = "failure"
    message["reason"] = failure.lines()[0]
    message.params.update(
        (name, value) for name, value in failure.params().items() if name in ("errno", "hint")
    )
    module.bus.log.notice(failure.lines(), "", logged=False)


def _introduce(
    receiver: Receiver, channel: ScriptChannel, message: Message, dispatch: Dispatch
) -> Pending:
    """Hands `message` to the script; a true answer connects the caller with its channel."""
    caller = message.userdata

    def then(handled: bool, outcome: str) -> None:
        if handled and isinstance(caller, Endpoint):
            caller.connect(channel, message.get("reason"))
        dispatch.answered(handled, outcome)
        channel.release()

    if receiver.hand_over(message, Handing(dispatch, then)) is not PENDING:
        then(False, "gone")
    return PENDING


def take_along(receiver: Receiver, ident: str, message: Message) -> Endpoint | None:
    """Gives the message of a channel peer its channel; what is to be released when it is over.

    The first ``call.execute`` of a peer makes the channel. A message with the id of one that
    waits for the peer's answer carries what that one carries.
    """
    if not receiver.setdata:
        return None
    channel: object = receiver.channel
    made = False
    if channel is None and receiver.role == "channel" and message.name == "call.execute":
        channel = made_now = ScriptChannel(receiver.module, receiver)
        message["id"] = made_now.id
        made = True
    waiting = receiver.pending.get(ident) if ident and not made else None
    if waiting is not None:
        channel = waiting.message.userdata
    message.userdata = channel
    if not isinstance(channel, Endpoint):
        return None
    if not made:
        channel.hold()
    return channel
