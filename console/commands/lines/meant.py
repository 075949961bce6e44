"""What may have been meant by a command line that has failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from yext.conf.options import nearest

_WORDS_MAX = 5
"""Words of a line that are looked at."""

_CONTINUED = ("/", "=", ":")
"""Ends of offered words that are beginnings."""


async def meant(line: str, offered: Callable[[str], Awaitable[Collection[str]]]) -> str:
    """Return `line` with the first word mended that nothing offers, empty if none is similar.

    The first word is left alone: whoever carries out commands knows the others.

    Args:
        line: the command line.
        offered: returns the words that may come after a line that ends in a blank.
    """
    words = line.split()[:_WORDS_MAX]
    for at, word in enumerate(words[1:], 1):
        known = await offered(f"{' '.join(words[:at])} ")
        if not known:
            return ""  # From here on the line is free.
        begun = tuple(one for one in known if one.endswith(_CONTINUED))
        if word in known or word.startswith(begun):
            continue
        mended = _mended(word, known)
        return " ".join([*words[:at], mended, *line.split()[at + 1 :]]) if mended else ""
    return ""


def _mended(word: str, known: Collection[str]) -> str:
    """Return the similar word of `known`, empty if there is none.

    One that differs in its number is another one, and a driver is not a mistyped channel.
    """
    for end in _CONTINUED:
        head, found, rest = word.partition(end)
        near = nearest(head, [one[:-1] for one in known if one.endswith(end)]) if found else []
        if near:
            return f"{near[0]}{end}{rest}"
    same_kind = [one for one in known if ("/" in one) == ("/" in word)]
    near = [one for one in nearest(word, same_kind) if _unnumbered(one) != _unnumbered(word)]
    return near[0] if near else ""


def _unnumbered(word: str) -> str:
    return word.strip("0123456789")
