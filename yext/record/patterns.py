"""Patterns that operators type: wildcards, and regular expressions that take linear time.

Python's `re` backtracks: ``(a+)+$`` typed by an operator would hold the engine up for as long
as it likes. The expressions here become an automaton (K. Thompson, "Regular Expression Search
Algorithm", 1968), whose states are built when they are first needed and kept within bounds:
a text costs one step a character, whatever the expression.

What is understood: literals, ``.``, ``[a-z]``, ``[^a-z]``, ``\\d \\w \\s`` and their capitals,
``^``, ``$``, groups, ``|``, and ``* + ? {m} {m,} {m,n}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from yext.errors import FilterError

LONGEST_PATTERN = 256
"""Characters of a regular expression."""

LONGEST_TEXT = 1024
"""Characters of a text that a regular expression looks at; more are not seen."""

_MOST_NODES = 256
_MOST_KEPT = 4096

Matcher = Callable[[str], bool]


def wildcard(pattern: str) -> Matcher:
    """Whether a whole text is `pattern`, in which ``*`` stands for any text and ``?`` for any
    character; the time is linear for each star."""
    if "*" not in pattern and "?" not in pattern:
        return pattern.__eq__
    first, *rest = [re.escape(part).replace(r"\?", ".") for part in pattern.split("*")]
    if not rest:
        source = first
    else:
        # The first place where a part fits is as good as any later one, so no way back is
        # kept (an atomic group), but for the last part, which must be at the end.
        middle = "".join(f"(?>.*?{part})" for part in rest[:-1] if part)
        source = f"{first}{middle}.*{rest[-1]}"
    compiled = re.compile(source, re.DOTALL)
    return lambda text: compiled.fullmatch(text) is not None


class _Chars:
    """A set of characters: ranges of code points, perhaps all but those."""

    __slots__ = ("negated", "ranges")

    def __init__(self, ranges: Iterable[tuple[int, int]], negated: bool = False) -> None:
        self.ranges = tuple(ranges)
        self.negated = negated

    def __contains__(self, char: str) -> bool:
        code = ord(char)
        return any(low <= code <= high for low, high in self.ranges) is not self.negated


_DIGIT = ((48, 57),)
_WORD = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE = ((9, 13), (32, 32))
_CLASSES = {
    "d": _Chars(_DIGIT),
    "D": _Chars(_DIGIT, True),
    "w": _Chars(_WORD),
    "W": _Chars(_WORD, True),
    "s": _Chars(_SPACE),
    "S": _Chars(_SPACE, True),
}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r"}
_ANY = _Chars((), True)


class _Node:
    """A node of the automaton: takes a character of `chars`, or none; leads to `out`.

    `anchor` is ``^`` or ``$`` for a node that may only be passed there.
    """

    __slots__ = ("anchor", "chars", "out")

    def __init__(self, chars: _Chars | None = None, anchor: str = "") -> None:
        self.chars = chars
        self.anchor = anchor
        self.out: list[_Node] = []


class _Part:
    """A piece of the automaton with one way in and one way out."""

    __slots__ = ("end", "start")

    def __init__(self, start: _Node, end: _Node) -> None:
        self.start = start
        self.end = end


class _Parser:
    """Makes the automaton of an expression; raises `FilterError` with the place of a mistake."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.nodes = 0

    def parse(self) -> _Part:
        if len(self.pattern) > LONGEST_PATTERN:
            raise self.mistake(f"more than {LONGEST_PATTERN} characters", LONGEST_PATTERN)
        part = self.choice()
        if self.at < len(self.pattern):
            raise self.mistake("nothing to close here")
        return part

    def mistake(self, text: str, at: int | None = None) -> FilterError:
        return FilterError(self.pattern, self.at if at is None else at, text)

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def node(self, chars: _Chars | None = None, anchor: str = "") -> _Node:
        self.nodes += 1
        if self.nodes > _MOST_NODES:
            raise self.mistake("the expression is too large from here on")
        return _Node(chars, anchor)

    def single(self, chars: _Chars | None = None, anchor: str = "") -> _Part:
        start, end = self.node(chars, anchor), self.node()
        start.out.append(end)
        return _Part(start, end)

    def choice(self) -> _Part:
        parts = [self.sequence()]
        while self.peek() == "|":
            self.at += 1
            parts.append(self.sequence())
        if len(parts) == 1:
            return parts[0]
        start, end = self.node(), self.node()
        for part in parts:
            start.out.append(part.start)
            part.end.out.append(end)
        return _Part(start, end)

    def sequence(self) -> _Part:
        start = end = self.node()
        while self.peek() not in ("", "|", ")"):
            part = self.repeated()
            end.out.append(part.start)
            end = part.end
        return _Part(start, end)

    def repeated(self) -> _Part:
        begin = self.at
        part = self.atom()
        bounds = self.bounds()
        if bounds is None:
            return part
        end = self.at
        part = self.copies(part, begin, bounds)
        # A lazy repetition finds no more and no less than a greedy one.
        self.at = end + self.pattern.startswith("?", end)
        return part

    def bounds(self) -> tuple[int, int | None] | None:
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if self.peek() in simple:
            self.at += 1
            return simple[self.pattern[self.at - 1]]
        found = _BOUNDS.match(self.pattern, self.at)
        if found is None:
            return None
        low = int(found[1])
        high = int(found[3]) if found[3] else None if found[2] else low
        if high is not None and high < low:
            raise self.mistake("the second number is less than the first")
        self.at = found.end()
        return low, high

    def copies(self, part: _Part, begin: int, bounds: tuple[int, int | None]) -> _Part:
        """`part` as often as `bounds` say; a further copy is read again from `begin`."""
        low, high = bounds
        start = end = self.node()
        wanted = max(low, 1) if high is None else high
        for count in range(wanted):
            if count:
                self.at = begin
                part = self.atom()
            if count >= low:
                skip = self.node()
                end.out += [part.start, skip]
                part.end.out.append(skip)
                end = skip
            else:
                end.out.append(part.start)
                end = part.end
            if high is None and count == wanted - 1:
                part.end.out.append(part.start)
        return _Part(start, end)

    def atom(self) -> _Part:
        char = self.peek()
        if char in ("*", "+", "?") or _BOUNDS.match(self.pattern, self.at):
            raise self.mistake("nothing to repeat here")
        self.at += 1
        if char == "(":
            return self.group()
        if char == "[":
            return self.single(self.bracket())
        if char in ("^", "$"):
            return self.single(anchor=char)
        if char == ".":
            return self.single(_ANY)
        if char == "\\":
            return self.single(self.escape())
        return self.single(_Chars(((ord(char), ord(char)),)))

    def group(self) -> _Part:
        begin = self.at - 1
        if self.pattern.startswith("?:", self.at):
            self.at += 2
        elif self.peek() == "?":
            raise self.mistake("only (…) and (?:…) are understood")
        part = self.choice()
        if self.peek() != ")":
            raise self.mistake("this is not closed", begin)
        self.at += 1
        return part

    def escape(self) -> _Chars:
        char = self.peek()
        if not char:
            raise self.mistake("nothing follows the backslash", self.at - 1)
        self.at += 1
        if char in _CLASSES:
            return _CLASSES[char]
        if char.isalnum() and char not in _CONTROLS:
            raise self.mistake(f"\\{char} is not understood", self.at - 2)
        code = ord(_CONTROLS.get(char, char))
        return _Chars(((code, code),))

    def bracket(self) -> _Chars:
        begin = self.at - 1
        negated = self.peek() == "^"
        self.at += negated
        ranges: list[tuple[int, int]] = []
        first = True
        while first or self.peek() != "]":
            first = False
            low = self.bracket_item(begin)
            if low.negated or len(low.ranges) != 1 or not self.range_follows():
                if low.negated:
                    raise self.mistake("not understood in brackets", self.at - 2)
                ranges += low.ranges
                continue
            self.at += 1
            high = self.bracket_item(begin)
            if high.negated or high.ranges[0][0] < low.ranges[0][0]:
                raise self.mistake("this range is empty", self.at - 1)
            ranges.append((low.ranges[0][0], high.ranges[0][1]))
        self.at += 1
        return _Chars(ranges, negated)

    def range_follows(self) -> bool:
        return self.peek() == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("", "]")

    def bracket_item(self, begin: int) -> _Chars:
        char = self.peek()
        if not char:
            raise self.mistake("this is not closed", begin)
        self.at += 1
        return self.escape() if char == "\\" else _Chars(((ord(char), ord(char)),))


