"""The words of a command line, as a shell reads them."""

from __future__ import annotations

import re
from functools import cache


@cache
def _piece() -> re.Pattern[str]:
    """A blank, or a part of a word: quoted in one of two ways, escaped, or plain."""
    # Not compiled at a start, which is to be quick.
    return re.compile(
        r"""(?P<blank>[ \t\r\n]++)|"(?P<double>(?:[^"\\]++|\\.)*+)"|'(?P<single>[^']*+)'"""
        r"""|\\(?P<escaped>.)|(?P<plain>[^ \t\r\n"'\\]++)""",
        re.DOTALL,
    )


@cache
def _escape_in_quotes() -> re.Pattern[str]:
    return re.compile(r"""\\(["\\])""")


def split_words(text: str) -> list[str]:
    r"""Split a line into words, as `shlex.split` does, but in linear time.

    In double quotes a backslash escapes a double quote and itself alone (POSIX.1, 2.2.3, but for
    ``$``, the backquote and the end of a line, which have no meaning here).

    Raises:
        ValueError: a quote is not closed, or nothing follows a backslash.
    """
    words: list[str] = []
    parts: list[str] | None = None
    at = 0
    while at < len(text):
        found = _piece().match(text, at)
        if found is None:
            raise ValueError("No escaped character" if text[at] == "\\" else "No closing quotation")
        at = found.end()
        if found.lastgroup == "blank":
            if parts is not None:
                words.append("".join(parts))
            parts = None
            continue
        part = found[found.lastgroup or 0]
        if found.lastgroup == "double":
            part = _escape_in_quotes().sub(r"\1", part)
        parts = [] if parts is None else parts
        parts.append(part)
    if parts is not None:
        words.append("".join(parts))
    return words
