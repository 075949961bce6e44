"""One call of the operator's telephone.

The channel sends silence until it is given a source to play, and follows what it hears.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from yext.message import Message
from yext.telephony.audio.formats import SLIN, decode
from yext.telephony.channel import Channel, names_to_copy, present
from yext.telephony.endpoint import Consumer, Source
from yext.telephony.registry import ChannelRegistry

if TYPE_CHECKING:
    from yext.telephony.audio.detect import Listener

_FRAME: Final = bytes(SLIN.frame_bytes(0))
_BEATS_A_DIGIT: Final = 5
_IDLE_BEATS: Final = 5
"""Beats without a frame after which the phone hears silence."""

_STARTUP: Final = ("caller", "callername", "called", "billid", "callto", "username")
"""The parameters of ``call.execute`` that ``chan.startup`` repeats."""


class Ear(Consumer):
    """The consumer that recognizes what the phone hears.

    Attributes:
        listener: recognizes tones and digits.
        frames: the number of frames heard.
    """

    def __init__(self) -> None:
        # Loaded with the first call: most starts need no tone detection.
        from yext.telephony.audio import detect

        super().__init__("phone")
        self.listener: Listener = detect.Listener()
        self.frames = 0
        self._idle = 0

    def consume(self, data: bytes) -> None:
        self.frames += 1
        self._idle = 0
        self.listener.hear(decode("slin", data))

    def beat(self) -> None:
        """Count one frame's time, and hear silence if no frame has come for some time."""
        self._idle += 1
        if self._idle > _IDLE_BEATS:
            self.listener.hear(decode("slin", _FRAME))

    def playing(self) -> str:
        """Return the name of the source that plays to the phone, empty for none."""
        source = self.override or self.source
        return source.name if source is not None and not source.ended else ""


class PhoneChannel(Channel):
    """One call of the phone.

    Attributes:
        ear: the consumer of the call's audio.
        saying: the name of the source that the phone plays, empty while it sends silence.
        ended: the reason for the end of the call, None while it lasts.
    """

    def __init__(
        self, registry: ChannelRegistry[Channel], address: str, *, outgoing: bool = False
    ) -> None:
        super().__init__(registry, address, outgoing=outgoing)
        self.ear: Ear = Ear()
        self.saying: str = ""
        self.ended: str | None = None
        self._silence = Source("phone")
        self._to_dial: list[str] = []
        self._beats = 0
        self._waiting: dict[asyncio.Future[None], Callable[[], bool]] = {}
        self.set_consumer(self.ear)
        self.set_source(self._silence)
        registry.telephony.clock.add(self)

    def start(self, message: Message) -> None:
        """Announce the channel with ``chan.startup``.

        Args:
            message: the ``call.execute`` that made the channel.
        """
        startup = self.message("chan.startup")
        startup.params.update(present(message, [*names_to_copy(message), *_STARTUP]))
        self.bus.enqueue(startup)

    def beat(self) -> None:
        """Send a frame of silence, dial the next digit and check the conditions waited for."""
        self._silence.forward(_FRAME)
        self.ear.beat()
        self._beats += 1
        if self._to_dial and self._beats % _BEATS_A_DIGIT == 0:
            self._send_digit(self._to_dial.pop(0))
        self._check_conditions()

    # The operator's actions

    def say(self, source: Source) -> None:
        """Play `source` into the call, then send silence again."""

        def finished() -> None:
            self.saying = ""
            if source.error:
                text = f"{self.id} stopped before the end of {source.name}: {source.error}"
                self.bus.log.notice((text,), "")
            self._silence = Source("phone")
            self.set_source(self._silence)

        source.on_end = finished
        self.saying = source.name
        self.set_source(source)
        # It plays even where nobody listens: a person on the phone would not know.
        source.attached()

    def dial(self, digits: str) -> None:
        """Send a ``chan.dtmf`` for each of `digits`, ten a second."""
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
        self.send(message)

    # Events of the call

    def dtmf(self, message: Message) -> bool:
        """Hear the digits of a ``chan.dtmf`` like those of a tone."""
        self.ear.listener.add(message.get("text"))
        return True

    def disconnected(self, reason: str, params: Mapping[str, str]) -> None:
        self.ended = reason
        super().disconnected(reason, params)

    def destroyed(self) -> None:
        self.ended = self.ended or self.status
        self.registry.telephony.clock.remove(self)
        self.send_hangup()
        super().destroyed()
        self._check_conditions()

    # Waiting

    async def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until `condition` holds, which is checked with each frame.

        Returns:
            True if it held within so many seconds and before the end of the call.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = condition
        self._check_conditions()
        try:
            await asyncio.wait_for(future, seconds)
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(future, None)
        return condition()

    def _check_conditions(self) -> None:
        for future, condition in tuple(self._waiting.items()):
            if not future.done() and (not self.alive or condition()):
                future.set_result(None)
