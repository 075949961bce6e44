"""A channel: one end of a call, with the parameters that Yate's messages have for it.

Modelled on Yate's class Channel (engine/Channel.cpp), which has the same messages and parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from yext import conf
from yext.commander import together
from yext.dispatcher import TRACKING
from yext.message import Message
from yext.telephony.endpoint import Endpoint
from yext.telephony.registry import ChannelRegistry
from yext.wire import BOOLEANS, bool_text

_WITHOUT: Final = (
    TRACKING, "cmd_address", "cmd_machine", "cmd_admin", "cmd_width", "cmd_height",
)  # fmt: skip
"""Parameters of a ``call.drop`` that ``chan.disconnected`` of the peer leaves out."""


def flag(message: Message, name: str, default: bool) -> bool:
    """Return a boolean parameter, or `default` if it is absent or no boolean."""
    return BOOLEANS.get(message.get(name), default)


def present(message: Message, names: Iterable[str]) -> dict[str, str]:
    """Return the parameters called `names`, as far as `message` has them."""
    return {name: message[name] for name in names if name in message}


def names_to_copy(message: Message) -> list[str]:
    """Return the names of parameters in ``copyparams``."""
    return [name.strip() for name in message.get("copyparams").split(",") if name.strip()]


class Channel(Endpoint):
    """One end of a call, made by a driver.

    Args:
        registry: the channels of the same driver, to which this one is added.
        address: the address of the other side.
        outgoing: whether the engine calls, rather than is called.

    Attributes:
        registry: the channels of the same driver.
        outgoing: whether the engine calls.
        address: the address of the other side.
        status: ``incoming``, ``ringing``, ``answered`` …, or the reason why it was dropped.
        target_id: the channel that the call was made to or by.
        bill_id: the billing identifier, which all records of one call share.
        answered: whether the call was ever answered.
        deadlines: the end of each time limit in seconds since 1970, by the reason to drop for.
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
        """Add the parameters that describe the channel.

        Args:
            message: the message.
            minimal: whether id and module are enough.
        """
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
        """Make a message called `name` about the channel."""
        message = Message(name, commander=self.commander)
        self.complete(message)
        return message

    def make_call(self, call: Message, order: Message) -> None:
        """Make the channel the user data of `call`, which the sender of `order` asked for.

        The call may have been changed on its way by another commander, who must be allowed it too.
        """
        call.userdata = self
        self.commander = call.commander = together(order.commander, call.commander)

    # Events of the endpoint

    def connected(self, reason: str) -> None:
        if not self.bill_id and isinstance(self.peer, Channel):
            self.bill_id = self.peer.bill_id
        message = self.message("chan.connected")
        super().connected(reason)
        if reason:
            message["reason"] = reason
        self.send(message)

    def disconnected(self, reason: str, params: Mapping[str, str]) -> None:
        message = Message("chan.disconnected")
        message.params.update(
            (name, value) for name, value in params.items() if name not in _WITHOUT
        )
        self.complete(message)
        if reason:
            message["reason"] = reason
        self.target_id = ""
        self.send(message)

    def destroyed(self) -> None:
        self.deadlines.clear()
        self.registry.remove(self)

    def send_hangup(self) -> None:
        """Send ``chan.hangup``, for channels that do so when they end."""
        self.bus.enqueue(self.message("chan.hangup"))

    # Progress of the call

    def accepted(self, message: Message) -> None:
        """Go on with a call that was taken.

        Args:
            message: the ``call.execute``, as its handler left it.
        """
        if self.status == self.direction:
            # A script that takes the call may answer it before this.
            self.status = "accepted"
        self.limit(message, self.registry.timeout)
        self.bill_id = self.bill_id or message.get("billid")
        self.target_id = message.get("targetid")
        self._detect(message, "tonedetect_in")
        if flag(message, "autoanswer", False):
            self.answer(message)
        elif flag(message, "autoring", False):
            self.ringing(message)
        elif flag(message, "autoprogress", False):
            self.progress(message)
        elif not self.target_id and flag(message, "autoanswer", True):
            self.answer(message)

    def called(self, message: Message) -> None:
        """Do what a ``call.execute`` asks of the new channel that it calls."""
        self._detect(message, "tonedetect_out")

    def _detect(self, message: Message, name: str) -> None:
        """Have tones detected in what the channel sends, if the parameter called `name` says so."""
        wanted = message.get(name)
        if not wanted or BOOLEANS.get(wanted) is False:
            return
        attach = Message("chan.attach", commander=message.commander)
        self.complete(attach, minimal=True)
        attach["sniffer"] = "tone/*" if BOOLEANS.get(wanted) else wanted
        attach["single"] = "yes"
        self.send(attach)

    def progress(self, message: Message) -> bool:
        """Handle a ``call.progress`` for the channel."""
        return self._enter("progressing", message)

    def ringing(self, message: Message) -> bool:
        """Handle a ``call.ringing`` for the channel."""
        return self._enter("ringing", message)

    def answer(self, message: Message) -> bool:
        """Handle a ``call.answered`` for the channel."""
        self.deadlines.clear()
        timeout = conf.parse_int(message.get("timeout"))
        self._limit_answered(self._answer_timeout if timeout is None else timeout)
        self.answered = True
        return self._enter("answered", message)

    def _enter(self, status: str, message: Message) -> bool:
        self.status = status
        self.deadlines.pop("postdialdelay", None)
        self.bill_id = self.bill_id or message.get("billid")
        return True

    def dtmf(self, message: Message) -> bool:
        """Handle a ``chan.dtmf`` for the channel: digits from the other side."""
        return False

    def text(self, message: Message) -> bool:
        """Handle a ``chan.text`` for the channel."""
        return False

    def drop(self, message: Message) -> bool:
        """Handle a ``call.drop`` for the channel."""
        reason = message.get("reason")
        self.deadlines.clear()
        self.status = reason or "dropped"
        if message.commander is not None:
            # What both ends report of it is on behalf of who asked for it.
            self.commander = message.commander
            if self.peer is not None:
                self.peer.commander = message.commander
        self.disconnect(reason, message.params)
        return True

    def control(self, message: Message) -> bool:
        """Handle a ``chan.control`` for the channel; return whether it set a time limit.

        Yate sets it too, but reports to the operator that nothing was controlled.
        """
        self.limit(message, None)
        given = (conf.parse_int(message.get(name)) for name in _LIMITS.values())
        return any(value is not None and value >= 0 for value in given)

    def masquerade(self, message: Message) -> bool:
        """Take over the state of a message that is sent in the channel's name.

        Returns:
            True if no other handler gets the message.
        """
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
        """Number a ``chan.dtmf``.

        Returns:
            True for a digit that was detected by other means in the last four seconds.
        """
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
        """Set the time limits of a message.

        Args:
            message: has limits in milliseconds, 0 for none: ``timeout`` of the call,
                ``maxcall`` until it is answered, ``maxpdd`` until it rings.
            default: the timeout without ``timeout``; None leaves it as it is.
        """
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
                self.deadlines[reason] = self.bus.now() + value / 1000
                if reason == "noanswer":
                    self.deadlines.pop("timeout", None)

    def _limit_answered(self, timeout: int) -> None:
        self._answer_timeout = max(0, timeout)
        self.deadlines.pop("timeout", None)
        if timeout > 0:
            self.deadlines["timeout"] = self.bus.now() + timeout / 1000

    def check_deadlines(self, now: float) -> None:
        """Drop the channel if one of its time limits is over.

        Args:
            now: the time in seconds since 1970.
        """
        for reason, deadline in self.deadlines.items():
            if deadline < now:
                self.drop(Message("call.drop", {"id": self.id, "reason": reason}))
                return

    # Status

    def status_text(self) -> str:
        """Return the line of ``status CHANNEL``, without its end."""
        peer = f"peerid={self.peer_id()}," if self.peer is not None else ""
        return (
            f"name={self.id},type=channel;module={self.registry.name},{peer}status={self.status},"
            f"direction={self.direction},answered={bool_text(self.answered)},"
            f"targetid={self.target_id},address={self.address},billid={self.bill_id}"
            + "".join(
                f",{_LIMITS[reason]}={max(0, round((deadline - self.bus.now()) * 1000))}"
                for reason, deadline in self.deadlines.items()
            )
        )


_LIMITS: Final = {"timeout": "timeout", "noanswer": "maxcall", "postdialdelay": "maxpdd"}
_MASQUERADES: Final = {
    "call.answered": "answered",
    "call.progress": "progressing",
    "call.ringing": "ringing",
}
