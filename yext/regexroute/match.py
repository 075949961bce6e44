"""What a test has matched, for the right side of its rule."""

from __future__ import annotations

from typing import Final

from yext.patterns.groups import Spans, find_groups
from yext.regexroute.contexts import folded
from yext.regexroute.rules import Test

_DIGITS: Final = frozenset("0123456789")


class Match:
    """A text that a test has matched, for ``\\0`` to ``\\9``.

    Args:
        text: the text.
        test: the test that holds for it.
        insensitive: whether letters match those of the other case.
    """

    __slots__ = ("_insensitive", "_spans", "test", "text")

    def __init__(self, text: str, test: Test, insensitive: bool) -> None:
        self.text = text
        self.test = test
        self._insensitive = insensitive
        self._spans: Spans | None = None

    def group(self, number: int) -> str:
        """Return what group `number` has matched; that is empty for one that has not."""
        if self._spans is None:
            self._spans = self._find()
        if number >= len(self._spans):
            return ""
        begin, end = self._spans[number]
        return self.text[begin:end] if begin >= 0 else ""

    def _find(self) -> Spans:
        test = self.test
        if test.inverted or test.expression is None:
            return []
        text = folded(self.text) if self._insensitive else self.text
        found = (find_groups(test.expression, text) or [])[:9]
        while found and found[-1][0] < 0:
            found.pop()
        # As in Yate: where no group has matched, the first one is the whole match.
        return found * 2 if len(found) == 1 else found

    def replace(self, template: str) -> str:
        """Replace the groups in a text."""
        if "\\" not in template:
            return template
        begun, *rest = template.split("\\")
        found = [begun]
        parts = iter(rest)
        for part in parts:
            if part[:1] in _DIGITS and part:
                found += (self.group(int(part[0])), part[1:])
            elif part:
                found += ("\\", part)
            else:
                # Two of them stand for one, and the second one begins nothing.
                found += ("\\", next(parts, ""))
        return "".join(found)
