"""``chan.connect``: connects two channels that are already there (Yate's module pbx)."""

from __future__ import annotations

from yext.engine.module import Module
from yext.message import Message
from yext.telephony.channel import said
from yext.telephony.endpoint import Endpoint


class Pbx(Module):
    """The module."""

    name = "pbx"
    title = "PBX"
    track = False

    def load(self) -> None:
        super().load()
        self.handle("chan.connect", self._connect, 90)

    async def _connect(self, message: Message) -> bool:
        """Connects ``id``, or its peer with ``id_peer``, with ``targetid``, or its peer."""
        one = await self._locate(message, "id")
        other = await self._locate(message, "targetid")
        if one is None or other is None:
            return False
        return one.connect(other, message.get("reason"))

    async def _locate(self, message: Message, name: str) -> Endpoint | None:
        wanted = Message("chan.locate", {"id": message.get(name)})
        await self.bus.dispatch(wanted)
        found = wanted.userdata
        if not isinstance(found, Endpoint):
            return None
        return found.peer if said(message, f"{name}_peer", False) else found
