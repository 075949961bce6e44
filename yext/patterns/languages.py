"""What expressions can match at all, and whether one matches all that another one does.

Both are searched for in the automaton of `yext.patterns.several`, within bounds: where these are
not enough, nothing is known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from yext.patterns.graph import Expression
from yext.patterns.several import Several

MOST_PLACES: Final = 2000
"""States of an automaton that are looked at."""


def example(expression: Expression) -> str | None:
    """Return a shortest text that an expression matches, None if it matches no text.

    Raises:
        LookupError: that is not known.
    """
    for text, found in _texts(Several({0: expression}), stop=1):
        if found:
            return text
    return None


def covers(wide: Expression, narrow: Expression) -> bool | None:
    """Return whether `wide` matches every text that `narrow` matches, None if not known."""
    try:
        for _, found in _texts(Several({0: narrow, 1: wide}), stop=2):
            if found == 1:
                return False
    except LookupError:
        return None
    return True


def _texts(several: Several, stop: int) -> Iterator[tuple[str, int]]:
    """Yield texts, the shorter first, so that there is one for each way through an automaton.

    Args:
        several: the automaton.
        stop: the bits of expressions after whose match a text need not be longer.

    Yields:
        A text, and the bits of the expressions that match it.

    Raises:
        LookupError: the automaton is too large.
    """
    chars = several.samples()
    seen = {(several.first, 0)}
    waiting = deque([(several.first, 0, "")])
    while waiting:
        state, found, text = waiting.popleft()
        yield text, found | several.ends_of(state)
        for char in chars:
            following = state[char]
            bits = found | following.hits
            if bits & stop:
                if stop == 1:
                    yield text + char, bits
                continue
            if (following, bits) not in seen:
                if len(seen) >= MOST_PLACES:
                    raise LookupError("the automaton is too large")
                seen.add((following, bits))
                waiting.append((following, bits, text + char))
