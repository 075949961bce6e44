"""What a caller has heard since the call began, so that nothing is missed between two steps."""

from __future__ import annotations

import asyncio
import itertools
from typing import NamedTuple

from yext.telephony.phone.channel import PhoneChannel

_WHOLE_CALL = 1e9
"""Seconds that no call lasts."""


class Heard(NamedTuple):
    """What was heard for a while.

    Attributes:
        playing: the name of the source that played, empty for none.
        sound: the kind of sound: ``silence``, ``425 Hz``, ``sound`` …
        tone: the tone with the cadence that was heard, empty for none.
        digits: all digits until then.
    """

    playing: str
    sound: str
    tone: str
    digits: str


class Hearing:
    """Listens to a call from its begin.

    Attributes:
        heard: what was heard, one after the other; the last one lasts.
    """

    def __init__(self, phone: PhoneChannel) -> None:
        self.heard = [Heard("", "silence", "", "")]
        self._phone = phone
        self._from = 0
        self._listening = asyncio.ensure_future(phone.wait(self._frame, _WHOLE_CALL))

    def _frame(self) -> bool:
        """Note what is heard now, with each frame; return False, to listen on."""
        ear = self._phone.ear
        listener = ear.listener
        now = Heard(ear.playing(), listener.now, listener.tone(), listener.digits)
        if now != self.heard[-1]:
            self.heard.append(now)
        return False

    def describe(self) -> str:
        """Return the sources that have played, and the digits heard, in order."""
        sources = [name for name, _ in itertools.groupby(one.playing for one in self.heard) if name]
        digits = self.heard[-1].digits
        return ", ".join([*sources, *([f"digits {digits}"] if digits else [])]) or "nothing"

    def mark(self) -> None:
        """Look from now on only at what is heard now, and later."""
        self._from = len(self.heard) - 1

    def find(self, sound: str) -> bool:
        """Look for a sound since the one that was found last; see `Caller.hear`."""
        kind, _, name = sound.partition(":")
        before = self.heard[self._from].digits if self._from else ""
        for number, one in enumerate(self.heard[self._from :], self._from):
            if kind == "tone":
                found = one.tone == name or (
                    one.playing == f"tone/{name}" and one.sound != "silence"
                )
            elif kind == "dtmf":
                found = name in one.digits[len(before) :]
            elif sound in ("", "sound"):
                found = one.sound != "silence"
            elif sound == "silence":
                found = one.sound == "silence" and number > 0
            else:
                found = one.playing == sound or one.playing.endswith(f"/{sound}")
            if found:
                self._from = number
                return True
        return False
