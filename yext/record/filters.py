"""The filter language, in which operators choose messages (docs/flow.md).

    call.* and caller=4* and not (handled or from:route.py)

An expression is compiled once, into a plain function of a `Journey`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from yext.errors import FilterError, PatternError
from yext.patterns.wildcards import Matcher, wildcard
from yext.record.terms import (
    COMPARING,
    JOINING,
    SIGNS,
    STATES,
    Part,
    Predicate,
    Term,
    TermKind,
    Verdict,
    all_of,
    any_of,
    handled_by,
    has_param,
    name_is,
    none_of,
    number,
    param_above,
    param_is,
    param_is_not,
    sent_by,
    slower_than,
)

LONGEST_FILTER: Final = 4096
"""Characters of an expression."""

DEEPEST: Final = 50
"""The number of parentheses and nots that may be open at once."""

WORDS: Final = {
    "and": "both sides are true",
    "or": "one side is true",
    "not": "what follows is not true",
    "handled": "a handler handled it",
    "unhandled": "nobody handled it",
    "failed": "its handler failed to answer",
    "timedout": "its handler did not answer in time",
    "gone": "its handler ended before it answered",
    "unreachable": "it could not be sent to the node of its handler",
    "late": "its handler answered after its timeout",
    "from:": "its sender",
    "by:": "its handler",
    "has:": "it has that parameter",
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
    ":": "only from:, by: and has: have a colon: write PARAM=VALUE; put a name with : in quotes",
}

_PARAM: Final = re.compile(r"(.+?)(!=|[=~>])(.*)", re.DOTALL)

_SIGNS: Final = re.compile(r"([^=~!<>]+)(<>|[=~!<>]{2}|<)(.*)", re.DOTALL)

_PREFIXES: Final = {
    "from:": (TermKind.SENDER, sent_by),
    "by:": (TermKind.HANDLER, handled_by),
    "has:": (TermKind.PARAM, has_param),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled expression.

    Attributes:
        text: the expression as it was typed, empty for all messages.
        matches: decides whether a journey passes.
        by_name: decides whether messages of a name pass, as far as the name alone can.
        terms: its terms, in their order.
    """

    text: str
    matches: Predicate
    by_name: Verdict
    terms: tuple[Term, ...] = ()

    def mentions(self, name: str) -> bool:
        """Return whether the expression asks for messages called `name`."""
        names = (term.text for term in self.terms if term.kind is TermKind.NAME)
        return any(wildcard(pattern)(name) for pattern in names)


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
    return Filter(text, matches, by_name, tuple(parser.terms))


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


