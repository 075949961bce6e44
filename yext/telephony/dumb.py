"""Channels that are nothing but a channel: ``dumb/ADDRESS`` (Yate's module dumbchan)."""

from __future__ import annotations

from collections.abc import Awaitable

from yext.message import Message
from yext.telephony.channel import Channel, copied, copy_list
from yext.telephony.driver import Driver
from yext.telephony.endpoint import Endpoint

_STARTUP = ("caller", "callername", "called", "billid", "callto", "username")
_ROUTED = ("callername", "maxcall", "timeout", "stop_call")


class DumbChannel(Channel):
    """A channel with nobody at its far end: it takes no audio and gives none."""

    def start(self, message: Message) -> None:
        """Tells that the channel is there; `message` is the ``call.execute`` that made it."""
        told = self.message("chan.startup")
        told.params.update(copied(message, copy_list(message)))
        if self.outgoing:
            told.params.update(copied(message, _STARTUP))
        self.bus.enqueue(told)

    def destroyed(self) -> None:
        self.hung_up()
        super().destroyed()


class DumbDriver(Driver):
    """The module.

    A ``call.execute`` that carries a channel is connected to a new dumb one. One that does not
    makes a dumb channel call: ``direct`` at once, ``target`` by way of ``call.route``.
    """

    name = "dumb"
    title = "DumbChannel"

    def execute(self, message: Message, target: str) -> bool | Awaitable[bool]:
        caller = message.userdata
        if isinstance(caller, Endpoint):
            return self._called_by(caller, message, target)
        return self._call(message, target) if message.get("target") else False

    def _called_by(self, caller: Endpoint, message: Message, target: str) -> bool:
        if self.stopped(message):
            return False
        channel = DumbChannel(self.channels, target, outgoing=True)
        channel.start(message)
        connected = caller.connect(channel)
        if connected:
            message["peerid"] = message["targetid"] = channel.id
            channel.target_id = caller.id
            message.params.setdefault("autoring", "true")
        channel.release()
        return connected

    async def _call(self, message: Message, target: str) -> bool:
        channel = DumbChannel(self.channels, target)
        channel.start(message)
        try:
            return await self._route(channel, message)
        finally:
            channel.release()

    async def _route(self, channel: DumbChannel, message: Message) -> bool:
        call = Message(
            "call.route",
            {
                "driver": "dumb",
                "id": channel.id,
                "caller": message.get("caller") or f"{self.prefix}{channel.address}",
                "called": message["target"],
                **copied(message, [*_ROUTED, *copy_list(message)]),
            },
        )
        direct = message.get("direct")
        if not direct and not await self.bus.dispatch(call):
            return False
        call.name = "call.execute"
        call["callto"] = direct or call.retvalue
        call.retvalue = ""
        call["id"] = channel.id
        channel.make_call(call, message)
        if not await self.bus.dispatch(call):
            message.params.update(copied(call, ("error", "reason")))
            return False
        channel.accepted(call)
        message.params.update(copied(call, ("id", "peerid", "targetid")))
        return True
