"""The rules of regexroute.conf, taken apart once so that a message only follows them.

A rule is a line ``EXPRESSION=TARGET`` of a section, which is called a context. Its target may go
on with further tests (``if``, ``and``, ``or``), and ends in what is done if they hold. A wrong rule
does not keep a file from being read: it fails when it is reached, as in Yate.

Source: Yate's conf.d/regexroute.conf.sample, and recordings (tests/conformance/routes).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, NamedTuple

from yext.conf.model import Entry
from yext.errors import PatternError
from yext.patterns.graph import Expression
from yext.patterns.several import Several
from yext.regexroute.text import inner, integer, skip_word, trim

DEFAULT_RULE: Final = r"^\(false\|no\|off\|disable\|f\|0*\)$^"
"""What ``${param}`` and ``$(function)`` are tested with if nothing follows: any text that is
neither empty, false nor zero."""

PLACE: Final = "\0"
"""Stands for the number of a rule and its context in the text of a mistake."""

_BLOCK: Final = re.compile(r"(?:.*=[ \t\n\v\f\r]*)?\{", re.DOTALL)
_LEVEL: Final = re.compile(r"[ \t\n\v\f\r]*[+-]?(?:0[xX][0-9a-fA-F]+|\d+)")
_LEVELS: Final = (1, 10)
_FIRST_DIGIT: Final = 3
"""The least place of the brace that closes a parameter's name."""


class Dialect(NamedTuple):
    """How expressions are read.

    Attributes:
        extended: whether they are extended ones.
        insensitive: whether letters match those of the other case.
        default: the expression where none is given, empty for none.
    """

    extended: bool = False
    insensitive: bool = False
    default: str = DEFAULT_RULE


class Subject(Enum):
    """What a test looks at."""

    MATCHED = auto()
    """The text that is routed: the called number, or what ``match`` has made of it."""

    PARAM = auto()
    """A parameter of the message."""

    FUNCTION = auto()
    """A text with functions and parameters."""


@dataclass(slots=True)
class Test:
    """A test of a rule.

    Attributes:
        subject: what it looks at.
        name, default: the parameter, and its value where there is none.
        function: the text with functions.
        pattern: the expression as it is written, without the ``^`` that inverts it.
        inverted: whether it holds if the expression does not match.
        expression: the compiled expression, None for one that matches nothing.
        mistake: why the test always fails, with `PLACE` in it; empty if it does not.
        error: what is wrong with the expression, empty if nothing is.
        several: the expression alone, as an automaton, made when it is needed.
    """

    subject: Subject = Subject.MATCHED
    name: str = ""
    default: str = ""
    function: str = ""
    pattern: str = ""
    inverted: bool = False
    expression: Expression | None = None
    mistake: str = ""
    error: str = ""
    several: Several | None = None


class Say(NamedTuple):
    """The action ``echo``, ``output`` or ``debug``: a text, at a debug level or as output."""

    text: str
    level: int | None


class Enter(NamedTuple):
    """The action ``{``: the block that begins here is carried out."""


class Send(NamedTuple):
    """The action ``dispatch`` or ``enqueue``: a message, with parts as of `Assign`."""

    wait: bool
    parts: tuple[str, ...]


class Assign(NamedTuple):
    """Any other action: the first part is a target or a word, the others set parameters."""

    parts: tuple[str, ...]


class Mistake(NamedTuple):
    """A rule that ends in a mistake, whose text has `PLACE` in it."""

    text: str


Action = Say | Enter | Send | Assign


@dataclass(slots=True)
class Step:
    """A test, and what follows.

    Attributes:
        test: the test.
        matched: what follows if it holds.
        failed: what follows if it does not, None for the next rule.
    """

    test: Test
    matched: Step | Action | Mistake
    failed: Step | Mistake | None = None


@dataclass(slots=True)
class Rule:
    """A rule of a context.

    Attributes:
        number: its number in the context, from 1.
        entry: where it stands.
        key, value: its two sides.
        closes: whether it closes a block before anything else.
        opens: whether it opens a block.
        first: its first test and all that follows; None for one that only closes a block.
    """

    number: int
    entry: Entry
    key: str
    value: str
    closes: bool
    opens: bool
    first: Step

    @property
    def place(self) -> str:
        """Where it stands, as ``FILE:LINE``."""
        return f"{self.entry.file}:{self.entry.line}"

    def tests(self) -> list[Test]:
        """Return all tests of the rule."""
        found: list[Test] = []
        step: object = self.first
        while isinstance(step, Step):
            found.append(step.test)
            step = step.failed if isinstance(step.failed, Step) else step.matched
        return found


