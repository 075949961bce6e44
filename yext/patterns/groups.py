"""Where an expression and its groups match a text, in linear time.

The match is the leftmost one, of those the longest. Of the ways through the graph that lead to it,
the one that prefers the first of several edges sets the groups, as in GNU's C library: POSIX would
have each group as long as possible in turn, but programs get what their library does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Set

from yext.patterns.graph import Expression, Node, neighbour, reached
from yext.patterns.tokens import EDGE, HOLDS

Spans = list[tuple[int, int]]
"""Begin and end of the whole match and of each group; (-1, -1) for a group without a match."""


def find_groups(expression: Expression, text: str) -> Spans | None:
    """Return where `expression` and its groups match in `text`, None if it does not match."""
    simple = expression.simple
    if simple is not None and len(text) <= simple.longest:
        match = simple.match(text)
        return None if match is None else [match.span(n) for n in range(expression.groups + 1)]
    begin = _leftmost(expression, text)
    if begin is None:
        return None
    forward = _forward(expression, text, begin)
    end = max(at for at, nodes in enumerate(forward) if expression.goal in nodes)
    alive = _backward(expression, text, begin, forward[: end + 1])
    return _walk(expression, text, begin, alive)


def _leftmost(expression: Expression, text: str) -> int | None:
    """Return where the leftmost match begins: a thread for each node, with its earliest begin."""
    threads: dict[Node, int] = {expression.start: 0}
    best: int | None = None
    before = EDGE
    for at in range(len(text) + 1):
        after = neighbour(text, at)
        here: dict[Node, int] = {}
        for node, begin in threads.items():
            _spread(node, begin, here, before, after)
        goal = here.get(expression.goal)
        if goal is not None and (best is None or goal < best):
            best = goal
        if at == len(text) or best == 0:
            break
        code = ord(text[at])
        threads = {}
        for node, begin in here.items():
            if (best is None or begin < best) and node.chars is not None and code in node.chars:
                for following in node.out:
                    threads.setdefault(following, begin)
        if best is None:
            threads.setdefault(expression.start, at + 1)
        elif not threads:
            break
        before = after
    return best


def _spread(node: Node, begin: int, here: dict[Node, int], before: int, after: int) -> None:
    """Add what is reached from `node` without a character; the earlier begin came first."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if node in here:
            continue
        here[node] = begin
        if node.chars is None and (node.assertion is None or HOLDS[node.assertion](before, after)):
            waiting += node.out


def _forward(expression: Expression, text: str, begin: int) -> list[Set[Node]]:
    """Return the nodes that are reached at each place from `begin` on."""
    found: list[Set[Node]] = []
    nodes: list[Node] = [expression.start]
    for at in range(begin, len(text) + 1):
        here = reached(nodes, neighbour(text, at - 1), neighbour(text, at))
        found.append(here.keys())
        if at == len(text):
            break
        code = ord(text[at])
        taken = [node for node in here if node.chars is not None and code in node.chars]
        nodes = [following for node in taken for following in node.out]
        if not nodes:
            break
    return found


def _backward(
    expression: Expression, text: str, begin: int, forward: list[Set[Node]]
) -> list[Set[Node]]:
    """Return the nodes at each place from which the end of the match is reached."""
    alive: list[Set[Node]] = []
    goals: Set[Node] = {expression.goal}
    for place in range(len(forward) - 1, -1, -1):
        at = begin + place
        before, after = neighbour(text, at - 1), neighbour(text, at)
        sources: dict[Node, list[Node]] = {}
        for node in forward[place]:
            if node.chars is None and (
                node.assertion is None or HOLDS[node.assertion](before, after)
            ):
                for following in node.out:
                    sources.setdefault(following, []).append(node)
        here: set[Node] = set()
        waiting = list(goals)
        while waiting:
            node = waiting.pop()
            if node not in here:
                here.add(node)
                waiting += sources.get(node, ())
        alive.append(here)
        if place:
            code = ord(text[at - 1])
            goals = {
                node
                for node in forward[place - 1]
                if node.chars is not None and code in node.chars and not here.isdisjoint(node.out)
            }
    alive.reverse()
    return alive


def _walk(expression: Expression, text: str, begin: int, alive: list[Set[Node]]) -> Spans:
    """Take the preferred way through the nodes that are alive, and note the groups on it."""
    spans: Spans = [(-1, -1)] * (expression.groups + 1)
    kept = list(spans)
    node = expression.start
    place = 0
    passed: set[Node] = set()
    steps = 0
    while True:
        if node.group:
            spans, kept = _note(node, begin + place, spans, kept)
        if place == len(alive) - 1 and node is expression.goal:
            spans[0] = (begin, begin + place)
            return spans
        if node.chars is not None:
            place += 1
            node = node.out[0]
            passed.clear()
            steps = 0
            continue
        passed.add(node)
        candidates = [following for following in node.out if following in alive[place]]
        steps += 1
        if steps > 4 * len(alive[place]):
            node = _way_out(candidates, alive[place])
        else:
            # A loop that has matched nothing is left.
            node = candidates[len(candidates) > 1 and candidates[0] in passed]


def _way_out(begun: list[Node], alive: Set[Node]) -> Node:
    """Return the nearest node that consumes a character or is the goal: never a loop again."""
    waiting = deque(begun)
    while True:
        node = waiting.popleft()
        if node.chars is not None or not node.out:
            return node
        waiting.extend(one for one in node.out if one in alive)


def _note(node: Node, at: int, spans: Spans, kept: Spans) -> tuple[Spans, Spans]:
    """Begin or end a group; return the groups, and those as of the last that matched something."""
    number = abs(node.group)
    if node.group > 0:
        spans[number] = (at, -1)
        return spans, kept
    start = spans[number][0]
    if start < at:
        spans[number] = (start, at)
        return spans, list(spans)
    if node.optional and kept[number][0] != -1:
        # A repetition that has matched nothing counts as none.
        return list(kept), kept
    spans[number] = (start, at)
    return spans, kept
