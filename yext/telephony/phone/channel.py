"""A telephone for the operator: ``phone/``.

``call external/nodata/ivr.py phone/`` has the phone call the script, ``call phone/ 99`` has it
dial, and a ``call.execute`` to ``phone/`` rings it, which it answers. It sends silence until
it is given something to say, and follows what it hears.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from yext.message import Message
from yext.telephony.channel import Channel, copied, copy_list
from yext.telephony.driver import Driver
from yext.telephony.endpoint import Consumer, Endpoint, Source
from yext.telephony.formats import SLIN, decode

if TYPE_CHECKING:
    from yext.bus import Bus
    from yext.telephony.detect import Listener

_FRAME = bytes(SLIN.frame_bytes(0))
_FIRST = 5
"""Priority at which a call that is to be made from the phone is seen before it is made."""

_BEATS_A_DIGIT = 5
_IDLE_BEATS = 5
"""Beats without a frame after which nothing is heard any longer."""

_STARTUP = ("caller", "callername", "called", "billid", "callto", "username")


class Ear(Consumer):
    """What the phone hears.

    Attributes:
        listener: what is made of it.
        frames: frames heard.
    """

    def __init__(self) -> None:
        from yext.telephony import detect

        super().__init__("phone")
        self.listener: Listener = detect.Listener()
        self.frames = 0
        self._idle = 0

    def consume(self, data: bytes) -> None:
        self.frames += 1
        self._idle = 0
        self.listener.hear(decode("slin", data))

    def beat(self) -> None:
        """A frame's time has gone by."""
        self._idle += 1
        if self._idle > _IDLE_BEATS:
            self.listener.hear(decode("slin", _FRAME))

    def playing(self) -> str:
        """What the engine knows to be playing, empty for nothing."""
        source = self.override or self.source
        return source.name if source is not None and not source.ended else ""


class PhoneChannel(Channel):
    """One call of the phone.

    Attributes:
        ear: what it hears.
        saying: what it says, empty while it is silent.
        ended: why the call is over; None while it is not.
    """

    def __init__(self, driver: PhoneDriver, address: str, *, outgoing: bool = False) -> None:
        super().__init__(driver, address, outgoing=outgoing)
        self.ear: Ear = Ear()
        self.saying: str = ""
        self.ended: str | None = None
        self._silence = Source("phone")
        self._to_dial: list[str] = []
        self._beats = 0
        self._waiting: dict[asyncio.Future[None], Callable[[], bool]] = {}
        self.set_consumer(self.ear)
        self.set_source(self._silence)
        driver.telephony.clock.add(self)
        driver.calls.append(self)

    def start(self, message: Message) -> None:
        """Tells that the channel is there; `message` is the ``call.execute`` that made it."""
        told = self.message("chan.startup")
        told.params.update(copied(message, [*copy_list(message), *_STARTUP]))
        self.bus.enqueue(told)

    def beat(self) -> None:
        """Sends a frame of silence unless something is said; dials; looks at what is waited for."""
        self._silence.forward(_FRAME)
        self.ear.beat()
        self._beats += 1
        if self._to_dial and self._beats % _BEATS_A_DIGIT == 0:
            self._send_digit(self._to_dial.pop(0))
        self._look()

    # What the operator does

    def say(self, source: Source) -> None:
        """Says what `source` gives, then is silent again."""

        def said() -> None:
            self.saying = ""
            if source.error:
                told = f"{self.id} said no more: {source.name}: {source.error}"
                self.bus.log.notice((told,), "")
            self._silence = Source("phone")
            self.set_source(self._silence)

        source.on_end = said
        self.saying = source.name
        self.set_source(source)
        # Said even where nobody listens, as by one who does not know.
        source.attached()

    def dial(self, digits: str) -> None:
        """Sends a ``chan.dtmf`` for each of `digits`, ten a second."""
        self._to_dial += digits

    @property
    def dialling(self) -> bool:
        """Whether there are digits yet to be sent."""
        return bool(self._to_dial)

    def _send_digit(self, digit: str) -> None:
        message = self.message("chan.dtmf")
        message["text"] = digit
        message["detected"] = "phone"
        self.count_dtmf(message)
        self.carried(message)

    # What the call does

    def dtmf(self, message: Message) -> bool:
        """Somebody dials at the phone with a message: heard like a tone."""
        self.ear.listener.add(message.get("text"))
        return True

    def disconnected(self, reason: str, params: Mapping[str, str]) -> None:
        self.ended = reason
        super().disconnected(reason, params)

    def destroyed(self) -> None:
        self.ended = self.ended or self.status
        self.driver.telephony.clock.remove(self)
        self.hung_up()
        super().destroyed()
        self._look()

    # Waiting

    async def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Waits until `condition` holds, which is looked at with each frame; whether it came to
        hold within so many seconds, and before the end of the call."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = condition
        self._look()
        try:
            await asyncio.wait_for(future, seconds)
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(future, None)
        return condition()

    def _look(self) -> None:
        for future, condition in tuple(self._waiting.items()):
            if not future.done() and (not self.alive or condition()):
                future.set_result(None)


