"""Simple expressions, which Python's `re` matches in linear time, and as the C library does.

Most rules are such: ``^00\\(.*\\)$``. With characters and groups in a row of which one at most
repeats, a search with backtracking tries each length of it once, the longest first. Where the
expression is anchored at both ends, a second repetition makes that quadratic, which is bounded by
the length of the text.
"""

from __future__ import annotations

import re
from typing import Final

from yext.patterns.tokens import Assertion, CharSet
from yext.patterns.tree import Tree

MOST_STEPS: Final = 20_000
"""Steps of a search with backtracking that are taken at most."""


class Simple:
    """A simple expression.

    Args:
        source: the expression for `re`.
        longest: the length of texts for which it may be used.

    Attributes:
        longest: the same.
    """

    __slots__ = ("_pattern", "_source", "longest")

    def __init__(self, source: str, longest: int) -> None:
        self.longest = longest
        self._source = source
        self._pattern: re.Pattern[str] | None = None

    def match(self, text: str) -> re.Match[str] | None:
        """Match a text; of a thousand rules that are read, few are compiled for it."""
        if self._pattern is None:
            self._pattern = re.compile(self._source, re.DOTALL)
        return self._pattern.match(text)


def simple_form(tree: Tree | None) -> Simple | None:
    """Return the simple form of a tree, None if it has none."""
    maker = _Maker()
    if tree is None or not maker.add(tree) or not maker.begins:
        return None
    if maker.repeats > 1 and not maker.ends:
        return None
    if maker.repeats > 2:
        return None
    longest = MOST_STEPS if maker.repeats < 2 else int(MOST_STEPS**0.5)
    return Simple("".join(maker.parts), longest)


class _Maker:
    """Collects the parts of a simple expression.

    Attributes:
        parts: its source for `re`.
        begins, ends: whether it is anchored at the begin and at the end of the text.
        repeats: how many parts repeat.
    """

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.begins = self.ends = False
        self.repeats = 0

    def add(self, tree: Tree) -> bool:
        """Add a tree; return whether it is simple."""
        row = [tree]
        while row[-1].kind == "both":
            both = row.pop()
            assert both.left is not None
            assert both.right is not None
            row += [both.right, both.left]
        return all(self._add_one(one) for one in reversed(row))

    def _add_one(self, tree: Tree) -> bool:
        if self.ends:
            return False
        if tree.kind == "both" or (tree.kind == "copy" and tree.left is not None):
            return self.add(tree.left if tree.kind == "copy" and tree.left else tree)
        if tree.kind == "group":
            self.parts.append("(")
            simple = tree.left is None or (not self._anchored(tree.left) and self.add(tree.left))
            self.parts.append(")")
            return simple
        if tree.kind == "assertion":
            return self._add_anchor(tree)
        repeated = tree.left if tree.kind in ("loop", "or") and tree.right is None else None
        if repeated is not None and repeated.kind == "copy":
            repeated = repeated.left
        leaf = tree if tree.kind == "chars" else repeated
        if leaf is None or leaf.kind != "chars" or leaf.token is None or leaf.token.chars is None:
            return False
        self.parts.append(_source(leaf.token.chars))
        if leaf is not tree:
            self.repeats += 1
            self.parts.append("*" if tree.kind == "loop" else "?")
        return True

    @staticmethod
    def _anchored(tree: Tree) -> bool:
        """Return whether an anchor is directly in a group, where `re` and groups may differ."""
        while tree.kind == "both" and tree.left is not None:
            if tree.right is not None and tree.right.kind == "assertion":
                return True
            tree = tree.left
        return tree.kind == "assertion"

    def _add_anchor(self, tree: Tree) -> bool:
        assert tree.token is not None
        anchor = tree.token.assertion
        if anchor is Assertion.START and not self.parts:
            self.begins = True
            self.parts.append(r"\A")
        elif anchor is Assertion.END and self.begins:
            self.ends = True
            self.parts.append(r"\Z")
        else:
            return False
        return True


def _source(chars: CharSet) -> str:
    if not chars.ranges:
        return "."
    ranges = "".join(f"\\x{low:02x}-\\x{high:02x}" for low, high in chars.ranges)
    return f"[{'^' * chars.negated}{ranges}]"
