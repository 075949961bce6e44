"""The filter language, in which operators choose messages (docs/flow.md).

    call.* and caller=4* and not (handled or from:route.py)

An expression is compiled once, into a plain function of a `Journey`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from yext.errors import FilterError, PatternError
from yext.patterns.wildcards import Matcher, wildcard
from yext.record.journey import Journey

LONGEST_FILTER: Final = 4096
"""Characters of an expression."""

DEEPEST: Final = 50
"""The number of parentheses and nots that may be open at once."""

Predicate = Callable[[Journey], bool]
"""Decides whether a message passes."""

Verdict = Callable[[str], bool | None]
"""Decides whether messages of a name pass, None if the name alone does not decide it."""

WORDS: Final = {
    "and": "both sides are true",
    "or": "one side is true",
    "not": "what follows is not true",
    "handled": "a handler handled it",
    "unhandled": "nobody handled it",
    "from:": "its sender",
    "by:": "its handler",
    "slow>": "it took longer than: slow>10ms",
}
"""The words of the language with their meanings, for completion."""

_UNITS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "": 1e-3}

_SLOW: Final = re.compile(r"slow>(\d+(?:\.\d+)?)(us|ms|s|)", re.ASCII)

_NO_NAME: Final = re.compile(r"[=~<>:]")
"""Characters that no message has in its name: a word with one is a mistake, as nothing passes."""

_WHY_NO_NAME: Final = {
    "=": "the name of a parameter is missing before =",
    "~": "the name of a parameter is missing before ~",
    "<": "write slow>10ms for the time a message took",
    ">": "write slow>10ms for the time a message took",
    ":": "only from: and by: have a colon; put a name with : in quotes",
}

_PARAM: Final = re.compile(r"([^=~]+)([=~])(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled expression.

    Attributes:
        text: the expression as it was typed, empty for all messages.
        matches: decides whether a journey passes.
        by_name: decides whether messages of a name pass, as far as the name alone can.
        names: the message names in the expression, with wildcards.
    """

    text: str
    matches: Predicate
    by_name: Verdict
    names: tuple[str, ...] = ()

    def mentions(self, name: str) -> bool:
        """Return whether the expression asks for messages called `name`."""
        return any(wildcard(pattern)(name) for pattern in self.names)


@dataclass(frozen=True, slots=True)
class _Token:
    """A word or a parenthesis of an expression.

    Attributes:
        text: the word without its quotes.
        column: the place where it begins, in characters from 0.
        plain: whether the word has no quotes.
    """

    text: str
    column: int
    plain: bool = True


def compile_filter(expression: str, hidden: Matcher | None = None) -> Filter:
    """Compile an expression; all messages pass an empty one.

    Args:
        expression: the expression.
        hidden: decides which parameters are hidden from the operator, and so cannot be part of
            the expression; None for no parameter.

    Raises:
        FilterError: the expression is wrong, with the column of the mistake.
    """
    text = expression.strip()
    if not text:
        return Filter("", lambda journey: True, lambda name: True)
    if len(expression) > LONGEST_FILTER:
        raise FilterError(expression, LONGEST_FILTER, "the filter is too long")
    parser = _Parser(expression, hidden)
    matches, by_name = parser.parse()
    return Filter(text, matches, by_name, tuple(parser.names))


def _tokens(expression: str) -> list[_Token]:
    """Split an expression into words and parentheses.

    A parenthesis inside a word belongs to the word if it is closed there, so that
    ``called~^(1|2)`` is one word.
    """
    found: list[_Token] = []
    at = 0
    while at < len(expression):
        char = expression[at]
        if char.isspace():
            at += 1
        elif char in "()":
            found.append(_Token(char, at))
            at += 1
        else:
            token, at = _word(expression, at)
            found.append(token)
    return found


def _word(expression: str, begin: int) -> tuple[_Token, int]:
    text: list[str] = []
    at, opened, plain = begin, 0, True
    while at < len(expression):
        char = expression[at]
        if char.isspace() or (char == ")" and not opened):
            break
        if char in "\"'":
            quoted, at = _quoted(expression, at)
            text.append(quoted)
            plain = False
            continue
        opened += (char == "(") - (char == ")")
        # A backslash stays, as a regular expression needs it. A parenthesis after it is literal.
        if char == "\\" and at + 1 < len(expression):
            text.append(char)
            at += 1
            char = expression[at]
        text.append(char)
        at += 1
    return _Token("".join(text), begin, plain), at


def _quoted(expression: str, begin: int) -> tuple[str, int]:
    """Return the text in quotes, and the place after them; a quote inside is doubled."""
    quote = expression[begin]
    text: list[str] = []
    at = begin + 1
    while at < len(expression):
        if expression[at] == quote:
            if not expression.startswith(quote, at + 1):
                return "".join(text), at + 1
            at += 1
        text.append(expression[at])
        at += 1
    raise FilterError(expression, begin, "this quote is not closed")


def _unknown(name: str) -> None:
    """The verdict of words that do not depend on the name."""


class _Part(NamedTuple):
    """A compiled part of an expression."""

    matches: Predicate
    by_name: Verdict = _unknown


