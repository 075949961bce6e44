"""Recognizes audio: its level, single frequencies, DTMF digits and cadences of tones.

It is made for the engine's own tones and for sound files on a clean line, not for a trunk.
"""

from __future__ import annotations

from array import array
from functools import cache
from math import cos, log10, pi, sin
from operator import mul
from typing import Final

from yext.telephony.audio.tones import DTMF, RATE

SILENCE: Final = -50.0
"""The level below which audio counts as silence, in dBFS."""

_ROWS: Final = (697, 770, 852, 941)
_COLUMNS: Final = (1209, 1336, 1477, 1633)
_SINGLE: Final = (425, 950, 1000, 1100, 1400, 1780, 1800, 2010, 2100)
_TONES: Final = {f"{tone} Hz": tone for tone in _SINGLE}
_DIGITS: Final = {pair: digit for digit, pair in DTMF.items()}

_ALONE: Final = 0.8
"""The least share of a tone's frequency in the power."""

_TWIST: Final = 6.0
"""The largest ratio of the powers of a digit's two frequencies."""

_STEADY: Final = 2
"""Frames for which a sound must last to be recognized."""

_DIGITS_KEPT: Final = 1000
_RUNS: Final = 16
_TOLERANCE: Final = 2

_CADENCES: Final[dict[str, tuple[tuple[str, int], ...]]] = {
    "busy": (("425 Hz", 25), ("silence", 25)),
    "congestion": (("425 Hz", 12), ("silence", 12)),
    "ring": (("425 Hz", 50), ("silence", 200)),
    "specdial": (("425 Hz", 47), ("silence", 3)),
    "outoforder": (("425 Hz", 5), ("silence", 5), ("425 Hz", 5), ("silence", 5)),
    "info": (("950 Hz", 16), ("1400 Hz", 16), ("1800 Hz", 16)),
}
"""The tones by their runs of sounds, with lengths in frames."""

_STEADY_TONES: Final = {"425 Hz": "dial", "1000 Hz": "milliwatt"}
_STEADY_AFTER: Final = 60
"""Frames after which a tone without a break is a steady tone."""


def level(samples: array[int]) -> float:
    """Return the level of linear samples in dBFS, -100 for digital silence."""
    power = sum(map(mul, samples, samples)) / (len(samples) or 1)
    return max(-100.0, 10 * log10(power / 32768**2)) if power else -100.0


def sound(samples: array[int], likely: str = "") -> str:
    """Return the kind of sound in a frame: ``silence``, ``dtmf 5``, ``425 Hz`` or ``sound``.

    Args:
        samples: the frame.
        likely: the kind of the frame before; a tone is looked for first, as most frames go on
            like those before.
    """
    if level(samples) < SILENCE:
        return "silence"
    power = sum(map(mul, samples, samples))
    if likely in _TONES and _power(samples, _TONES[likely]) > _ALONE * power:
        return likely
    row, row_power = _strongest(samples, _ROWS)
    column, column_power = _strongest(samples, _COLUMNS)
    if row_power + column_power > _ALONE * power and (
        1 / _TWIST < row_power / (column_power or 1) < _TWIST
    ):
        return f"dtmf {_DIGITS[row, column]}"
    tone, tone_power = _strongest(samples, _SINGLE)
    return f"{tone} Hz" if tone_power > _ALONE * power else "sound"


def _strongest(samples: array[int], frequencies: tuple[int, ...]) -> tuple[int, float]:
    powers = {frequency: _power(samples, frequency) for frequency in frequencies}
    best = max(powers, key=powers.__getitem__)
    return best, powers[best]


def _power(samples: array[int], frequency: int) -> float:
    """Return the power of one frequency, on the scale of the sum of the samples' squares."""
    cosines, sines = _waves(frequency, len(samples))
    real: float = sum(map(mul, samples, cosines))
    imaginary: float = sum(map(mul, samples, sines))
    return 2 * (real * real + imaginary * imaginary) / (len(samples) or 1)


@cache
def _waves(frequency: int, length: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    angles = [2 * pi * frequency * number / RATE for number in range(length)]
    return tuple(map(cos, angles)), tuple(map(sin, angles))


class Listener:
    """Follows a stream of frames of 20 ms.

    Attributes:
        level: the level of the last frame in dBFS.
        now: the kind of sound at present, once it has lasted for two frames.
        digits: the last DTMF digits heard.
    """

    def __init__(self) -> None:
        self.level = -100.0
        self.now = "silence"
        self.digits = ""
        self._next = ("silence", 0)
        self._runs: list[tuple[str, int]] = [("silence", 0)]

    def hear(self, samples: array[int]) -> None:
        """Follow the next frame."""
        self.level = level(samples)
        heard = sound(samples, self.now)
        kind, frames = self._runs[-1]
        if heard == self.now:
            # The interruption was too short to count.
            self._runs[-1] = (kind, frames + 1 + self._next[1])
            self._next = (heard, 0)
            return
        before, lasted = self._next
        self._next = (heard, lasted + 1 if heard == before else 1)
        if self._next[1] < _STEADY:
            return
        self.now = heard
        self._runs = [*self._runs[-_RUNS + 1 :], (heard, self._next[1])]
        self._next = (heard, 0)
        if heard.startswith("dtmf "):
            self.add(heard.removeprefix("dtmf "))

    def add(self, digits: str) -> None:
        """Add digits that were just heard, or that came as a message."""
        self.digits = (self.digits + digits)[-_DIGITS_KEPT:]

    def tone(self) -> str:
        """Return the name of the tone with the cadence heard, empty for none."""
        kind, frames = self._runs[-1]
        if frames >= _STEADY_AFTER and kind in _STEADY_TONES:
            return _STEADY_TONES[kind]
        # The last run is not over, and the beginning of the first may be missing.
        whole = [run for run in self._runs[1:-1] if run[1] > _TOLERANCE or run[0] != "silence"]
        for name, cadence in _CADENCES.items():
            length = len(cadence)
            recent = whole[-2 * length :]
            if any(
                _alike(recent[start : start + length], cadence)
                for start in range(len(recent) - length + 1)
            ):
                return name
        return ""


def _alike(runs: list[tuple[str, int]], cadence: tuple[tuple[str, int], ...]) -> bool:
    return len(runs) == len(cadence) and all(
        kind == wanted and abs(frames - length) <= _TOLERANCE
        for (kind, frames), (wanted, length) in zip(runs, cadence, strict=True)
    )
