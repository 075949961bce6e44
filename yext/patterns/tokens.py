"""The tokens of a regular expression, whatever the syntax that it was written in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from yext.errors import PatternError


class CharSet:
    """A set of characters: ranges of code points, or all code points outside them."""

    __slots__ = ("negated", "ranges")

    def __init__(self, ranges: Iterable[tuple[int, int]], negated: bool = False) -> None:
        self.ranges = tuple(ranges)
        self.negated = negated

    def __contains__(self, code: int) -> bool:
        return any(low <= code <= high for low, high in self.ranges) is not self.negated

    def inverted(self) -> CharSet:
        """Return the set of all other characters."""
        return CharSet(self.ranges, not self.negated)


def single(char: str) -> CharSet:
    """Return the set of one character."""
    return CharSet([(ord(char), ord(char))])


ANY: Final = CharSet((), negated=True)
DIGIT: Final = CharSet([(0x30, 0x39)])
WORD: Final = CharSet([(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)])
SPACE: Final = CharSet([(0x09, 0x0D), (0x20, 0x20)])

CLASSES: Final[dict[str, CharSet]] = {
    "alnum": CharSet([(0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)]),
    "alpha": CharSet([(0x41, 0x5A), (0x61, 0x7A)]),
    "blank": CharSet([(0x09, 0x09), (0x20, 0x20)]),
    "cntrl": CharSet([(0x00, 0x1F), (0x7F, 0x7F)]),
    "digit": DIGIT,
    "graph": CharSet([(0x21, 0x7E)]),
    "lower": CharSet([(0x61, 0x7A)]),
    "print": CharSet([(0x20, 0x7E)]),
    "punct": CharSet([(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)]),
    "space": SPACE,
    "upper": CharSet([(0x41, 0x5A)]),
    "xdigit": CharSet([(0x30, 0x39), (0x41, 0x46), (0x61, 0x66)]),
}
"""The character classes of POSIX (IEEE Std 1003.1, 9.3.5) in the C locale, which Yate runs in."""


class Assertion(Enum):
    """A condition on a place in the text."""

    START = auto()
    END = auto()
    WORD_START = auto()
    WORD_END = auto()
    WORD_EDGE = auto()
    NO_WORD_EDGE = auto()


EDGE, OTHER, IN_WORD = range(3)
"""The neighbour of a place in the text: none, some character, or a character of words."""

HOLDS: Final[dict[Assertion, Callable[[int, int], bool]]] = {
    Assertion.START: lambda before, after: before == EDGE,
    Assertion.END: lambda before, after: after == EDGE,
    Assertion.WORD_START: lambda before, after: before != IN_WORD and after == IN_WORD,
    Assertion.WORD_END: lambda before, after: before == IN_WORD and after != IN_WORD,
    Assertion.WORD_EDGE: lambda before, after: (before == IN_WORD) is not (after == IN_WORD),
    Assertion.NO_WORD_EDGE: lambda before, after: (before == IN_WORD) is (after == IN_WORD),
}
"""Whether an assertion holds, by the neighbours before and after the place."""

OF_WORDS: Final = frozenset(Assertion) - {Assertion.START, Assertion.END}
"""The assertions for which it matters whether a character is one of words."""

MOST_REPEATS: Final = 0x7FFF
"""The largest number between the braces of a POSIX expression (RE_DUP_MAX)."""


class Mark(Enum):
    """The structure of an expression."""

    OPEN = auto()
    CLOSE = auto()
    OR = auto()


@dataclass(frozen=True, slots=True)
class Repeat:
    """The number of times that the token or group before it may occur; `high` None: any."""

    low: int
    high: int | None


@dataclass(frozen=True, slots=True)
class Token:
    """One token, with the column that it begins at, counted from 0."""

    column: int
    value: CharSet | Assertion | Mark | Repeat


def repeat(pattern: str, column: int, low: int, high: int | None) -> Repeat:
    """Make a `Repeat` of bounds that were read at `column` of `pattern`.

    Raises:
        PatternError: the second number is less than the first.
    """
    if high is not None and high < low:
        raise PatternError(pattern, column, "the second number is less than the first")
    return Repeat(low, high)
