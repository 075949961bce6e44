"""Regular expressions that are matched in linear time.

Python's `re` backtracks: ``(a+)+$`` typed by an operator would block the engine for as long as
the sender of a text likes. An expression here becomes a nondeterministic automaton (K. Thompson,
"Regular Expression Search Algorithm", 1968). A deterministic one is built from it while texts are
matched, and kept within bounds. A character costs a look-up in a dictionary if the same state has
met it before, and otherwise a walk through the nodes, each of which is visited once.

docs/dependencies.md compares it with google-re2.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence, Set
from typing import Final

from yext.errors import PatternError
from yext.patterns.tokens import (
    EDGE,
    HOLDS,
    IN_WORD,
    OF_WORDS,
    OTHER,
    WORD,
    Assertion,
    CharSet,
    Mark,
    Repeat,
    Token,
)

LONGEST_PATTERN: Final = 256
"""Characters of an expression that is typed, and nodes that it may have."""

LONGEST_TEXT: Final = 1024
"""Characters of a text that are looked at. An expression that must see the end of a longer text
does not match it."""

DEEPEST: Final = 50
"""Parentheses that may be open at once."""

MOST_KEPT: Final = 1 << 16
"""Entries that the deterministic automaton of one expression may keep in all."""


class _Node:
    """A node: passed with a character of `chars`, where `assertion` holds, or freely.

    Only the last node of a whole automaton leads nowhere.
    """

    __slots__ = ("assertion", "chars", "out")

    def __init__(self, chars: CharSet | None = None, assertion: Assertion | None = None) -> None:
        self.chars = chars
        self.assertion = assertion
        self.out: list[_Node] = []


_Part = tuple[_Node, _Node]
"""The first and the last node of a part of the automaton."""


class _Builder:
    """Builds the nodes of an expression from its tokens."""

    def __init__(self, pattern: str, tokens: Sequence[Token], most_nodes: int) -> None:
        self.nodes: list[_Node] = []
        self._pattern = pattern
        self._tokens = tokens
        self._most_nodes = most_nodes
        self._at = 0
        self._depth = 0

    def build(self) -> _Part:
        """Build the whole automaton, whose last node is passed with no character.

        Raises:
            PatternError: a parenthesis is not closed, nothing precedes a repetition, or the
                expression is too large.
        """
        part = self._choice()
        if self._at < len(self._tokens):
            raise self._mistake("nothing to close here")
        goal = _Node()
        self.nodes.append(goal)
        part[1].out.append(goal)
        return part[0], goal

    def _mistake(self, text: str, at: int | None = None) -> PatternError:
        at = self._at if at is None else at
        column = self._tokens[at].column if at < len(self._tokens) else len(self._pattern)
        return PatternError(self._pattern, column, text)

    def _peek(self) -> CharSet | Assertion | Mark | Repeat | None:
        return self._tokens[self._at].value if self._at < len(self._tokens) else None

    def _node(self, chars: CharSet | None = None, assertion: Assertion | None = None) -> _Node:
        if len(self.nodes) >= self._most_nodes:
            raise self._mistake("the expression is too large from here on")
        made = _Node(chars, assertion)
        self.nodes.append(made)
        return made

    def _choice(self) -> _Part:
        parts = [self._sequence()]
        while self._peek() is Mark.OR:
            self._at += 1
            parts.append(self._sequence())
        if len(parts) == 1:
            return parts[0]
        start, end = self._node(), self._node()
        for first, last in parts:
            start.out.append(first)
            last.out.append(end)
        return start, end

    def _sequence(self) -> _Part:
        if self._peek() in (None, Mark.OR, Mark.CLOSE):
            node = self._node()
            return node, node
        start, end = self._repeated()
        while self._peek() not in (None, Mark.OR, Mark.CLOSE):
            first, last = self._repeated()
            end.out.append(first)
            end = last
        return start, end

    def _repeated(self) -> _Part:
        begin = len(self.nodes)
        part = self._atom()
        while isinstance(bounds := self._peek(), Repeat):
            part = self._copies(part, begin, bounds)
            self._at += 1
        return part

    def _copies(self, part: _Part, begin: int, bounds: Repeat) -> _Part:
        """Chain as many copies of `part`, all nodes from the index `begin`, as `bounds` say."""
        wanted = max(bounds.low, 1) if bounds.high is None else bounds.high
        end = len(self.nodes)
        parts = [part, *(self._copy(part, begin, end) for _ in range(wanted - 1))]
        start = here = self._node()
        for number, (first, last) in enumerate(parts[:wanted]):
            here.out.append(first)
            if bounds.high is None and number == wanted - 1:
                last.out.append(first)
            if number >= bounds.low:
                skip = self._node()
                here.out.append(skip)
                last.out.append(skip)
                last = skip
            here = last
        return start, here

    def _copy(self, part: _Part, begin: int, end: int) -> _Part:
        copies = {node: self._node(node.chars, node.assertion) for node in self.nodes[begin:end]}
        for node, copy in copies.items():
            copy.out += [copies[following] for following in node.out]
        return copies[part[0]], copies[part[1]]

    def _atom(self) -> _Part:
        value = self._peek()
        if value is None or isinstance(value, Repeat):
            raise self._mistake("nothing to repeat here")
        self._at += 1
        if value is Mark.OPEN:
            return self._group(self._at - 1)
        if isinstance(value, CharSet):
            node = self._node(chars=value)
        else:
            assert isinstance(value, Assertion)
            node = self._node(assertion=value)
        return node, node

    def _group(self, begin: int) -> _Part:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._mistake(f"more than {DEEPEST} open at once", begin)
        part = self._choice()
        self._depth -= 1
        if self._peek() is not Mark.CLOSE:
            raise self._mistake("this is not closed", begin)
        self._at += 1
        return part


class _State(dict[str, "_State"]):
    """A state of the deterministic automaton: the next state for each character met in it.

    Attributes:
        nodes: the nodes to go on from.
        before: the kind of the character before this place in the text.
        verdict: whether the text matches, None while that is open.
        by_group: the next state by the group of a character; see `Regex`.
    """

    __slots__ = ("_regex", "before", "by_group", "nodes", "verdict")

    def __init__(
        self, regex: Regex, nodes: frozenset[_Node], before: int, verdict: bool | None
    ) -> None:
        super().__init__()
        self.nodes = nodes
        self.before = before
        self.verdict = verdict
        self.by_group: dict[int, _State] = {}
        self._regex = regex

    def __missing__(self, char: str) -> _State:
        return self._regex.follow(self, char)


class Regex:
    """A compiled expression: a function of a text, true if it matches anywhere.

    Characters that no set of the expression distinguishes form a group, which is between two
    borders. They lead to the same states.

    Args:
        pattern: the expression, for the text of an error.
        tokens: its tokens.
        most_nodes: the number of nodes that it may have, about one a character.

    Raises:
        PatternError: the expression is wrong or too large.
    """

    def __init__(self, pattern: str, tokens: Sequence[Token], most_nodes: int) -> None:
        builder = _Builder(pattern, tokens, most_nodes)
        self._start, self._goal = builder.build()
        self._consuming = [(node, node.chars) for node in builder.nodes if node.chars is not None]
        self._asserting = frozenset(node for node in builder.nodes if node.assertion is not None)
        self._at_start = frozenset(
            node for node in self._asserting if node.assertion is Assertion.START
        )
        self._knows_words = any(node.assertion in OF_WORDS for node in self._asserting)
        sets = [chars for _, chars in self._consuming] + [WORD] * self._knows_words
        ranges = (bounds for chars in sets for bounds in chars.ranges)
        self._borders = sorted({border for low, high in ranges for border in (low, high + 1)})
        self._takers: dict[int, frozenset[_Node]] = {}
        self._states: dict[tuple[frozenset[_Node], int], _State] = {}
        self._kept = 0
        self._matched = _State(self, frozenset(), EDGE, True)
        self._first = self._state([self._start], EDGE)

    def __call__(self, text: str) -> bool:
        """Return whether the expression matches anywhere in `text`."""
        state = self._first
        for char in text[:LONGEST_TEXT]:
            state = state[char]
            if state.verdict is not None:
                return state.verdict
        return len(text) <= LONGEST_TEXT and self._goal in self._entered(state, EDGE)

    def follow(self, state: _State, char: str) -> _State:
        """Find the state after `char` and make it known to `state`."""
        if self._kept > MOST_KEPT:
            self._forget()
        code = ord(char)
        group = bisect_right(self._borders, code)
        following = state.by_group.get(group)
        if following is None:
            following = state.by_group[group] = self._step(state, group, code)
        state[char] = following
        self._kept += 2
        return following

    def _step(self, state: _State, group: int, code: int) -> _State:
        kind = IN_WORD if self._knows_words and code in WORD else OTHER
        entered = self._entered(state, kind)
        if self._goal in entered:
            return self._matched
        # The expression may also begin anew after each character.
        following = [self._start]
        for node in entered & self._takers_of(group, code):
            following += node.out
        return self._state(following, kind)

    def _takers_of(self, group: int, code: int) -> frozenset[_Node]:
        """Return the nodes that are passed with a character of `group`, for example `code`."""
        found = self._takers.get(group)
        if found is None:
            found = frozenset(node for node, chars in self._consuming if code in chars)
            self._takers[group] = found
            self._kept += len(found)
        return found

    def _state(self, following: list[_Node], before: int) -> _State:
        nodes = frozenset(_reached(following, _never))
        if before != EDGE:
            nodes -= self._at_start
        found = self._states.get((nodes, before))
        if found is None:
            verdict = True if self._goal in nodes else None if nodes else False
            found = self._states[nodes, before] = _State(self, nodes, before, verdict)
            self._kept += len(nodes)
        return found

    def _entered(self, state: _State, after: int) -> Set[_Node]:
        """Return the nodes that can be passed at a place in the text, given what is after it."""
        if self._asserting.isdisjoint(state.nodes):
            return state.nodes
        before = state.before
        return set(_reached(list(state.nodes), lambda assertion: HOLDS[assertion](before, after)))

    def _forget(self) -> None:
        for state in self._states.values():
            state.clear()
            state.by_group.clear()
        self._states.clear()
        self._takers.clear()
        self._kept = 0


def _never(assertion: Assertion) -> bool:
    return False


def _reached(waiting: list[_Node], holds: Callable[[Assertion], bool]) -> list[_Node]:
    """Return the nodes, except the free ones, that are reached without a character.

    Args:
        waiting: the nodes to begin from.
        holds: decides whether an assertion may be passed.
    """
    seen: set[_Node] = set()
    found: list[_Node] = []
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.chars is not None or not node.out:
            found.append(node)
            continue
        if node.assertion is not None:
            found.append(node)
            if not holds(node.assertion):
                continue
        waiting += node.out
    return found