def read_rule(number: int, entry: Entry, dialect: Dialect) -> Rule:
    """Make a rule of a line."""
    key, value = inner(entry.key), inner(entry.value)
    closes = key.startswith("}")
    pattern = (trim(key[1:]) or ".*") if closes else key
    opens = _BLOCK.fullmatch(value) is not None
    first = read_steps(pattern, value, dialect)
    return Rule(number, entry, key, value, closes, opens, first)


def read_steps(pattern: str, value: str, dialect: Dialect) -> Step:
    """Take a rule apart: its first expression, and its right side."""
    first = step = Step(read_test(pattern, dialect), Enter())
    while True:
        either = skip_word(value, "or")
        rest = either if either is not None else _skip_if(value)
        if rest is None:
            step.matched = read_action(value)
            return first
        pattern, equal, value = rest.partition("=")
        pattern, value = trim(pattern), trim(value)
        if either is not None:
            step.matched = _after_alternatives(either)
        if not equal or not pattern:
            mistake = Mistake(f"Missing 'if' in rule {PLACE}")
            if either is None:
                step.matched = mistake
            else:
                step.failed = mistake
            return first
        following = Step(read_test(pattern, dialect), Enter())
        if either is None:
            step.matched = following
        else:
            step.failed = following
        step = following


def _skip_if(text: str) -> str | None:
    rest = skip_word(text, "if")
    return rest if rest is not None else skip_word(text, "and")


def _after_alternatives(value: str) -> Action | Mistake:
    """Return what is done once one of the alternatives in `value` holds."""
    while True:
        _, equal, value = value.partition("=")
        if not equal:
            return Mistake(f"Malformed 'or' rule {PLACE}")
        value = trim(value)
        rest = skip_word(value, "or")
        rest = rest if rest is not None else _skip_if(value)
        if rest is None:
            return read_action(value)
        value = rest


def read_test(text: str, dialect: Dialect) -> Test:
    """Read one test: ``EXPR``, ``${param}EXPR`` or ``$(function)EXPR``, perhaps with ``^``."""
    test = Test(pattern=text)
    if text.startswith("${"):
        end = text.find("}")
        if end < _FIRST_DIGIT:
            test.mistake = f"Invalid parameter match '{text}' in rule {PLACE}"
            return test
        test.subject = Subject.PARAM
        name, dollar, default = trim(text[2:end]).partition("$")
        test.name, test.default = trim(name) if dollar else name, default
        test.pattern = _or_default(trim(text[end + 1 :]), dialect.default)
        if not (test.name and test.pattern):
            test.mistake = f"Missing parameter or rule in rule {PLACE}"
    elif text.startswith("$("):
        end = text.find(")")
        if end < _FIRST_DIGIT:
            test.mistake = f"Invalid function match '{text}' in rule {PLACE}"
            return test
        test.subject = Subject.FUNCTION
        test.function = text[: end + 1]
        test.pattern = _or_default(trim(text[end + 1 :]), dialect.default)
        if not test.pattern:
            test.mistake = f"Missing rule in rule {PLACE}"
    if test.pattern.endswith("^"):
        test.inverted = True
        test.pattern = test.pattern[:-1]
    if test.pattern and not test.mistake:
        try:
            test.expression = Expression(test.pattern, dialect.extended, dialect.insensitive)
        except PatternError as error:
            test.error = str(error)
    return test


def _or_default(pattern: str, default: str) -> str:
    if not default:
        return pattern
    if pattern == "^":
        return default[:-1] if default.endswith("^") else f"{default}^"
    return pattern or default


def read_action(value: str) -> Action:
    """Read what a rule does once its tests hold."""
    for word in ("echo", "output", "debug"):
        rest = skip_word(value, word)
        if rest is not None:
            return _read_debug(rest) if word == "debug" else Say(rest, None)
    if value == "{":
        return Enter()
    for word in ("dispatch", "enqueue"):
        rest = skip_word(value, word)
        if rest is not None:
            parts = tuple(rest.split(";")) if rest and rest[0] != ";" else ()
            return Send(word == "dispatch", parts)
    return Assign(tuple(value.split(";")))


def _read_debug(text: str) -> Say:
    found = _LEVEL.match(text)
    level = 10
    if found is not None:
        level = integer(found[0], level)
        text = text[found.end() :]
    return Say(trim(text), max(_LEVELS[0], min(level, _LEVELS[1])))
