"""Inputs that are like given ones: for the suite, and where coverage cannot guide."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

_PIECES = (
    *(bytes([one]) for one in b'\0\r\n:=%[]$()~*"\\ '),
    *(b"", b"%%>", b"\xff", b"\xff\xfa", b"-1", b"9" * 20, b"\x1b["),
    *(b"\xc2\x85", b"\xe2\x80\xa8"),
)
"""What parsers look for, and the ends of lines that only Unicode knows."""


def mutated(dice: random.Random, seeds: Sequence[bytes], longest: int) -> Iterator[bytes]:
    """Yield changed inputs without end: cut, doubled, joined, with bytes and pieces put in."""
    while True:
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 6)):
            at = dice.randint(0, len(data))
            to = min(len(data), at + dice.randint(0, 8))
            match dice.randrange(5):
                case 0:
                    data[at:to] = dice.choice(_PIECES)
                case 1:
                    data[at:to] = dice.randbytes(to - at)
                case 2:
                    data[at:at] = data[at : at + dice.randint(0, 64)]
                case 3:
                    other = dice.choice(seeds)
                    data[at:] = other[dice.randint(0, len(other)) :]
                case 4:
                    del data[at:to]
        yield bytes(data[:longest])
