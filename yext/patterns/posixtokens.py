r"""The tokens of POSIX expressions, basic and extended, as GNU's C library reads them.

Yate compiles the left side of a rule with its ``regcomp`` (IEEE Std 1003.1, 9.3 and 9.4;
regex(7)). What the standard leaves undefined means here what it means there: the tests compare.
`yext.patterns.posix` reads options that operators write, and refuses the undefined instead.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final, NamedTuple

from yext.errors import PatternError
from yext.patterns.tokens import (
    ANY,
    CLASSES,
    MOST_REPEATS,
    SPACE,
    WORD,
    Assertion,
    CharSet,
    Repeat,
    single,
)


class Kind(Enum):
    """The kinds of tokens."""

    CHARS = auto()
    ASSERTION = auto()
    OPEN = auto()
    CLOSE = auto()
    OR = auto()
    REPEAT = auto()
    END = auto()


class Token(NamedTuple):
    """A token.

    Attributes:
        kind: its kind.
        column: the column that it begins at, from 0.
        text: its text, which it stands for itself where it has nothing to repeat or to close.
        chars: the characters of one of kind CHARS.
        assertion: the assertion of one of kind ASSERTION.
        repeat: the numbers of one of kind REPEAT.
    """

    kind: Kind
    column: int
    text: str = ""
    chars: CharSet | None = None
    assertion: Assertion | None = None
    repeat: Repeat | None = None


_ASSERTIONS: Final = {
    "<": Assertion.WORD_START,
    ">": Assertion.WORD_END,
    "b": Assertion.WORD_EDGE,
    "B": Assertion.NO_WORD_EDGE,
    "`": Assertion.START,
    "'": Assertion.END,
}
_SETS: Final = {"w": WORD, "W": WORD.inverted(), "s": SPACE, "S": SPACE.inverted()}
_MARKS: Final = {"(": Kind.OPEN, ")": Kind.CLOSE, "|": Kind.OR}
_REPEATS: Final = {"*": Repeat(0, None), "+": Repeat(1, None), "?": Repeat(0, 1)}
_ALPHA_WHEN_FOLDED: Final = ("upper", "lower")


class PosixReader:
    """Reads an expression token by token; what some mean depends on those before them.

    Args:
        pattern: the expression.
        extended: whether it is an extended one, not a basic one.
        insensitive: whether letters match those of the other case.
    """

    def __init__(self, pattern: str, extended: bool, insensitive: bool) -> None:
        self.pattern = pattern
        self.extended = extended
        self._insensitive = insensitive
        self._at = 0

    def mistake(self, column: int, text: str) -> PatternError:
        """Return the error of a mistake at `column`."""
        return PatternError(self.pattern, column, text)

    def next(self, anchors: bool) -> Token:
        """Return the next token.

        Args:
            anchors: whether ``^`` is an anchor here in a basic expression.

        Raises:
            PatternError: the expression is wrong.
        """
        column = self._at
        char = self._take()
        if not char:
            return Token(Kind.END, column)
        if char == "\\":
            return self._escaped(column)
        if char == "[":
            return Token(Kind.CHARS, column, char, self._bracket(column))
        if char == ".":
            return Token(Kind.CHARS, column, char, ANY)
        if char == "*" or (self.extended and char in "+?"):
            return Token(Kind.REPEAT, column, char, repeat=_REPEATS[char])
        if self.extended and char == "{":
            return self._bounds(column)
        if self.extended and char in _MARKS:
            return Token(_MARKS[char], column, char)
        if char == "^" and (self.extended or anchors or column == 0):
            return Token(Kind.ASSERTION, column, char, assertion=Assertion.START)
        if char == "$" and (self.extended or self._ends()):
            return Token(Kind.ASSERTION, column, char, assertion=Assertion.END)
        return self.literal(column, char)

    def literal(self, column: int, char: str) -> Token:
        """Return the token of a character that stands for itself."""
        return Token(Kind.CHARS, column, char, single(self._folded(char)))

    def _folded(self, char: str) -> str:
        return char.upper() if self._insensitive and char.isascii() else char

    def _take(self) -> str:
        """Return the next character, empty at the end."""
        char = self.pattern[self._at : self._at + 1]
        self._at += len(char)
        return char

    def _skip(self, text: str) -> bool:
        follows = self.pattern.startswith(text, self._at)
        self._at += len(text) * follows
        return follows

    def _ends(self) -> bool:
        """Return whether a dollar sign of a basic expression is an anchor here."""
        return self.pattern[self._at : self._at + 2] in ("", r"\)", r"\|")

    def _escaped(self, column: int) -> Token:
        char = self._take()
        if not char:
            raise self.mistake(column, "nothing follows the backslash")
        text = f"\\{char}"
        if char in "123456789":
            raise self.mistake(
                column, f"back-references such as {text} cannot be matched in linear time"
            )
        if char in _ASSERTIONS:
            return Token(Kind.ASSERTION, column, text, assertion=_ASSERTIONS[char])
        if char in _SETS:
            return Token(Kind.CHARS, column, text, _SETS[char])
        if not self.extended:
            if char in _MARKS:
                return Token(_MARKS[char], column, text)
            if char in "+?":
                return Token(Kind.REPEAT, column, char, repeat=_REPEATS[char])
            if char == "{":
                return self._bounds(column)
        # The library does not fold what follows a backslash, so an escaped small letter matches
        # nothing where case does not matter.
        return Token(Kind.CHARS, column, char, single(char))

    # Repetitions

    def _bounds(self, column: int) -> Token:
        begin = self._at
        low = self._number()
        closed = self._close_bounds()
        high: int | None = low
        if not closed:
            if not self._skip(","):
                raise self.mistake(column, "numbers and a closing brace are wanted here")
            high = self._number()
            closed = self._close_bounds()
            if low is None:
                low = 0
        if not closed or low is None:
            raise self.mistake(column, "numbers and a closing brace are wanted here")
        if high is not None and high < low:
            raise self.mistake(begin, "the second number is less than the first")
        if max(low, high or 0) > MOST_REPEATS:
            raise self.mistake(begin, f"more than {MOST_REPEATS} repetitions")
        return Token(Kind.REPEAT, column, "{", repeat=Repeat(low, high))

    def _number(self) -> int | None:
        begin = self._at
        while self.pattern[self._at : self._at + 1] in tuple("0123456789"):
            self._at += 1
        digits = self.pattern[begin : self._at]
        return min(int(digits[:9]), MOST_REPEATS + 1) if digits else None

    def _close_bounds(self) -> bool:
        return self._skip("}" if self.extended else r"\}")

    # Brackets

    def _bracket(self, begin: int) -> CharSet:
        negated = self._skip("^")
        ranges: list[tuple[int, int]] = []
        first = True
        while first or not self._skip("]"):
            ranges += self._bracket_item(begin, first)
            first = False
        return CharSet(ranges, negated)

    def _bracket_item(self, begin: int, first: bool) -> tuple[tuple[int, int], ...]:
        column = self._at
        if self._skip("[:"):
            return self._class(column)
        equivalence = self.pattern.startswith("[=", self._at)
        hyphen = self.pattern.startswith("-", self._at) and not first
        if hyphen and not self.pattern.startswith("]", self._at + 1):
            raise self.mistake(column, "a hyphen here must be first, last or between two")
        low = self._bracket_char(begin)
        following = self.pattern[self._at : self._at + 2]
        if equivalence or len(following) < 2 or following[0] != "-" or following[1] == "]":
            return ((low, low),)
        self._at += 1
        if self.pattern.startswith(("[:", "[="), self._at):
            raise self.mistake(self._at, "a range cannot end with a class")
        high = self._bracket_char(begin)
        if high < low:
            raise self.mistake(column, "this range is empty")
        return ((low, high),)

    def _class(self, column: int) -> tuple[tuple[int, int], ...]:
        name, closed, _ = self.pattern[self._at :].partition(":]")
        if not closed or name not in CLASSES:
            raise self.mistake(column, f"[:{name}{closed} is no class of characters")
        self._at += len(name) + len(closed)
        if self._insensitive and name in _ALPHA_WHEN_FOLDED:
            name = "alpha"
        return CLASSES[name].ranges

    def _bracket_char(self, begin: int) -> int:
        """Return the code of one character; a backslash is a character like others here."""
        column = self._at
        char = self._take()
        if not char:
            raise self.mistake(begin, "this is not closed")
        kind = self.pattern[self._at : self._at + 1]
        if char == "[" and kind and kind in ".=":
            # [.x.] and [=x=] stand for x; names of more than one character depend on a locale.
            if not self.pattern.startswith(f"{kind}]", self._at + 2):
                raise self.mistake(column, "this stands for no character in the C locale")
            self._at += 4
            char = self.pattern[self._at - 3]
        return ord(self._folded(char))
