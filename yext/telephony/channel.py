"""A channel: one end of a call, with what Yate's messages tell of it.

Modelled on Yate's class Channel (engine/Channel.cpp): the messages and their parameters are its
own.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Final

from yext import conf
from yext.command import Commander, Embedder, commander_of
from yext.dispatcher import TRACKING
from yext.message import Message
from yext.telephony.endpoint import Endpoint
from yext.telephony.registry import ChannelRegistry
from yext.wire import BOOLEANS, bool_text

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
        registry: the channels of the same driver.
        outgoing: whether the engine called, rather than was called.
        address: whom or what it is a channel to.
        status: ``incoming``, ``ringing``, ``answered`` …, or why it was dropped.
        target_id: the channel that the call was made to, or by.
        bill_id: what all records of one call have in common.
        answered: whether the call was ever answered.
        commander: who had it make a call.
    """

    def __init__(
        self, registry: ChannelRegistry[Channel], address: str = "", *, outgoing: bool = False
    ) -> None:
        super().__init__(registry.bus, registry.next_id())
        self.registry = registry
        self.outgoing = outgoing
        self.address = address
        self.status = self.direction
        self.target_id = ""
        self.bill_id = "" if outgoing else registry.telephony.next_bill_id()
        self.answered = False
        self.commander: Commander = Embedder()
        self.deadlines: dict[str, float] = {}
        self._answer_timeout = 0
        self._dtmf_number = 0
        self._last_dtmf = ("", "", 0.0)
        registry.add(self)

    @property
    def direction(self) -> str:
        """``outgoing`` or ``incoming``."""
        return "outgoing" if self.outgoing else "incoming"

    # Messages

    def complete(self, message: Message, minimal: bool = False) -> None:
        """Gives `message` the parameters that tell of the channel."""
        params = message.params
        params["id"] = self.id
        params["module"] = self.registry.name
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

    def make_call(self, call: Message, order: Message) -> None:
        """Has `call` carry the channel, on behalf of whoever gave the `order` for it."""
        call.userdata = self
        self.commander = commander_of(order)

    # The endpoint's part

    def connected(self, reason: str) -> None:
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
        self.registry.remove(self)

    def hung_up(self) -> None:
        """Tells of the end of the channel; drivers whose channels do so call it at the end."""
        self.bus.enqueue(self.message("chan.hangup"))

    # The call's progress

    def accepted(self, message: Message) -> None:
        """`message`, a ``call.execute``, found somebody who took the call."""
        if self.status == self.direction:
            # Unless it was answered meanwhile, by a script that took the call and went on.
            self.status = "accepted"
        self.limit(message, self.registry.timeout)
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
        """``chan.control`` has come for the channel: whether it has set a time limit.

        Yate sets it too, and then tells the operator that nothing was controlled.
        """
        self.limit(message, None)
        given = (conf.parse_int(message.get(name)) for name in _LIMITS.values())
        return any(value is not None and value >= 0 for value in given)

    def masquerade(self, message: Message) -> bool:
        """`message` is sent in the channel's name; whether it goes no further."""
        self.bill_id = self.bill_id or message.get("billid")
        changed = _MASQUERADES.get(message.name)
        if changed is not None:
            self.status = changed
            self.deadlines.pop("postdialdelay", None)
            if changed == "answered":
                self.deadlines.pop("noanswer", None)
        elif message.name == "chan.dtmf":
            return self.count_dtmf(message) and not self.registry.dtmf_dups
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
            f"name={self.id},type=channel;module={self.registry.name},{peer}status={self.status},"
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
