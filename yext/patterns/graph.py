"""The graph of a POSIX expression: nodes in the order in which the C library would try them.

K. Thompson, "Regular Expression Search Algorithm" (1968): a node consumes a character, asserts
something about a place, begins or ends a group, or does nothing. Edges lead on. Where several do,
the one to the node of the lower number is preferred, as by ``regexec`` of GNU's C library, on
which the bounds of groups depend (`yext.patterns.groups`).
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from yext.patterns.posixtokens import PosixReader
from yext.patterns.simple import Simple, simple_form
from yext.patterns.tokens import EDGE, HOLDS, IN_WORD, OTHER, WORD, Assertion, CharSet
from yext.patterns.tree import MOST_NODES, Parser, Tree


class Node:
    """A node of the graph.

    Attributes:
        number: its rank among the nodes of its expression.
        chars: the characters that it consumes one of, None for none.
        assertion: what must hold to pass it, None for nothing.
        group: the group that it begins, negative: ends; 0 for none.
        optional: whether that group is repeated, and may match nothing in a repetition.
        out: where it leads, preferred nodes first.
    """

    __slots__ = ("assertion", "chars", "group", "number", "optional", "out")

    def __init__(self, number: int) -> None:
        self.number = number
        self.chars: CharSet | None = None
        self.assertion: Assertion | None = None
        self.group = 0
        self.optional = False
        self.out: list[Node] = []


_by_number = attrgetter("number")

_NONE: Final = Node(-1)
"""Stands for the first node of a part that is none."""

_Part = tuple[Node, list[Node]]
"""The first node of a part, and those that lead out of it."""


class Expression:
    """A compiled expression.

    Args:
        pattern: the expression.
        extended: whether it is an extended one.
        insensitive: whether letters match those of the other case; texts must come in capitals.

    Attributes:
        pattern: the expression.
        groups: the number of its groups.
        nodes: its nodes by their numbers.
        start, goal: where it begins, and where it has matched.
        simple: the same for Python's `re`, None if that may take longer than linear time.

    Raises:
        PatternError: the expression is wrong, too large, or has a back-reference.
    """

    __slots__ = ("goal", "groups", "nodes", "pattern", "simple", "start")

    def __init__(self, pattern: str, extended: bool = False, insensitive: bool = False) -> None:
        self.pattern = pattern
        reader = PosixReader(pattern, extended, insensitive)
        parser = Parser(reader)
        tree = parser.parse()
        self.groups = parser.groups
        self.simple: Simple | None = simple_form(tree)
        self.nodes: list[Node] = []
        if tree is not None and tree.size > MOST_NODES:
            raise reader.mistake(0, "the expression is too large")
        part = None if tree is None else self._build(tree)
        self.goal = self._node()
        self.start = self.goal
        if part is not None:
            self.start, ends = part
            self._join(ends, self.goal)
        for node in self.nodes:
            node.out.sort(key=_by_number)

    def _node(self) -> Node:
        made = Node(len(self.nodes))
        self.nodes.append(made)
        return made

    @staticmethod
    def _join(ends: list[Node], following: Node) -> None:
        for end in ends:
            end.out.append(following)

    def _build(self, tree: Tree) -> _Part:
        """Make the nodes of a tree: those of its parts first, from left to right.

        Trees are as deep as expressions are long, so this is no recursion.
        """
        waiting: list[tuple[Tree, bool, Node | None]] = [(tree, False, None)]
        built: list[_Part] = []
        while waiting:
            part, copy, start = waiting.pop()
            if start is None and (part.left or part.right or part.kind == "group"):
                # A group is numbered before what it holds, everything else after that.
                start = self._node() if part.kind == "group" else _NONE
                start.optional = part.optional and not copy
                waiting.append((part, copy, start))
                copy |= part.kind == "copy"
                waiting += [(one, copy, None) for one in (part.right, part.left) if one is not None]
            else:
                built.append(self._finish(part, start, built))
        return built[0]

    def _finish(self, tree: Tree, start: Node | None, built: list[_Part]) -> _Part:
        """Make the nodes of a tree whose parts are the last ones `built`, and are taken off."""
        if tree.kind in ("chars", "assertion"):
            node = self._node()
            assert tree.token is not None
            node.chars, node.assertion = tree.token.chars, tree.token.assertion
            return node, [node]
        wanted = (tree.left is not None) + (tree.right is not None)
        parts = built[len(built) - wanted :]
        del built[len(built) - wanted :]
        if tree.kind == "both":
            self._join(parts[0][1], parts[1][0])
            return parts[0][0], parts[1][1]
        if tree.kind == "copy":
            return parts[0]
        if tree.kind == "group":
            assert start is not None
            return self._finish_group(tree, start, parts)
        fork = self._node()
        fork.out += [first for first, _ in parts]
        ends = [end for _, outs in parts for end in outs]
        if tree.kind == "loop":
            self._join(ends, fork)
            return fork, [fork]
        return fork, [*ends, *[fork] * (2 - wanted)]

    def _finish_group(self, tree: Tree, start: Node, parts: list[_Part]) -> _Part:
        end = self._node()
        start.group, end.group = tree.group, -tree.group
        end.optional = start.optional
        self._join([start], parts[0][0] if parts else end)
        if parts:
            self._join(parts[0][1], end)
        return start, [end]


def neighbour(text: str, at: int) -> int:
    """Return the kind of the character at a place of `text`."""
    if not 0 <= at < len(text):
        return EDGE
    return IN_WORD if ord(text[at]) in WORD else OTHER


def reached(
    begin: Iterable[Node], before: int, after: int, *, pass_assertions: bool = True
) -> dict[Node, None]:
    """Return all nodes that are reached without a character, those of `begin` among them.

    Args:
        begin: the nodes to begin from.
        before, after: the neighbours of the place.
        pass_assertions: whether assertions that hold are passed.
    """
    found: dict[Node, None] = {}
    waiting = list(begin)
    while waiting:
        node = waiting.pop()
        if node in found:
            continue
        found[node] = None
        if node.chars is not None:
            continue
        if node.assertion is None or (pass_assertions and HOLDS[node.assertion](before, after)):
            waiting += node.out
    return found
