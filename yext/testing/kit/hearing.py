"""What a caller has heard since the call began, so that nothing is missed between two steps."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Final, NamedTuple

from yext.telephony.phone.channel import PhoneChannel

SILENCE = "silence"

_WHOLE_CALL = 1e9
"""Seconds that no call lasts."""


class Heard(NamedTuple):
    """What was heard for a while.

    Attributes:
        playing: the name of the source that played, empty for none.
        sound: the kind of sound: ``silence``, ``425 Hz``, ``sound`` …; empty at first.
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
        self.heard = [Heard("", "", "", "")]
        self._phone = phone
        self._from = self._digits = 0
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
        self._digits = len(self.heard[-1].digits)

    def find(self, sound: str) -> bool:
        """Look for a sound since the one that was found last; see `Caller.hear`."""
        kind, _, name = sound.partition(":")
        if kind == "dtmf":
            return self._find_digits(name)
        is_it = _KINDS.get(kind, _is_playing)
        for number, one in enumerate(self.heard[self._from :], self._from):
            if is_it(one, name if kind in _KINDS else sound):
                self._from = number
                return True
        return False

    def _find_digits(self, digits: str) -> bool:
        at = self.heard[-1].digits.find(digits, self._digits)
        if at < 0:
            return False
        end = self._digits = at + len(digits)
        while len(self.heard[self._from].digits) < end:
            self._from += 1
        return True


def _is_tone(one: Heard, name: str) -> bool:
    # By its source at once, by its cadence only after some time.
    return one.tone == name or (one.playing == f"tone/{name}" and _is_sound(one, name))


def _is_sound(one: Heard, name: str) -> bool:
    return one.sound not in ("", SILENCE)


def _is_playing(one: Heard, path: str) -> bool:
    return one.playing == path or one.playing.endswith(f"/{path}")


_KINDS: Final[dict[str, Callable[[Heard, str], bool]]] = {
    "tone": _is_tone,
    "": _is_sound,
    "sound": _is_sound,
    "silence": lambda one, name: one.sound == SILENCE,
}
"""The tests of what was heard, by the kind of sound that is wanted; all others are files."""
