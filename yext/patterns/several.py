"""Which of many expressions match a text, found in one pass over it.

A deterministic automaton of all expressions together is built while texts are matched, and kept
within bounds: a character costs a look-up in a dictionary, however many expressions there are. A
thousand rules of a dial plan cost about what one costs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Set
from typing import Final

from yext.patterns.graph import Expression, Node, reached
from yext.patterns.tokens import EDGE, IN_WORD, OF_WORDS, OTHER, WORD, Assertion

MOST_KEPT: Final = 1 << 16
"""Entries that the deterministic automaton may keep in all."""

_BYTES: Final = 0x100
"""Texts have a character for each of their bytes."""


class State(dict[str, "State"]):
    """A state: the next one for each character met in it.

    Attributes:
        nodes: the nodes to go on from, assertions not yet passed.
        before: the kind of the character before this place.
        hits: a bit for each expression that has matched by the last character.
        ends: the same for the end of the text here, None until it is needed.
        by_group: the next state by the group of a character.
    """

    __slots__ = ("_several", "before", "by_group", "ends", "hits", "nodes")

    def __init__(self, several: Several, nodes: frozenset[Node], before: int, hits: int) -> None:
        super().__init__()
        self.nodes = nodes
        self.before = before
        self.hits = hits
        self.ends: int | None = None
        self.by_group: dict[int, State] = {}
        self._several = several

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __missing__(self, char: str) -> State:
        return self._several.follow(self, char)


class Several:
    """Finds which of several expressions match a text anywhere in it.

    Args:
        expressions: the expressions by the numbers of their bits in the result.

    Attributes:
        kept: how many entries the deterministic automaton has at present.
        first: its first state.
    """

    def __init__(self, expressions: Mapping[int, Expression]) -> None:
        self._bits = {one.goal: 1 << number for number, one in expressions.items()}
        nodes = [node for one in expressions.values() for node in one.nodes]
        self._consuming = [(node, node.chars) for node in nodes if node.chars is not None]
        self._asserting = frozenset(node for node in nodes if node.assertion is not None)
        self._knows_words = any(node.assertion in OF_WORDS for node in self._asserting)
        sets = [chars for _, chars in self._consuming] + [WORD] * self._knows_words
        ranges = {bounds for chars in sets for bounds in chars.ranges}
        self._borders = sorted({border for low, high in ranges for border in (low, high + 1)})
        self._takers: dict[int, frozenset[Node]] = {}
        self._states: dict[tuple[frozenset[Node], int, int], State] = {}
        self.kept = 0
        self._again, self._restart = self._restarting(expressions.values())
        self._again_after: dict[int, frozenset[Node]] = {}
        starts = [one.start for one in expressions.values()]
        self.first = State(self, frozenset(self._waiting(starts)), EDGE, 0)

    def _restarting(
        self, expressions: Iterable[Expression]
    ) -> tuple[frozenset[Node], frozenset[Node]]:
        """Return the nodes from which a match may begin after the first character.

        Those of expressions that begin with an assertion, the second ones, are among the nodes of
        each state. The first ones, of which there may be thousands, are not: what follows them
        depends on the character alone.
        """
        again: set[Node] = set()
        restart: set[Node] = set()
        for one in expressions:
            nodes = set(self._waiting([one.start]))
            asserting = nodes & self._asserting
            nodes -= {node for node in asserting if node.assertion is Assertion.START}
            (restart if nodes & asserting else again).update(nodes)
        return frozenset(again), frozenset(restart)

    def __call__(self, text: str) -> int:
        """Return the bits of the expressions that match in `text`."""
        state = self.first
        found = 0
        for char in text:
            state = state[char]
            if state.hits:
                found |= state.hits
            if not state.nodes and not self._again:
                return found
        return found | self.ends_of(state)

    def ends_of(self, state: State) -> int:
        """Return the bits of the expressions that match if the text ends in `state`."""
        ends = state.ends
        if ends is None:
            ends = state.ends = self._hits(self._entered(state, EDGE))
        return ends

    def samples(self) -> list[str]:
        """Return a character of each kind that the expressions tell apart."""
        borders = [0x20, *(border for border in self._borders if border < _BYTES)]
        words = [ord("a"), ord("-")] if self._knows_words else []
        return [chr(code) for code in dict.fromkeys((*borders, *words)) if code]

    def follow(self, state: State, char: str) -> State:
        """Find the state after `char` and make it known to `state`."""
        if self.kept > MOST_KEPT:
            self._forget()
        code = ord(char)
        group = bisect_right(self._borders, code)
        following = state.by_group.get(group)
        if following is None:
            following = state.by_group[group] = self._step(state, group, code)
        state[char] = following
        self.kept += 2
        return following

    def _step(self, state: State, group: int, code: int) -> State:
        kind = IN_WORD if self._knows_words and code in WORD else OTHER
        entered = self._entered(state, kind)
        begun = [node for taker in entered & self._takers_of(group, code) for node in taker.out]
        again = self._again_after.get(group)
        if again is None:
            following = [
                out for one in self._again & self._takers_of(group, code) for out in one.out
            ]
            again = self._again_after[group] = frozenset(self._waiting(following))
        nodes = frozenset(self._waiting(begun)) | again | self._restart
        hits = self._hits(entered)
        key = nodes, kind, hits
        found = self._states.get(key)
        if found is None:
            found = self._states[key] = State(self, *key)
            self.kept += len(nodes)
        return found

    def _takers_of(self, group: int, code: int) -> frozenset[Node]:
        found = self._takers.get(group)
        if found is None:
            found = frozenset(node for node, chars in self._consuming if code in chars)
            self._takers[group] = found
        return found

    def _hits(self, nodes: Iterable[Node]) -> int:
        found = 0
        for goal in self._bits.keys() & nodes:
            found |= self._bits[goal]
        return found

    @staticmethod
    def _waiting(begun: list[Node]) -> list[Node]:
        """Return what is reached without passing an assertion: those wait for the next character,
        and START is among the first nodes alone, where it holds."""
        found = reached(begun, EDGE, OTHER, pass_assertions=False)
        return [node for node in found if node.chars or node.assertion or not node.out]

    def _entered(self, state: State, after: int) -> Set[Node]:
        """Return the nodes that are reached at this place, given what is after it."""
        if self._asserting.isdisjoint(state.nodes):
            return state.nodes
        return reached(state.nodes, state.before, after).keys()

    def _forget(self) -> None:
        self.first.clear()
        self.first.by_group.clear()
        self._states.clear()
        self.kept = 0
