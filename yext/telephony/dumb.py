"""Channels without audio: ``dumb/ADDRESS`` (Yate's module dumbchan)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import ClassVar, Final

from yext.message import Message
from yext.telephony.channel import Channel, names_to_copy, present
from yext.telephony.driver import Driver
from yext.telephony.endpoint import Endpoint

_STARTUP: Final = ("caller", "callername", "called", "billid", "callto", "username")
_ROUTED: Final = ("callername", "maxcall", "timeout", "stop_call")


class DumbChannel(Channel):
    """A channel with nobody at its other side: it neither takes nor gives audio."""

    def start(self, message: Message) -> None:
        """Announce the channel with ``chan.startup``.

        Args:
            message: the ``call.execute`` that made the channel.
        """
        startup = self.message("chan.startup")
        startup.params.update(present(message, names_to_copy(message)))
        if self.outgoing:
            startup.params.update(present(message, _STARTUP))
        self.bus.enqueue(startup)

    def destroyed(self) -> None:
        self.send_hangup()
        super().destroyed()


class DumbDriver(Driver):
    """The module ``dumbchan``.

    The channel of a ``call.execute`` is connected to a new dumb channel. Without a channel, a new
    dumb channel calls ``direct`` at once, or ``target`` after ``call.route``.
    """

    name = "dumb"
    title = "DumbChannel"
    targets: ClassVar = {"dumb/": "a channel without audio"}

    def execute(self, message: Message, target: str) -> bool | Awaitable[bool]:
        caller = message.userdata
        if isinstance(caller, Endpoint):
            return self._called_by(caller, message, target)
        return self._call(message, target) if message.get("target") else False

    def _called_by(self, caller: Endpoint, message: Message, target: str) -> bool:
        if self.stopped(message):
            return False
        channel = DumbChannel(self.channels, target, outgoing=True)
        channel.commander = message.commander
        channel.start(message)
        channel.called(message)
        connected = caller.connect(channel)
        if connected:
            message["peerid"] = message["targetid"] = channel.id
            channel.target_id = caller.id
            message.params.setdefault("autoring", "true")
        channel.release()
        return connected

    async def _call(self, message: Message, target: str) -> bool:
        channel = DumbChannel(self.channels, target)
        channel.commander = message.commander
        channel.start(message)
        try:
            return await self._route(channel, message)
        finally:
            channel.release()

    async def _route(self, channel: DumbChannel, message: Message) -> bool:
        call = message.derive(
            "call.route",
            {
                "driver": "dumb",
                "id": channel.id,
                "caller": message.get("caller") or f"{self.prefix}{channel.address}",
                "called": message["target"],
                **present(message, [*_ROUTED, *names_to_copy(message)]),
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
            message.params.update(present(call, ("error", "reason", "errno", "hint")))
            return False
        channel.accepted(call)
        message.params.update(present(call, ("id", "peerid", "targetid")))
        return True
