"""The regular expressions of filters (docs/flow.md).

An expression may have literals, ``.``, ``[a-z]``, ``[^a-z]``, ``[[:alpha:]]``, ``\\d \\w \\s`` and
their capitals, ``^``, ``$``, groups, ``|``, and ``* + ? {m} {m,} {m,n}``.
`yext.patterns.posix` reads the basic expressions of Yate's own options.
"""

from __future__ import annotations

import re
from typing import Final

from yext.errors import PatternError
from yext.patterns.automaton import LONGEST_PATTERN, Regex
from yext.patterns.tokens import (
    ANY,
    CLASSES,
    DIGIT,
    SPACE,
    WORD,
    Assertion,
    CharSet,
    Mark,
    Repeat,
    Token,
    repeat,
    single,
)


def regex(pattern: str) -> Regex:
    """Compile a regular expression.

    Raises:
        PatternError: the expression is wrong, with the column of the mistake.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise PatternError(pattern, LONGEST_PATTERN, f"more than {LONGEST_PATTERN} characters")
    return Regex(pattern, _Reader(pattern).tokens(), LONGEST_PATTERN)


_SETS: Final = {
    "d": DIGIT,
    "D": DIGIT.inverted(),
    "w": WORD,
    "W": WORD.inverted(),
    "s": SPACE,
    "S": SPACE.inverted(),
}
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r"}
_REPEATS: Final = {"*": Repeat(0, None), "+": Repeat(1, None), "?": Repeat(0, 1)}
_PLAIN: Final[dict[str, CharSet | Assertion | Mark]] = {
    ".": ANY,
    "^": Assertion.START,
    "$": Assertion.END,
    "|": Mark.OR,
    ")": Mark.CLOSE,
}
_CLASS_ALONE: Final = re.compile(r"\[\^?:(\w+):\]", re.ASCII)
"""A class that is not in brackets of its own, which would be the set of its letters."""

_COLLATING: Final = re.compile(r"\[([.=]).+?\1\]", re.DOTALL)
"""The other things that POSIX has in brackets."""

_BOUNDS: Final = re.compile(r"\{(\d{1,4})(,?)(\d{0,4})\}", re.ASCII)


class _Reader:
    """Splits an expression into its tokens."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def tokens(self) -> list[Token]:
        found: list[Token] = []
        while self._at < len(self._pattern):
            column = self._at
            repeated = self._repeat()
            if repeated is None:
                found.append(Token(column, self._token()))
            elif found and isinstance(found[-1].value, Repeat):
                raise PatternError(self._pattern, column, "nothing to repeat here")
            else:
                found.append(Token(column, repeated))
        return found

    def _mistake(self, column: int, text: str) -> PatternError:
        return PatternError(self._pattern, column, text)

    def _take(self) -> str:
        """Return the next character, empty at the end."""
        char = self._pattern[self._at : self._at + 1]
        self._at += len(char)
        return char

    def _skip(self, text: str) -> bool:
        """Skip `text` if it follows; return whether it does."""
        follows = self._pattern.startswith(text, self._at)
        self._at += len(text) * follows
        return follows

    def _repeat(self) -> Repeat | None:
        char = self._pattern[self._at]
        bounds = _BOUNDS.match(self._pattern, self._at)
        if char in _REPEATS:
            found = _REPEATS[char]
            self._at += 1
        elif bounds is not None:
            low = int(bounds[1])
            high = int(bounds[3]) if bounds[3] else None if bounds[2] else low
            found = repeat(self._pattern, self._at, low, high)
            self._at = bounds.end()
        else:
            return None
        # A lazy repetition finds no more and no less than a greedy one.
        self._skip("?")
        return found

    def _token(self) -> CharSet | Assertion | Mark:
        column = self._at
        char = self._take()
        if char in _PLAIN:
            return _PLAIN[char]
        if char == "(":
            if not self._skip("?:") and self._skip("?"):
                raise self._mistake(column + 1, "only (…) and (?:…) are understood")
            return Mark.OPEN
        if char == "[":
            return self._bracket(column)
        return self._escaped(column) if char == "\\" else single(char)

    def _escaped(self, column: int) -> CharSet:
        char = self._take()
        if not char:
            raise self._mistake(column, "nothing follows the backslash")
        if char in _SETS:
            return _SETS[char]
        if char.isalnum() and char not in _CONTROLS:
            raise self._mistake(column, f"\\{char} is not understood")
        return single(_CONTROLS.get(char, char))

    def _bracket(self, begin: int) -> CharSet:
        alone = _CLASS_ALONE.match(self._pattern, begin)
        if alone is not None:
            raise self._mistake(begin, f"a class is written [[:{alone[1]}:]]")
        negated = self._skip("^")
        ranges: list[tuple[int, int]] = []
        first = True
        while first or not self._skip("]"):
            first = False
            column = self._at
            found = self._bracket_item(begin)
            if found.negated:
                raise self._mistake(column, "not understood in brackets")
            ranges += self._range(begin, found.ranges)
        return CharSet(ranges, negated)

    def _range(self, begin: int, low: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        """Return the range that begins with `low`, or `low` where no range follows."""
        if len(low) != 1 or not self._range_follows():
            return low
        self._at += 1
        column = self._at
        high = self._bracket_item(begin)
        if high.negated or high.ranges[0][0] < low[0][0]:
            raise self._mistake(column, "this range is empty")
        return ((low[0][0], high.ranges[0][1]),)

    def _range_follows(self) -> bool:
        following = self._pattern[self._at : self._at + 2]
        return len(following) == 2 and following[0] == "-" and following[1] != "]"

    def _bracket_item(self, begin: int) -> CharSet:
        column = self._at
        if _COLLATING.match(self._pattern, column):
            raise self._mistake(column, "only classes are understood here: [[:alpha:]]")
        if self._skip("[:"):
            name, colon, _ = self._pattern[self._at :].partition(":]")
            if colon and name in CLASSES:
                self._at += len(name) + len(colon)
                return CLASSES[name]
            if colon and name.isalpha():
                raise self._mistake(column, f"[:{name}:] is no class of characters")
            self._at = column
        char = self._take()
        if not char:
            raise self._mistake(begin, "this is not closed")
        return self._escaped(column) if char == "\\" else single(char)
