"""What channel drivers share: ids, status, drop, masquerade, locate, time limits.

Modelled on Yate's classes Channel and Driver (engine/Channel.cpp): the messages, their
parameters and their priorities are its own.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from yext import conf
from yext.commands import EOL
from yext.dispatcher import TRACKING
from yext.message import Message
from yext.module import Module
from yext.telephony.endpoint import Endpoint
from yext.telephony.shared import Telephony, telephony
from yext.wire import BOOLEANS, bool_text

if TYPE_CHECKING:
    from yext.engine import Engine

STATUS_ESCAPES: Final = {ord(one): f"%{ord(one):02x}" for one in ",;|%"}
"""What would be taken for a separator of the status line in an address, and the escape itself."""

_WITHOUT: Final = (TRACKING, "cmd_address", "cmd_machine", "cmd_admin")
"""What a channel does not pass on of the message that dropped its peer."""


def said(message: Message, name: str, default: bool) -> bool:
    """The boolean parameter `name`; `default` where there is none, or no boolean."""
    return BOOLEANS.get(message.get(name), default)


def copied(message: Message, names: Iterable[str]) -> dict[str, str]:
    """Those of the parameters that `message` has."""
    return {name: message[name] for name in names if name in message}


def copy_list(message: Message) -> list[str]:
    """The parameters that ``copyparams`` names."""
    return [name.strip() for name in message.get("copyparams").split(",") if name.strip()]


class Channel(Endpoint):
    """One end of a call that a driver has.

    Attributes:
        driver: whose it is.
        outgoing: whether the engine called, rather than was called.
        address: whom or what it is a channel to.
        status: ``incoming``, ``ringing``, ``answered`` …, or why it was dropped.
        target_id: the channel that the call was made to, or by.
        bill_id: what all records of one call have in common.
        answered: whether the call was ever answered.
    """

    def __init__(self, driver: Driver, address: str = "", *, outgoing: bool = False) -> None:
        super().__init__(driver.engine, driver.next_id())
        self.driver = driver
        self.outgoing = outgoing
        self.address = address
        self.status = self.direction
        self.target_id = ""
        self.bill_id = "" if outgoing else driver.telephony.next_bill_id()
        self.answered = False
        self.deadlines: dict[str, float] = {}
        self._answer_timeout = 0
        self._passed_on: dict[str, str] = {}
        self._dtmf_number = 0
        self._last_dtmf = ("", "", 0.0)
        driver.total += 1
        driver.channels[self.id] = self

    @property
    def direction(self) -> str:
        """``outgoing`` or ``incoming``."""
        return "outgoing" if self.outgoing else "incoming"

    # Messages

    def complete(self, message: Message, minimal: bool = False) -> None:
        """Gives `message` the parameters that tell of the channel."""
        params = message.params
        params["id"] = self.id
        params["module"] = self.driver.name
        if message.name == "chan.hangup":
            params.update(self._passed_on)
        if minimal:
            return
        optional = {
            "status": self.status,
            "address": self.address,
            "targetid": self.target_id,
            "billid": self.bill_id,
            "peerid": self.peer_id(),
            "lastpeerid": self.last_peer_id,
        }
        params.update((name, value) for name, value in optional.items() if value)
        params["answered"] = bool_text(self.answered)
        params["direction"] = self.direction

    def message(self, name: str) -> Message:
        """A message called `name` about the channel."""
        made = Message(name)
        self.complete(made)
        return made

    # The endpoint's part

    def connected(self, reason: str) -> None:
        self._passed_on = {}
        if not self.bill_id and isinstance(self.peer, Channel):
            self.bill_id = self.peer.bill_id
        told = self.carried(self.message("chan.connected"))
        super().connected(reason)
        if reason:
            told["reason"] = reason

    def disconnected(self, reason: str, params: Mapping[str, str]) -> None:
        message = Message("chan.disconnected")
        message.params.update(
            (name, value) for name, value in params.items() if name not in _WITHOUT
        )
        self.complete(message)
        if reason:
            message["reason"] = reason
        self.target_id = ""
        self.carried(message)

    def destroyed(self) -> None:
        self.deadlines.clear()
        self.driver.channels.pop(self.id, None)

    def hung_up(self) -> None:
        """Tells of the end of the channel; drivers whose channels do so call it at the end."""
        self.engine.enqueue(self.message("chan.hangup"))

    # The call's progress

    def accepted(self, message: Message) -> None:
        """`message`, a ``call.execute``, found somebody who took the call."""
        self.status = "accepted"
        self.limit(message, self.driver.timeout)
        self.bill_id = self.bill_id or message.get("billid")
        self.target_id = message.get("targetid")
        if said(message, "autoanswer", False):
            self.answer(message)
        elif said(message, "autoring", False):
            self.ringing(message)
        elif said(message, "autoprogress", False):
            self.progress(message)
        elif not self.target_id and said(message, "autoanswer", True):
            self.answer(message)

    def progress(self, message: Message) -> bool:
        """``call.progress`` has come for the channel."""
        return self._now("progressing", message)

    def ringing(self, message: Message) -> bool:
        """``call.ringing`` has come for the channel."""
        return self._now("ringing", message)

    def answer(self, message: Message) -> bool:
        """``call.answered`` has come for the channel."""
        self.deadlines.clear()
        timeout = conf.parse_int(message.get("timeout"))
        self._limit_answered(self._answer_timeout if timeout is None else timeout)
        self.answered = True
        return self._now("answered", message)

    def _now(self, status: str, message: Message) -> bool:
        self.status = status
        self.deadlines.pop("postdialdelay", None)
        self.bill_id = self.bill_id or message.get("billid")
        return True

    def dtmf(self, message: Message) -> bool:
        """``chan.dtmf`` has come for the channel: somebody dials at it."""
        return False

    def text(self, message: Message) -> bool:
        """``chan.text`` has come for the channel."""
        return False

    def drop(self, message: Message) -> bool:
        """``call.drop`` has come for the channel."""
        reason = message.get("reason")
        self.deadlines.clear()
        self.status = reason or "dropped"
        self.disconnect(reason, message.params)
        return True

    def control(self, message: Message) -> bool:
        """``chan.control`` has come for the channel: it may set the time limits."""
        self.limit(message, None)
        return False

    def masquerade(self, message: Message) -> bool:
        """`message` is sent in the channel's name; whether it goes no further."""
        self.bill_id = self.bill_id or message.get("billid")
        changed = _MASQUERADES.get(message.name)
        if changed is not None:
            self.status = changed
            if changed == "answered":
                self.answered = True
                self.deadlines.clear()
        elif message.name == "chan.dtmf":
            return self.count_dtmf(message) and not self.driver.dtmf_dups
        return False

    def count_dtmf(self, message: Message) -> bool:
        """Numbers a ``chan.dtmf``; whether it tells of a digit that was detected before, by
        other means, in the last four seconds."""
        if "sequence" in message:
            return False
        text, detected = message.get("text"), message.get("detected")
        last_text, last_detected, until = self._last_dtmf
        again = bool(text and detected) and text == last_text and detected != last_detected
        again = again and message.time < until
        if not again:
            self._dtmf_number += 1
            self._last_dtmf = (text, detected, message.time + 4)
        message["sequence"] = str(self._dtmf_number)
        message["duplicate"] = bool_text(again)
        return again

    # Time limits

    def limit(self, message: Message, default: int | None) -> None:
        """Sets the limits that `message` names, in milliseconds: ``timeout`` of the call,
        ``maxcall`` until it is answered, ``maxpdd`` until it rings; 0 is none."""
        timeout = conf.parse_int(message.get("timeout"))
        timeout = default if timeout is None else timeout
        if timeout is not None and timeout >= 0:
            self._limit_answered(timeout)
        for name, reason in (("maxcall", "noanswer"), ("maxpdd", "postdialdelay")):
            value = conf.parse_int(message.get(name))
            if value is None:
                continue
            self.deadlines.pop(reason, None)
            if value > 0 and not self.answered:
                self.deadlines[reason] = time.time() + value / 1000
                if reason == "noanswer":
                    self.deadlines.pop("timeout", None)

    def _limit_answered(self, timeout: int) -> None:
        self._answer_timeout = max(0, timeout)
        self.deadlines.pop("timeout", None)
        if timeout > 0:
            self.deadlines["timeout"] = time.time() + timeout / 1000

    def check_deadlines(self, now: float) -> None:
        """Drops the channel when one of its limits is over."""
        for reason, deadline in self.deadlines.items():
            if deadline < now:
                self.drop(Message("call.drop", {"id": self.id, "reason": reason}))
                return

    # Status

    def status_text(self) -> str:
        """The line of ``status CHANNEL``, without its end."""
        peer = f"peerid={self.peer_id()}," if self.peer is not None else ""
        return (
            f"name={self.id},type=channel;module={self.driver.name},{peer}status={self.status},"
            f"direction={self.direction},answered={bool_text(self.answered)},"
            f"targetid={self.target_id},address={self.address},billid={self.bill_id}"
            + "".join(
                f",{_LIMITS[reason]}={max(0, round((deadline - time.time()) * 1000))}"
                for reason, deadline in self.deadlines.items()
            )
        )


