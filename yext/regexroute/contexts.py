"""The contexts of a regexroute.conf, and which of their rules a message has to look at.

Most rules of a dial plan match nothing. So the expressions that look at the same text, the called
number or one parameter, are matched in one pass over it (`yext.patterns.several`), and only the
rules that one of them makes hold are carried out, beside those that always have to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from yext.conf.model import Section
from yext.patterns.graph import Expression
from yext.patterns.several import Several
from yext.regexroute.rules import Dialect, Rule, Subject, Test, read_rule

MOST_SUBJECTS: Final = 8
"""How many different texts are matched in one pass each; the rules of the rarer ones are carried
out one by one."""

FEW_RULES: Final = 4
"""As many rules are carried out one by one: that is faster."""

_KEPT: Final = 64
"""How many texts a group knows the outcome of."""


class Group:
    """The first tests of rules that look at the same text.

    Args:
        tests: the tests by the index of their rule.
        insensitive: whether letters match those of the other case.
    """

    def __init__(self, tests: dict[int, Test], insensitive: bool) -> None:
        self.example = next(iter(tests.values()))
        self._insensitive = insensitive
        self._inverted = sum(1 << index for index, test in tests.items() if test.inverted)
        expressions: dict[int, Expression] = {
            index: test.expression for index, test in tests.items() if test.expression is not None
        }
        self._several = Several(expressions)
        self._known: dict[str, int] = {}

    def holds(self, text: str) -> int:
        """Return a bit for each rule whose first test holds for `text`."""
        found = self._known.get(text)
        if found is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            bits = self._several(folded(text) if self._insensitive else text)
            found = self._known[text] = bits ^ self._inverted
        return found


def holds(test: Test, text: str, insensitive: bool) -> bool:
    """Return whether a test holds for a text.

    Args:
        test: the test.
        text: the text that it looks at.
        insensitive: whether letters match those of the other case.
    """
    expression = test.expression
    if expression is None:
        return test.inverted
    if insensitive:
        text = folded(text)
    simple = expression.simple
    if simple is not None and len(text) <= simple.longest:
        return (simple.match(text) is not None) is not test.inverted
    if test.several is None:
        test.several = Several({0: expression})
    return bool(test.several(text)) is not test.inverted


def folded(text: str) -> str:
    """Return a text with its ASCII letters as capitals."""
    return text.upper() if text.isascii() else text.translate(_CAPITALS)


_CAPITALS: Final = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}


class Context:
    """A section of rules.

    Args:
        section: the section.
        dialect: how its expressions are read.

    Attributes:
        name: its name.
        rules: its rules in their order.
        groups: the groups of its rules' first tests.
        every: a bit for each rule.
        always: a bit for each rule that is in no group, or must be looked at even if it fails.
    """

    def __init__(self, section: Section, dialect: Dialect) -> None:
        self.name = section.name
        self.rules: Sequence[Rule] = [
            read_rule(number + 1, entry, dialect) for number, entry in enumerate(section.entries)
        ]
        self.every = (1 << len(self.rules)) - 1
        self.always = self.every
        self._insensitive = dialect.insensitive
        self._groups: list[Group] | None = None

    @property
    def groups(self) -> list[Group]:
        """The groups, made when the first message comes."""
        if self._groups is None:
            self._groups = self._make_groups()
        return self._groups

    def _make_groups(self) -> list[Group]:
        if len(self.rules) <= FEW_RULES:
            return []
        subjects: dict[tuple[str, str], dict[int, Test]] = {}
        for index, rule in enumerate(self.rules):
            test = rule.first.test
            plain = not (
                rule.closes or rule.opens or test.mistake or test.error or rule.first.failed
            )
            if plain and test.subject is not Subject.FUNCTION:
                subjects.setdefault((test.name, test.default), {})[index] = test
        largest = sorted(subjects.values(), key=len, reverse=True)[:MOST_SUBJECTS]
        for tests in largest:
            self.always &= ~sum(1 << index for index in tests)
        return [Group(tests, self._insensitive) for tests in largest]
