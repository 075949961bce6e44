"""Wildcards, with which operators name messages, parameters and scripts."""

from __future__ import annotations

import re
from collections.abc import Callable

Matcher = Callable[[str], bool]
"""Decides whether a text matches."""


def wildcard(pattern: str) -> Matcher:
    """Compile a pattern in which ``*`` stands for any text and ``?`` for any character.

    Returns:
        A function of a whole text, which takes linear time for each star.
    """
    if "*" not in pattern and "?" not in pattern:
        return pattern.__eq__
    first, *rest = [re.escape(part).replace(r"\?", ".") for part in pattern.split("*")]
    if not rest:
        source = first
    else:
        # The first place where a part fits is as good as any later one, so no way back is
        # kept (an atomic group), except for the last part, which must be at the end.
        middle = "".join(f"(?>.*?{part})" for part in rest[:-1] if part)
        source = f"{first}{middle}.*{rest[-1]}"
    compiled = re.compile(source, re.DOTALL)
    return lambda text: compiled.fullmatch(text) is not None
