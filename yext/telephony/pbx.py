"""``chan.connect``: connects two channels that exist already (Yate's module pbx)."""

from __future__ import annotations

from yext.engine.module import Module
from yext.message import Message
from yext.telephony.channel import flag
from yext.telephony.endpoint import Endpoint


class Pbx(Module):
    """The module ``pbx``."""

    name = "pbx"
    title = "PBX"
    track = False

    def load(self) -> None:
        super().load()
        self.handle("chan.connect", self._connect, 90)

    async def _connect(self, message: Message) -> bool:
        """Connect ``id``, or its peer with ``id_peer``, with ``targetid`` or its peer."""
        first = await self._locate(message, "id")
        second = await self._locate(message, "targetid")
        if first is None or second is None:
            return False
        return first.connect(second, message.get("reason"))

    async def _locate(self, message: Message, name: str) -> Endpoint | None:
        located = message.derive("chan.locate", {"id": message.get(name)})
        await self.bus.dispatch(located)
        found = located.userdata
        if not isinstance(found, Endpoint):
            return None
        return found.peer if flag(message, f"{name}_peer", False) else found
