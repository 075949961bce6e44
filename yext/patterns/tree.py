"""The syntax tree of a POSIX expression, by the rules of ``regcomp`` of GNU's C library."""

from __future__ import annotations

from typing import Final

from yext.patterns.posixtokens import Kind, PosixReader, Token

DEEPEST: Final = 100
"""Groups that may be open at once."""

MOST_NODES: Final = 20_000
"""Nodes that one expression may have; copies of what braces repeat count."""


class Tree:
    """A part of an expression; parts may be shared, as nodes are made for each occurrence.

    Args:
        kind: ``chars``, ``assertion``, ``group``, ``both`` (one after the other), ``or``, ``loop``,
            or ``copy``: of ``left``, in which no group is marked as optional, as in the library.
        left, right: the parts that it is made of.
        token: the token of a leaf.
        group: the number of a group.
        optional: see `Node`.

    Attributes:
        size: how many nodes it makes, about.
    """

    __slots__ = ("group", "kind", "left", "optional", "right", "size", "token")

    def __init__(
        self,
        kind: str,
        left: Tree | None = None,
        right: Tree | None = None,
        token: Token | None = None,
        group: int = 0,
        optional: bool = False,
    ) -> None:
        self.kind = kind
        self.left = left
        self.right = right
        self.token = token
        self.group = group
        self.optional = optional
        self.size: int = 1 + (left.size if left else 0) + (right.size if right else 0)


def both(left: Tree | None, right: Tree | None) -> Tree | None:
    return Tree("both", left, right) if left and right else left or right


class Parser:
    """Makes a tree of tokens, by the rules of ``regcomp``."""

    def __init__(self, reader: PosixReader) -> None:
        self.groups = 0
        self._reader = reader
        self._token = reader.next(anchors=True)
        self._depth = 0

    def parse(self) -> Tree | None:
        """Return the tree of the whole expression, None for an empty one."""
        return self._choice()

    def _advance(self, anchors: bool = False) -> None:
        self._token = self._reader.next(anchors)

    def _choice(self) -> Tree | None:
        tree = self._branch()
        while self._token.kind is Kind.OR:
            self._advance(anchors=True)
            ends = self._token.kind in (Kind.OR, Kind.END) or self._closes()
            tree = Tree("or", tree, None if ends else self._branch())
        return tree

    def _closes(self) -> bool:
        return self._token.kind is Kind.CLOSE and self._depth > 0

    def _branch(self) -> Tree | None:
        tree = self._repeated()
        while self._token.kind not in (Kind.OR, Kind.END) and not self._closes():
            tree = both(tree, self._repeated())
        return tree

    def _repeated(self) -> Tree | None:
        kind = self._token.kind
        if kind in (Kind.OR, Kind.END) or self._closes():
            return None
        tree = self._atom()
        if tree is not None and tree.kind == "assertion":
            return tree  # Nothing repeats an anchor: what follows it begins anew.
        first = True
        while self._token.kind is Kind.REPEAT:
            if not first and not self._reader.extended and self._token.text in "*{":
                raise self._reader.mistake(self._token.column, "nothing to repeat here")
            first = False
            tree = self._copies(tree)
        return tree

    def _atom(self) -> Tree | None:
        token = self._token
        reader = self._reader
        if token.kind is Kind.OPEN:
            return self._group()
        if token.kind is Kind.ASSERTION:
            self._advance(anchors=True)
            return Tree("assertion", token=token)
        if token.kind is Kind.REPEAT:
            if reader.extended or token.text == "{":
                raise reader.mistake(token.column, "nothing to repeat here")
            token = reader.literal(token.column, token.text)
        elif token.kind is Kind.CLOSE:
            if not reader.extended:
                raise reader.mistake(token.column, "nothing to close here")
            token = reader.literal(token.column, token.text)
        self._advance()
        return Tree("chars", token=token)

    def _group(self) -> Tree:
        begin = self._token.column
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._reader.mistake(begin, f"more than {DEEPEST} open at once")
        self.groups += 1
        number = self.groups
        self._advance(anchors=True)
        inner = None if self._token.kind is Kind.CLOSE else self._choice()
        if self._token.kind is not Kind.CLOSE:
            raise self._reader.mistake(begin, "this is not closed")
        self._depth -= 1
        self._advance()
        return Tree("group", inner, group=number)

    def _copies(self, tree: Tree | None) -> Tree | None:
        token = self._token
        bounds = token.repeat
        assert bounds is not None
        self._advance()
        if tree is None or bounds.high == 0:
            return None
        if tree.size * max(bounds.low, bounds.high or 0) > MOST_NODES:
            raise self._reader.mistake(token.column, "the expression is too large from here on")
        copy = Tree("copy", tree)
        before = tree if bounds.low else None
        for _ in range(bounds.low - 1):
            before = both(before, copy)
        if bounds.low == bounds.high:
            return before
        part = copy if bounds.low else tree
        if tree.kind == "group":
            inner = tree.left
            if bounds.low and inner is not None:
                inner = Tree("copy", inner)
            part = Tree("group", inner, group=tree.group, optional=True)
        if bounds.high is None:
            return both(before, Tree("loop", part))
        rest = Tree("or", part)
        for _ in range(bounds.high - bounds.low - 1):
            rest = Tree("or", both(rest, copy))
        return both(before, rest)