class PhoneDriver(Driver):
    """The module.

    Attributes:
        calls: the phone's last calls, the latest last; the last one over is kept.
    """

    name = "phone"
    title = "Phone"
    # What a script sees of a message stays as it is where there is no phone.
    track = False

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self.calls: list[PhoneChannel] = []

    def load(self) -> None:
        super().load()
        self.handle("call.execute", self._from_console, _FIRST)
        self.handle("call.progress", self._for_incoming(Channel.progress), 100)
        self.handle("engine.help", self._help, 100)

    def call(self, ident: str = "") -> PhoneChannel | None:
        """The call with that id, or the latest one; None where there is none."""
        self.calls = [one for one in self.calls if one.alive or one is self.calls[-1]]
        found = [one for one in self.calls if ident in ("", one.id)]
        return found[-1] if found else None

    # Calls

    def execute(self, message: Message, target: str) -> bool | Awaitable[bool]:
        if self.stopped(message):
            return False
        caller = message.userdata
        if not isinstance(caller, Endpoint):
            return self._dial(message, target, message.get("direct"))
        channel = PhoneChannel(self, target, outgoing=True)
        channel.start(message)
        connected = caller.connect(channel, message.get("reason"))
        if connected:
            message["peerid"] = message["targetid"] = channel.id
            channel.target_id = caller.id
            answered = channel.message("call.answered")
            channel.status, channel.answered = "answered", True
            channel.carried(answered)
        channel.release()
        return connected

    def _from_console(self, message: Message) -> bool | Awaitable[bool]:
        """``call SOMETHING phone/``: the phone is to call SOMETHING.

        To anybody but an operator ``direct`` is what SOMETHING is to make of it: a script that
        hands out the calls of a queue names so whom it is to call.
        """
        direct = message.get("direct")
        called = message.get("callto")
        if not direct.startswith(self.prefix) or called.startswith(self.prefix):
            return False
        if "cmd_admin" not in message:
            return False
        return self._dial_for(message, direct.removeprefix(self.prefix), called)

    async def _dial_for(self, message: Message, address: str, called: str) -> bool:
        if await self._dial(message, address, called):
            return True
        # The call was made, and has failed: nobody else is to make it again.
        del message["callto"]
        return False

    async def _dial(self, message: Message, address: str, callto: str) -> bool:
        number = message.get("target") or message.get("called")
        if not (callto or number):
            return False
        channel = PhoneChannel(self, address)
        channel.start(message)
        try:
            return await self._route(channel, message, callto, number)
        finally:
            channel.release()

    async def _route(
        self, channel: PhoneChannel, message: Message, callto: str, number: str
    ) -> bool:
        call = channel.message("call.route")
        call["caller"] = message.get("caller") or self.name
        call["called"] = number
        call.params.update(copied(message, copy_list(message)))
        if not callto and not await self.bus.dispatch(call):
            message["reason"] = f"nobody routes a call to {number}"
            return False
        call.name = "call.execute"
        call["callto"] = callto or call.retvalue
        call.retvalue = ""
        channel.make_call(call, message)
        if not await self.bus.dispatch(call):
            message.params.update(copied(call, ("error", "reason", "errno", "hint")))
            return False
        channel.accepted(call)
        message["id"] = channel.id
        message.params.update(copied(call, ("peerid", "targetid")))
        return True

    # Commands

    async def command(self, line: str, message: Message) -> bool:
        if not line.lstrip().startswith("phone"):
            return False
        from yext.telephony.phone.verbs import carry_out

        return await carry_out(self, line, message)

    def complete(self, line: str, word: str) -> dict[str, str]:
        from yext.telephony.phone.verbs import complete

        return super().complete(line, word) | complete(self, line)

    def _help(self, message: Message) -> bool:
        from yext.telephony.phone.verbs import help

        return help(message)
