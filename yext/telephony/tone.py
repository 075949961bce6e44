"""Tones: ``tone/NAME`` as a channel and as a channel's source (Yate's module tonegen)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, ClassVar

from yext.command import Words
from yext.message import Message
from yext.telephony.attach import attach_sources
from yext.telephony.audio.clock import Clock
from yext.telephony.audio.formats import SLIN
from yext.telephony.channel import Channel
from yext.telephony.driver import Driver
from yext.telephony.endpoint import Endpoint, Source
from yext.telephony.outgoing import attach_param, call_out, called_by
from yext.telephony.registry import ChannelRegistry

if TYPE_CHECKING:
    from yext.telephony.audio.tones import Tone

_FRAME = SLIN.frame_bytes(0)


class ToneSource(Source):
    """A source that plays a tone while somebody listens."""

    def __init__(self, tone: Tone, clock: Clock) -> None:
        super().__init__(f"tone/{tone.name}")
        self._clock = clock
        self._tone = tone
        self._left = memoryview(tone.first)

    def attached(self) -> None:
        self._clock.add(self)

    def alone(self) -> None:
        self._clock.remove(self)

    def beat(self) -> None:
        """Give the next frame."""
        frame = bytes(self._left[:_FRAME])
        self._left = self._left[_FRAME:]
        while len(frame) < _FRAME and self._tone.again:
            more = memoryview(self._tone.again)
            lacking = _FRAME - len(frame)
            frame += bytes(more[:lacking])
            self._left = more[lacking:]
        if frame:
            self.forward(frame)
        if not self._left and not self._tone.again:
            self.end()

    def close(self) -> None:
        super().close()
        self._clock.remove(self)


class ToneChannel(Channel):
    """A channel that plays a tone to its peer."""

    def __init__(self, registry: ChannelRegistry[Channel], source: ToneSource) -> None:
        super().__init__(registry, source.name.removeprefix("tone/"))
        self.set_source(source)


class ToneDriver(Driver):
    """The module ``tonegen``."""

    name = "tone"
    title = "ToneGen"
    minimal = True
    targets: ClassVar = {"tone/": "a tone"}

    def load(self) -> None:
        super().load()
        self.handle("chan.attach", self._attach, 100)

    def make_source(self, name: str, once: bool = False) -> ToneSource | None:
        """Make a source that plays a tone.

        Args:
            name: the tone's name or description.
            once: whether it plays only one round.

        Returns:
            The source, None if there is no such tone.
        """
        # Loaded with the first tone: a start without calls does not need it.
        from yext.telephony.audio.tones import find

        tone = find(name, once)
        return ToneSource(tone, self.telephony.clock) if tone is not None else None

    def execute(self, message: Message, target: str) -> bool | Awaitable[bool]:
        if self.stopped(message):
            return False
        caller = message.userdata
        if isinstance(caller, Endpoint):
            return called_by(caller, message, self._channel(target, message))
        return call_out(self, message, target, lambda: self._channel(target, message))

    def _channel(self, target: str, message: Message) -> Channel | None:
        source = self.make_source(target)
        if source is None:
            message["error"], message["reason"] = "failure", f"there is no tone/{target}"
            return None
        channel = ToneChannel(self.channels, source)
        attach_param(channel, message, "consumer")
        return channel

    def _attach(self, message: Message) -> bool:
        return attach_sources(self, message, "tone/", self._open)

    def _open(self, name: str, message: Message, key: str, owner: Endpoint | None) -> Source | None:
        if key != "source":
            # In the place of another source it plays one round, as in Yate.
            return self.make_source(name, once=True)
        from yext.telephony.audio.tones import is_lasting

        return self.make_source(name) if is_lasting(name) else None

    def complete_described(self, line: str, word: str) -> Words:
        if line.startswith("call ") and word.startswith(self.prefix):
            from yext.telephony.audio.tones import NAMED

            return {f"{self.prefix}{name}": described for name, described in NAMED.items()}
        return super().complete_described(line, word)

    def status_format(self) -> str:
        return ""

    def status_params(self) -> str:
        tones = sum(
            isinstance(channel.media().source, ToneSource) for channel in self.channels.values()
        )
        return f"tones={tones},chans={len(self.channels)}"