_LIMITS: Final = {"timeout": "timeout", "noanswer": "maxcall", "postdialdelay": "maxpdd"}
_MASQUERADES: Final = {
    "call.answered": "answered",
    "call.progress": "progressing",
    "call.ringing": "ringing",
}


Action = Callable[[Channel, Message], bool]
Handling = Callable[[Message], bool]


class Driver(Module):
    """A module that has channels.

    Attributes:
        channels: the live ones by id.
        total: channels made since the start.
        timeout: how long calls may take unless they say so, milliseconds; None without limit.
        max_channels: channels at a time, 0 for any number.
        dtmf_dups: whether a digit that was detected twice is told twice.
    """

    kind = "misc"
    minimal = False
    execute_priority = 90

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.telephony: Telephony = telephony(engine)
        self.channels: dict[str, Channel] = {}
        self.total = 0
        self._number = 0
        self.timeout: int | None = None
        self.max_channels = 0
        self.dtmf_dups = False

    @property
    def prefix(self) -> str:
        """What the ids of its channels begin with."""
        return f"{self.name}/"

    def next_id(self) -> str:
        """The id of the next channel."""
        self._number += 1
        return f"{self.prefix}{self._number}"

    # Life

    def load(self) -> None:
        super().load()
        self.handle("engine.timer", self._timer, 90)
        self.handle("chan.masquerade", self._masquerade, 10)
        self.handle("chan.locate", self._locate, 40)
        self.handle("call.drop", self._drop, 60)
        self.handle("call.execute", self._execute, self.execute_priority)
        self.handle("chan.control", self._for_channel(Channel.control), 90)
        if self.minimal:
            return
        self.handle("chan.dtmf", self._for_channel(Channel.dtmf), 100)
        self.handle("chan.text", self._for_channel(Channel.text), 100)
        self.handle("call.ringing", self._for_incoming(Channel.ringing), 100)
        self.handle("call.answered", self._for_incoming(Channel.answer), 100)

    async def apply_conf(self) -> list[str]:
        main = self.engine.conf
        timeout = conf.parse_int(main.get("telephony", "timeout") or "")
        self.timeout = timeout if timeout and timeout > 0 else None
        self.max_channels = conf.parse_int(main.get("telephony", "maxchans") or "") or 0
        self.dtmf_dups = conf.parse_bool(main.get("telephony", "dtmfdups") or "") is True
        return []

    async def stop(self, deadline: float) -> None:
        self._drop_all(Message("call.drop", {"reason": "shutdown"}))

    # Calls

    def execute(self, message: Message, target: str) -> bool | Awaitable[bool]:
        """A ``call.execute`` to `target`, its prefix cut off: whether the call was taken."""
        return False

    def _execute(self, message: Message) -> bool | Awaitable[bool]:
        called = message.get("callto")
        if not called.startswith(self.prefix) or self.engine.halting:
            return False
        if self.max_channels and len(self.channels) >= self.max_channels:
            return False
        return self.execute(message, called.removeprefix(self.prefix))

    def stopped(self, message: Message) -> bool:
        """Whether the call is not to be made, which is told in `message`."""
        if not said(message, "stop_call", False):
            return False
        message["error"] = "stopped_call"
        return True

    def _drop(self, message: Message) -> bool:
        wanted = message.get("id")
        if wanted in ("", self.name, self.kind):
            self._drop_all(message)
            return wanted == self.name
        channel = self.channels.get(wanted)
        return channel is not None and channel.drop(message)

    def _drop_all(self, message: Message) -> None:
        for channel in tuple(self.channels.values()):
            channel.drop(message)

    def _locate(self, message: Message) -> bool:
        channel = self.channels.get(message.get("id"))
        if channel is not None:
            message.userdata = channel
        return channel is not None

    def _masquerade(self, message: Message) -> bool:
        channel = self.channels.get(message.get("id"))
        if channel is None:
            return False
        message.name = message.params.pop("message", "")
        message.userdata = channel
        if channel.masquerade(message):
            return True
        channel.complete(message, said(message, "complete_minimal", False))
        return False

    def _meant(self, message: Message) -> Channel | None:
        named = message.get("peerid")
        if not named.startswith(self.prefix):
            named = message.get("targetid")
        return self.channels.get(named)

    def _for_channel(self, action: Action) -> Handling:
        """A handler that has `action` carried out by the channel that a message is for.

        What a driver's own class of channels makes of the action is what counts.
        """

        def handle(message: Message) -> bool:
            channel = self._meant(message)
            return channel is not None and bool(getattr(channel, action.__name__)(message))

        return handle

    def _for_incoming(self, action: Action) -> Handling:
        """The same for what matters to a caller only, and before the call is answered."""
        handle = self._for_channel(action)

        def check(message: Message) -> bool:
            channel = self._meant(message)
            if channel is None or channel.outgoing or channel.answered:
                return False
            return handle(message)

        return check

    def _timer(self, message: Message) -> bool:
        for channel in tuple(self.channels.values()):
            if channel.deadlines:
                channel.check_deadlines(message.time)
        return False

    # Status and completion

    def status_format(self) -> str:
        return ",format=Status|Address|Peer"

    def status_params(self) -> str:
        return f"routed=0,routing=0,total={self.total},chans={len(self.channels)}"

    def status_detail(self) -> str:
        return ",".join(
            f"{one.id}={one.status}|{one.address.translate(STATUS_ESCAPES)}|{one.peer_id()}"
            for one in self.channels.values()
        )

    def _status(self, message: Message) -> bool:
        wanted = message.get("module")
        if not wanted.startswith(self.prefix):
            return super()._status(message)
        channel = self.channels.get(wanted)
        if channel is None:
            return False
        channel.complete(message)
        message.retvalue = channel.status_text() + EOL
        return True

    def complete(self, line: str, word: str) -> Sequence[str]:
        if line not in ("drop", "control", "status", "status overview") or not self.channels:
            return ()
        if word.startswith(self.prefix):
            return tuple(self.channels)
        return (self.prefix,) if line.startswith("status") else (self.name, self.prefix)
