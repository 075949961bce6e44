"""Detection of digits and fax tones in the audio of a call (Yate's module tonedetect).

What it sends and when was watched on a Yate 6.4.1; how it hears is its own
(`yext.telephony.audio.detect`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from yext.engine.module import Module
from yext.message import Message
from yext.telephony.attach import endpoint_of
from yext.telephony.audio.formats import decode
from yext.telephony.channel import flag
from yext.telephony.endpoint import Consumer, Endpoint
from yext.wire import BOOLEANS

if TYPE_CHECKING:
    from collections.abc import Callable

    from yext.bus import Bus
    from yext.telephony.audio.detect import Listener

PREFIX: Final = "tone/"

_ALL: Final = ("fax", "dtmf")
"""What ``tone/*`` detects."""

_SOUNDS: Final = {
    "fax": ("1100 Hz", "fax"), "rfax": ("2100 Hz", "fax"),
    "cotv": ("2010 Hz", "continuity"), "cots": ("1780 Hz", "continuity"),
}  # fmt: skip
"""The tones by the words that ask for them, each with what it means: the call of a fax (ITU-T T.30)
and its answer, the tones of a continuity test (ITU-T Q.724)."""

_CALL_SETUP: Final = re.compile(r"\*([0-9#]*)\*([0-9#]*)\*")
"""Digits that are the numbers of a call: ``*CALLER*CALLED*``."""


class ToneDetector(Consumer):
    """A consumer that reports what it hears by messages in the name of a channel.

    Args:
        bus: the engine's bus.
        ident: the channel's id.
        name: ``tone/*``, or ``tone/WORD,WORD`` with words of ``dtmf``, ``fax``, ``rfax``,
            ``cotv``, ``cots`` and ``callsetup``.
        order: the message that asked for it; what is sent is on behalf of who sent that.

    Attributes:
        on_close: called with the detector when it is closed.
    """

    def __init__(self, bus: Bus, ident: str, name: str, order: Message) -> None:
        super().__init__(name)
        words = re.sub(r"^(mono|mixed|left|right)/", "", name.removeprefix(PREFIX)).split(",")
        wanted = _ALL if words in (["*"], [""]) else words
        self.on_close: Callable[[ToneDetector], None] | None = None
        self._bus = bus
        self._id = ident
        self._digits = "dtmf" in wanted
        self._setup: str | None = "" if "callsetup" in wanted else None
        self._sounds = dict(_SOUNDS[word] for word in wanted if word in _SOUNDS)
        self.begin(order)

    def begin(self, order: Message) -> None:
        """Listen anew, as `order` asks for."""
        # Loaded with the first detector: most starts need none.
        from yext.telephony.audio import detect

        self._listener: Listener = detect.Listener()
        self._commander = order.commander
        self._target = order.get("notify")
        self._id = self._id or self._target
        divert = order.get("fax_divert")
        self._divert = "" if BOOLEANS.get(divert) is False else divert
        if "fax_divert" in order:
            self._sounds.setdefault(*_SOUNDS["fax"])
        self._parties = {
            key: value
            for key in ("caller", "called")
            if self._divert and (value := order.get(f"fax_{key}") or order.get(key))
        }

    def consume(self, data: bytes) -> None:
        before = self._listener.now
        self._listener.hear(decode("slin", data))
        heard = self._listener.now
        if heard == before:
            return
        digit = heard.removeprefix("dtmf ")
        if digit != heard:
            self._digit(digit.upper())
        meaning = self._sounds.get(heard)
        if meaning == "fax":
            self._fax()
        elif meaning is not None:
            self._send({"message": "chan.dtmf", "text": "O", "detected": "inband"})
        if meaning is not None:
            # A tone is reported once.
            self._sounds = {sound: one for sound, one in self._sounds.items() if one != meaning}

    def close(self) -> None:
        super().close()
        if self.on_close is not None:
            self.on_close(self)

    def _digit(self, digit: str) -> None:
        if self._setup is None:
            if self._digits:
                self._send({"message": "chan.dtmf", "text": digit, "detected": "inband"})
            return
        self._setup += digit
        found = _CALL_SETUP.fullmatch(self._setup)
        if found is None:
            return
        self._setup = None
        target = {"targetid": self._target} if self._target else {}
        params = {"operation": "setup", "caller": found[1], "called": found[2]}
        message = Message("chan.notify", {"id": self._id, **target, **params})
        message.commander = self._commander
        self._bus.enqueue(message)

    def _fax(self) -> None:
        if self._divert:
            what = {"message": "call.execute", "callto": self._divert, "reason": "fax"}
        else:
            what = {"message": "call.fax", "detected": "inband"}
        self._send(what | self._parties)

    def _send(self, params: dict[str, str]) -> None:
        message = Message("chan.masquerade", {"id": self._id, **params})
        message.commander = self._commander
        self._bus.enqueue(message)


class ToneDetect(Module):
    """The module ``tonedetect``."""

    name = "tonedetect"
    title = "ToneDetector"

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self._live: set[ToneDetector] = set()

    def load(self) -> None:
        super().load()
        self.handle("chan.attach", self._attach, 100)
        self.handle("chan.record", self._record, 100)

    def _attach(self, message: Message) -> bool:
        """Attach a detector as the consumer of a channel, or beside its source as a sniffer."""
        wanted = {key: message.get(key) for key in ("consumer", "sniffer")}
        wanted = {key: name for key, name in wanted.items() if name.startswith(PREFIX)}
        channel = endpoint_of(message)
        if not wanted or channel is None:
            return False
        if "consumer" in wanted:
            channel.set_consumer(self._made(channel, wanted["consumer"], message))
        if "sniffer" in wanted:
            known = channel.media().sniffers.get(wanted["sniffer"])
            if isinstance(known, ToneDetector):
                known.begin(message)
            else:
                channel.add_sniffer(self._made(channel, wanted["sniffer"], message))
        return flag(message, "single", False)

    def _record(self, message: Message) -> bool:
        """Attach a detector in the place of the recording of what a channel sends."""
        name, channel = message.get("call"), endpoint_of(message)
        if not name.startswith(PREFIX) or channel is None:
            return False
        channel.record(self._made(channel, name, message), channel.media().peer_record)
        return True

    def _made(self, channel: Endpoint, name: str, message: Message) -> ToneDetector:
        detector = ToneDetector(self.bus, channel.id, name, message)
        self._live.add(detector)
        detector.on_close = self._live.discard
        return detector

    def status_params(self) -> str:
        return f"count={len(self._live)}"
