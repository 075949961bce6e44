"""Tones: named tones, DTMF digits and tones by description.

Frequencies and cadences are those of ITU-T E.180, with the names of Yate's tonegen.
A description is a list of ``[!]FREQUENCY[/MILLISECONDS]`` with commas between. FREQUENCY is
``425``, ``350+440`` (a sum), ``2000*125`` (modulated), ``noise``, or ``0`` for silence. A part with
``!`` is played in the first round only.
"""

from __future__ import annotations

import random
import re
from array import array
from functools import cache
from math import pi, sin
from typing import Final, NamedTuple

RATE: Final = 8000
AMPLITUDE: Final = 10000
"""The amplitude of a single frequency; in a sum, each frequency has half of it."""

_LONGEST: Final = 60_000
"""The longest part of a description, in milliseconds."""

DTMF: Final = {
    digit: (row, column)
    for row, digits in zip((697, 770, 852, 941), ("123a", "456b", "789c", "*0#d"), strict=True)
    for column, digit in zip((1209, 1336, 1477, 1633), digits, strict=True)
}
"""The two frequencies of each digit, in Hz (ITU-T Q.23)."""

DTMF_TONE, DTMF_GAP = 120, 40
"""The length of a digit, and of the silence around it, in milliseconds."""

NAMED: Final = {
    "dial": "425",
    "busy": "425/500,0/500",
    "ring": "425/1000,0/4000",
    "specdial": "425/950,0/50",
    "congestion": "425/250,0/250",
    "outoforder": ",".join(["425/100,0/100"] * 3 + ["425/200,0/200"]),
    "info": "950/330,0/30,1400/330,0/30,1800/330,0/1000",
    "milliwatt": "1000",
    "silence": "0",
    "noise": "noise",
    "probe/0": "2000+125",
    "probe/1": "2000*125",
    "probe/2": "2000*1000",
    "cotv": "2010",
    "cots": "1780",
    "callwaiting": "0/20,425/100,0/100,425/100,0/20",
}
"""The descriptions of the named tones."""

ALIASES: Final = {
    "dt": "dial",
    "bs": "busy",
    "rt": "ring",
    "sd": "specdial",
    "cg": "congestion",
    "oo": "outoforder",
    "outofservice": "outoforder",
    "in": "info",
    "mw": "milliwatt",
    "cn": "noise",
    "probe": "probe/0",
    "co1": "cotv",
    "co2": "cots",
    "cw": "callwaiting",
}

ONCE: Final = ("callwaiting",)
"""The named tones that are played once, as digits are."""

_PART: Final = re.compile(r"(!?)(?:(\d{1,4})(?:([+*])(\d{1,4}))?|(noise))(?:/(\d{1,6}))?")


class Tone(NamedTuple):
    """A tone that can be played.

    Attributes:
        name: its name, with aliases resolved.
        first: the audio of its first round, linear at 8000 Hz.
        again: the audio of each further round, empty if it is played once.
    """

    name: str
    first: bytes
    again: bytes


def find(name: str, once: bool = False) -> Tone | None:
    """Return a tone, None if there is none.

    Args:
        name: the name or the description; a ``*`` before it repeats the tone in any case.
        once: whether the tone has only one round, as digits always have.
    """
    name = name.strip().lower()
    bare = name.removeprefix("*")
    starred = bare != name
    digits = _digits(bare)
    if digits is not None:
        made = _dialled(digits)
        return Tone(bare, made, made if starred else b"")
    bare = ALIASES.get(bare, bare)
    described = _described(NAMED.get(bare, bare))
    if described is None:
        return None
    first, again = described
    once = (once or bare in ONCE) and not starred
    return Tone(bare, first, b"" if once else again)


def is_lasting(name: str) -> bool:
    """Return whether a name is that of a tone that lasts until something ends it.

    Only these can be the ``source`` of a channel. Digits, described tones and `ONCE` are for
    ``override`` and ``replace``, as in Yate.
    """
    name = name.strip().lower()
    name = ALIASES.get(name, name)
    return name in NAMED and name not in ONCE


def _digits(name: str) -> str | None:
    if name in DTMF:
        return name
    kind, _, digits = name.partition("/")
    if kind == "dtmf" and digits in DTMF:
        return digits
    return digits if kind == "dtmfstr" and digits else None


def _dialled(digits: str) -> bytes:
    """Return the tones of digits; other characters are silent and last as long."""
    gap = bytes(2 * RATE * DTMF_GAP // 1000)
    tones = []
    for digit in digits:
        pair = DTMF.get(digit)
        length = RATE * DTMF_TONE // 1000
        tones.append(gap + (_wave(pair[0], "+", pair[1], length) if pair else bytes(2 * length)))
    return b"".join(tones) + gap


@cache
def _described(description: str) -> tuple[bytes, bytes] | None:
    first: list[bytes] = []
    again: list[bytes] = []
    for part in description.split(","):
        found = _PART.fullmatch(part.strip())
        if found is None:
            return None
        once, frequency, sign, second, noise, duration = found.groups()
        # Rounded up to whole frames, as in Yate.
        length = -(-min(int(duration or 1000), _LONGEST) // 20) * 160 or RATE
        made = _noise(length) if noise else _wave(int(frequency), sign, int(second or 0), length)
        first.append(made)
        if not once:
            again.append(made)
    return b"".join(first), b"".join(again)


def _wave(one: int, sign: str | None, other: int, length: int) -> bytes:
    if not one:
        return bytes(2 * length)
    samples = array("h")
    for number in range(length):
        angle = 2 * pi * number / RATE
        value = sin(angle * one)
        if sign == "+":
            value = (value + sin(angle * other)) / 2
        elif sign == "*":
            value = value * (1 + sin(angle * other) / 2) / 2
        samples.append(round(AMPLITUDE * value))
    return samples.tobytes()


def _noise(length: int) -> bytes:
    return array("h", [random.randint(-63, 63) for _ in range(length)]).tobytes()
