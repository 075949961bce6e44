r"""The basic expressions of POSIX, which Yate's own options hold (``user_regexp`` and others).

Read as by GNU's C library, which Yate uses (IEEE Std 1003.1, 9.3; regex(7)): ``\( \) \| \+ \?``
and ``\{m,n\}`` are special with the backslash and literal without it, ``\< \> \b \B`` are edges
of words, ``\w \W \s \S`` sets of characters. What the standard leaves undefined is refused, and
so are back-references, which cannot be matched in linear time.
"""

from __future__ import annotations

import re
from typing import Final

from yext.errors import PatternError
from yext.patterns.automaton import LONGEST_PATTERN, Regex
from yext.patterns.tokens import (
    ANY,
    CLASSES,
    MOST_REPEATS,
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
from yext.patterns.wildcards import Matcher

LONGEST_CONFIGURED: Final = 4096
"""Characters of an expression in a configuration file, which may list all commands of a user."""


def basic_regex(pattern: str, longest: int = LONGEST_PATTERN) -> Regex:
    """Compile a basic expression.

    Args:
        pattern: the expression.
        longest: the number of characters that it may have.

    Raises:
        PatternError: the expression is wrong or not supported, with the column of the mistake.
    """
    if len(pattern) > longest:
        raise PatternError(pattern, longest, f"more than {longest} characters")
    return Regex(pattern, _Reader(pattern).tokens(), longest)


def yate_matcher(pattern: str) -> Matcher:
    """Compile a pattern as Yate's commands read it.

    Returns:
        A search for a basic expression if `pattern` begins with ``^``, otherwise a comparison
        with the whole text.

    Raises:
        PatternError: the expression is wrong or not supported.
    """
    return basic_regex(pattern) if pattern.startswith("^") else pattern.__eq__


_ESCAPED: Final[dict[str, CharSet | Assertion | Mark | Repeat]] = {
    "(": Mark.OPEN,
    ")": Mark.CLOSE,
    "|": Mark.OR,
    "+": Repeat(1, None),
    "?": Repeat(0, 1),
    "<": Assertion.WORD_START,
    ">": Assertion.WORD_END,
    "b": Assertion.WORD_EDGE,
    "B": Assertion.NO_WORD_EDGE,
    "`": Assertion.START,
    "'": Assertion.END,
    "w": WORD,
    "W": WORD.inverted(),
    "s": SPACE,
    "S": SPACE.inverted(),
}
_ENDS: Final = ("", r"\)", r"\|")
"""What follows a dollar sign that is an anchor."""

_BOUNDS: Final = re.compile(r"(\d*)(,?)(\d*)\\\}", re.ASCII)
_NO_CLASS: Final = {".": "collating symbols", "=": "equivalence classes"}


class _Reader:
    """Splits a basic expression into its tokens."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._tokens: list[Token] = []

    def tokens(self) -> list[Token]:
        while self._at < len(self._pattern):
            column = self._at
            self._tokens.append(Token(column, self._token(column)))
        return self._tokens

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

    def _begins(self) -> bool:
        """Return whether an expression, a group or an alternative begins here."""
        return not self._tokens or self._tokens[-1].value in (Mark.OPEN, Mark.OR)

    def _repeatable(self) -> bool:
        """Return whether a repetition has something before it to repeat."""
        return not self._begins() and not isinstance(self._tokens[-1].value, Assertion)

    def _token(self, column: int) -> CharSet | Assertion | Mark | Repeat:
        char = self._take()
        if char == "\\":
            return self._escaped(column)
        if char == "[":
            return self._bracket(column)
        if char == ".":
            return ANY
        if char == "*" and self._repeatable():
            return Repeat(0, None)
        if char == "^" and self._begins():
            return Assertion.START
        if char == "$" and self._pattern[self._at : self._at + 2] in _ENDS:
            return Assertion.END
        return single(char)

    def _escaped(self, column: int) -> CharSet | Assertion | Mark | Repeat:
        char = self._take()
        if not char:
            raise self._mistake(column, "nothing follows the backslash")
        if char == "{":
            return self._bounds(column)
        found = _ESCAPED.get(char)
        if isinstance(found, Repeat) and not self._repeatable():
            return single(char)
        if found is not None:
            return found
        if char in "123456789":
            raise self._mistake(column, f"back-references such as \\{char} are not supported")
        if char.isalnum() or char == "}":
            raise self._mistake(column, f"\\{char} is not understood")
        return single(char)

    def _bounds(self, column: int) -> Repeat:
        if not self._repeatable():
            raise self._mistake(column, "nothing to repeat here")
        found = _BOUNDS.match(self._pattern, self._at)
        if found is None or not (found[1] or found[2]):
            raise self._mistake(column, r"numbers and \} are wanted after \{")
        low = int(found[1] or 0)
        high = int(found[3]) if found[3] else None if found[2] else low
        if max(low, high or 0) > MOST_REPEATS:
            raise self._mistake(column, f"more than {MOST_REPEATS} repetitions")
        self._at = found.end()
        return repeat(self._pattern, column, low, high)

    def _bracket(self, begin: int) -> CharSet:
        negated = self._skip("^")
        ranges: list[tuple[int, int]] = []
        first = True
        while first or not self._skip("]"):
            first = False
            ranges += self._bracket_item(begin)
        return CharSet(ranges, negated)

    def _bracket_item(self, begin: int) -> tuple[tuple[int, int], ...]:
        column = self._at
        if self._skip("[:"):
            return self._class(column)
        low = self._bracket_char(begin)
        following = self._pattern[self._at : self._at + 2]
        if len(following) < 2 or following[0] != "-" or following[1] == "]":
            return ((ord(low), ord(low)),)
        self._at += 1
        if self._pattern.startswith("[:", self._at):
            raise self._mistake(self._at, "a range cannot end with a class")
        high = self._bracket_char(begin)
        if high < low:
            raise self._mistake(column, "this range is empty")
        return ((ord(low), ord(high)),)

    def _class(self, column: int) -> tuple[tuple[int, int], ...]:
        name, closed, _ = self._pattern[self._at :].partition(":]")
        if not closed or name not in CLASSES:
            raise self._mistake(column, f"[:{name}{closed} is no class of characters")
        self._at += len(name) + len(closed)
        return CLASSES[name].ranges

    def _bracket_char(self, begin: int) -> str:
        """Return one character; a backslash is a character like others here."""
        column = self._at
        char = self._take()
        if not char:
            raise self._mistake(begin, "this is not closed")
        kind = self._pattern[self._at : self._at + 1]
        if char != "[" or kind not in _NO_CLASS:
            return char
        # [.x.] and [=x=] stand for x; names of more than one character depend on a locale.
        if not self._pattern.startswith(f"{kind}]", self._at + 2):
            raise self._mistake(column, f"{_NO_CLASS[kind]} of more than one character")
        self._at += 4
        return self._pattern[self._at - 3]