_BOUNDS = re.compile(r"\{(\d{1,4})(,?)(\d{0,4})\}", re.ASCII)

_State = frozenset[_Node]


class Regex:
    """A compiled expression. Raises `FilterError` for one that is not understood."""

    def __init__(self, pattern: str) -> None:
        part = _Parser(pattern).parse()
        self._goal = part.end
        self._again = self._reached([part.start], "")
        self._first = self._reached([part.start], "^")
        self._next: dict[tuple[_State, str], _State] = {}

    def __call__(self, text: str) -> bool:
        """Whether the expression fits anywhere in the first `LONGEST_TEXT` characters."""
        state, goal, following = self._first, self._goal, self._next
        for char in text[:LONGEST_TEXT]:
            if goal in state:
                return True
            after = following.get((state, char))
            if after is None:
                after = self._step(state, char)
            state = after
        if goal in state:
            return True
        at_start = "" if text else "^"
        return goal in self._reached(state, at_start + "$")

    def _step(self, state: _State, char: str) -> _State:
        taken = [
            following
            for node in state
            if node.chars is not None and char in node.chars
            for following in node.out
        ]
        after = self._reached(taken, "") | self._again
        if len(self._next) >= _MOST_KEPT:
            self._next.clear()
        self._next[state, char] = after
        return after

    @staticmethod
    def _reached(nodes: Iterable[_Node], anchors: str) -> _State:
        """The nodes that are reached from `nodes` without taking a character."""
        found: set[_Node] = set()
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                if node.chars is None and (not node.anchor or node.anchor in anchors):
                    waiting += node.out
        return frozenset(found)