class _Parser:
    """A recursive-descent parser: ``or`` binds weaker than ``and``, and ``and`` than ``not``."""

    def __init__(self, expression: str, hidden: Matcher | None) -> None:
        self.expression = expression
        self.terms: list[Term] = []
        self._hidden = hidden
        self._tokens = _tokens(expression)
        self._at = 0
        self._depth = 0

    def parse(self) -> Part:
        predicate = self._or()
        token = self._peek()
        if token is not None:
            raise self._mistake(token, _unexpected(token))
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

    def _or(self) -> Part:
        found = [self._and()]
        while self._take("or"):
            found.append(self._and())
        return found[0] if len(found) == 1 else any_of(tuple(found))

    def _and(self) -> Part:
        found = [self._not()]
        while self._take("and"):
            found.append(self._not())
        return found[0] if len(found) == 1 else all_of(tuple(found))

    def _not(self) -> Part:
        token = self._peek()
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._mistake(token, f"more than {DEEPEST} open at once")
        try:
            if self._take("not"):
                return none_of(self._not())
            if self._take("("):
                inside = self._or()
                if not self._take(")"):
                    raise self._mistake(token, "this is not closed")
                return inside
            return self._term()
        finally:
            self._depth -= 1

    def _term(self) -> Part:
        token = self._peek()
        if token is None:
            raise self._mistake(None, "something is missing here")
        if token.plain and token.text in ("and", "or", ")"):
            what = "nothing to close here" if token.text == ")" else "nothing to join here"
            raise self._mistake(token, what)
        self._at += 1
        if token.plain:
            self._refuse_other_languages(token)
        if token.plain and token.text in STATES:
            self._add(TermKind.END, token.text, token)
            return Part(STATES[token.text])
        for prefix, (kind, make) in _PREFIXES.items():
            if token.text.startswith(prefix):
                name = self._rest(token, prefix)
                self._add(kind, name, token)
                return Part(make(name))
        if token.text.startswith("slow>"):
            return self._slow(token)
        found = _PARAM.fullmatch(token.text)
        if found is not None:
            return self._param(token, found[1], found[2], found[3])
        if token.plain and (odd := _NO_NAME.search(token.text)) is not None:
            column = token.column + odd.start()
            raise FilterError(self.expression, column, _WHY_NO_NAME[odd[0]])
        self._add(TermKind.NAME, token.text, token)
        return name_is(token.text)

    def _add(self, kind: TermKind, text: str, token: _Token) -> None:
        self.terms.append(Term(kind, text, token.column))

    def _refuse_other_languages(self, token: _Token) -> None:
        """Refuse a word of another language, with what it is in this one.

        It could never match anything. A name or value that really has it is put in quotes.
        """
        text = token.text
        if text in JOINING:
            raise self._mistake(token, JOINING[text])
        if text.startswith("!"):
            raise self._mistake(token, f"write not {text[1:]}")
        if text.startswith("-"):
            raise self._mistake(token, "a filter has no options: help filter")
        found = _SIGNS.fullmatch(text)
        advice = dict(SIGNS).get(found[2]) if found is not None else None
        if found is None or advice is None or text.startswith("slow"):
            return
        column = token.column + found.start(2)
        text = advice.format(name=found[1], value=found[3] or "VALUE")
        raise FilterError(self.expression, column, text)

    def _rest(self, token: _Token, prefix: str) -> str:
        if len(token.text) == len(prefix):
            column = token.column + len(prefix)
            raise FilterError(self.expression, column, f"write a name after {prefix}")
        return token.text[len(prefix) :]

    def _slow(self, token: _Token) -> Part:
        found = _SLOW.fullmatch(token.text)
        if found is None:
            column = token.column + len("slow>")
            raise FilterError(self.expression, column, "write a time here: 10ms, 500us, 2s")
        self._add(TermKind.END, token.text, token)
        return Part(slower_than(float(found[1]) * _UNITS[found[2]]))

    def _param(self, token: _Token, name: str, sign: str, value: str) -> Part:
        if self._hidden is not None and self._hidden(name):
            raise self._mistake(token, f"{name} is hidden from observers")
        self._add(TermKind.PARAM, name, token)
        if sign == "=":
            return Part(param_is(name, wildcard(value), absent=not value))
        if sign == "!=":
            return Part(param_is_not(name, wildcard(value)))
        column = token.column + len(name) + 1
        if sign == ">":
            limit = number(value)
            if limit is None:
                raise FilterError(self.expression, column, "write a number here")
            return Part(param_above(name, limit))
        # Loaded with the first expression: most filters have none.
        from yext.record.expressions import regex

        try:
            return Part(param_is(name, regex(value), absent=False))
        except PatternError as error:
            # In a quoted word the column is off by the quotes before it, which is near enough.
            text = f"not a regular expression: {error.text}"
            raise FilterError(self.expression, column + error.column, text) from None


def _unexpected(token: _Token) -> str:
    """What is wrong with a word after a term."""
    if token.plain and token.text == ")":
        return "nothing to close here"
    if token.plain and token.text in JOINING:
        return JOINING[token.text]
    if token.plain and token.text in COMPARING:
        return f"write {COMPARING[token.text]}, without blanks"
    return "'and' or 'or' is missing before this"