class _Parser:
    """A recursive-descent parser: ``or`` binds weaker than ``and``, and ``and`` than ``not``."""

    def __init__(self, expression: str, hidden: Matcher | None) -> None:
        self.expression = expression
        self.names: list[str] = []
        self._hidden = hidden
        self._tokens = _tokens(expression)
        self._at = 0
        self._depth = 0

    def parse(self) -> _Part:
        predicate = self._or()
        token = self._peek()
        if token is not None:
            known = token.text == ")" and token.plain
            raise self._mistake(
                token, "nothing to close here" if known else "'and' or 'or' is missing before this"
            )
        return predicate

    def _mistake(self, token: _Token | None, text: str) -> FilterError:
        column = len(self.expression.rstrip()) if token is None else token.column
        return FilterError(self.expression, column, text)

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, word: str) -> bool:
        token = self._peek()
        if token is None or not token.plain or token.text != word:
            return False
        self._at += 1
        return True

    def _or(self) -> _Part:
        found = [self._and()]
        while self._take("or"):
            found.append(self._and())
        return found[0] if len(found) == 1 else _any_of(tuple(found))

    def _and(self) -> _Part:
        found = [self._not()]
        while self._take("and"):
            found.append(self._not())
        return found[0] if len(found) == 1 else _all_of(tuple(found))

    def _not(self) -> _Part:
        token = self._peek()
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._mistake(token, f"more than {DEEPEST} open at once")
        try:
            if self._take("not"):
                return _none_of(self._not())
            if self._take("("):
                inside = self._or()
                if not self._take(")"):
                    raise self._mistake(token, "this is not closed")
                return inside
            return self._term()
        finally:
            self._depth -= 1

    def _term(self) -> _Part:
        token = self._peek()
        if token is None:
            raise self._mistake(None, "something is missing here")
        if token.plain and token.text in ("and", "or", ")"):
            what = "nothing to close here" if token.text == ")" else "nothing to join here"
            raise self._mistake(token, what)
        self._at += 1
        if token.plain and token.text in _STATES:
            return _Part(_STATES[token.text])
        for prefix, make in _PREFIXES.items():
            if token.text.startswith(prefix):
                return _Part(make(self._rest(token, prefix)))
        if token.text.startswith("slow>"):
            return self._slow(token)
        found = _PARAM.fullmatch(token.text)
        if found is not None:
            return self._param(token, found[1], found[2], found[3])
        if token.plain and (odd := _NO_NAME.search(token.text)) is not None:
            column = token.column + odd.start()
            raise FilterError(self.expression, column, _WHY_NO_NAME[odd[0]])
        self.names.append(token.text)
        return _name(token.text)

    def _rest(self, token: _Token, prefix: str) -> str:
        if len(token.text) == len(prefix):
            column = token.column + len(prefix)
            raise FilterError(self.expression, column, f"write a name after {prefix}")
        return token.text[len(prefix) :]

    def _slow(self, token: _Token) -> _Part:
        found = _SLOW.fullmatch(token.text)
        if found is None:
            column = token.column + len("slow>")
            raise FilterError(self.expression, column, "write a time here: 10ms, 500us, 2s")
        return _Part(_slower(float(found[1]) * _UNITS[found[2]]))

    def _param(self, token: _Token, name: str, sign: str, value: str) -> _Part:
        if self._hidden is not None and self._hidden(name):
            raise self._mistake(token, f"{name} is hidden from observers")
        if sign == "=":
            return _Part(_param_is(name, wildcard(value), absent=not value))
        # Loaded with the first expression: most filters have none.
        from yext.record.expressions import regex

        try:
            return _Part(_param_is(name, regex(value), absent=False))
        except PatternError as error:
            # In a quoted word the column is off by the quotes before it, which is near enough.
            column = token.column + len(name) + 1 + error.column
            text = f"not a regular expression: {error.text}"
            raise FilterError(self.expression, column, text) from None


def _any_of(parts: tuple[_Part, ...]) -> _Part:
    def by_name(name: str) -> bool | None:
        verdicts = [part.by_name(name) for part in parts]
        return True if True in verdicts else None if None in verdicts else False

    return _Part(lambda journey: any(part.matches(journey) for part in parts), by_name)


def _all_of(parts: tuple[_Part, ...]) -> _Part:
    def by_name(name: str) -> bool | None:
        verdicts = [part.by_name(name) for part in parts]
        return False if False in verdicts else None if None in verdicts else True

    return _Part(lambda journey: all(part.matches(journey) for part in parts), by_name)


def _none_of(part: _Part) -> _Part:
    def by_name(name: str) -> bool | None:
        verdict = part.by_name(name)
        return None if verdict is None else not verdict

    return _Part(lambda journey: not part.matches(journey), by_name)


def _name(pattern: str) -> _Part:
    fits = wildcard(pattern)
    return _Part(lambda journey: fits(journey.name), fits)


def _param_is(name: str, fits: Matcher, absent: bool) -> Predicate:
    """Match the values that a parameter had at first and at the end.

    Args:
        name: the parameter.
        fits: matches a value.
        absent: the result for a message without the parameter.
    """

    def predicate(journey: Journey) -> bool:
        before, after = journey.params.get(name), journey.after.get(name)
        if before is None and after is None:
            return absent
        return (before is not None and fits(before)) or (after is not None and fits(after))

    return predicate


def _slower(seconds: float) -> Predicate:
    return lambda journey: journey.took > seconds


def _labelled(pattern: str) -> Matcher:
    """Match a label or its first word, as a script's label may end in its parameter."""
    fits = wildcard(pattern)
    return lambda label: fits(label) or fits(label.partition(" ")[0])


def _from(pattern: str) -> Predicate:
    fits = _labelled(pattern)
    return lambda journey: fits(journey.sender)


def _by(pattern: str) -> Predicate:
    fits = _labelled(pattern)
    return lambda journey: fits(journey.by)


_STATES: Final[dict[str, Predicate]] = {
    "handled": lambda journey: journey.handled,
    "unhandled": lambda journey: not journey.handled,
}

_PREFIXES: Final[dict[str, Callable[[str], Predicate]]] = {"from:": _from, "by:": _by}
