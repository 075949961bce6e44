"""Texts and parameters as they are written in a transcript.

A text is written as it is where that is unmistakable, and in double quotes with JSON's escapes
otherwise. When it is read, single quotes are understood as well, without escapes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

_SPECIAL = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
"""Characters that a line cannot show: control characters, and bytes that are not UTF-8."""

_WORD: Final = re.compile(rf"[^\s\"'{_SPECIAL}][^\s{_SPECIAL}]*")
_LINE: Final = re.compile(rf"[^\s\"'{_SPECIAL}](?:[^{_SPECIAL}]*[^\s{_SPECIAL}])?")
_UNSHOWABLE: Final = re.compile(r"[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PAIR: Final = re.compile(
    r"""\s*(?P<name>[^\s=]+)=(?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|(?!["'])\S*)(?=\s|$)"""
)


def written(text: str, *, ends_line: bool = False) -> str:
    """Return `text` as it is written.

    Args:
        text: any text; bytes that are not UTF-8 are surrogate escapes.
        ends_line: whether nothing follows in the line, so that blanks are unmistakable.
    """
    if (_LINE if ends_line else _WORD).fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=bool(_UNSHOWABLE.search(text)))


def read(text: str) -> str:
    """Return the text that was written as `text`.

    Raises:
        ValueError: it begins with a quote and is not a text in quotes.
    """
    text = text.strip()
    if text.startswith("'"):
        if len(text) < 2 or text.find("'", 1) != len(text) - 1:
            raise ValueError(f"{text} is not a text in single quotes")
        return text[1:-1]
    if not text.startswith('"'):
        return text
    try:
        found = json.loads(text)
    except ValueError:
        raise ValueError(f"{text} is not a text in double quotes, with JSON's escapes") from None
    assert isinstance(found, str)
    return found


def written_params(params: Mapping[str, str]) -> str:
    """Return parameters as ``key=value`` with blanks between."""
    return " ".join(f"{name}={written(value)}" for name, value in params.items())


def read_params(text: str) -> dict[str, str]:
    """Return the parameters that were written as `text`.

    Raises:
        ValueError: a part of it is not of the form ``key=value``.
    """
    found: dict[str, str] = {}
    at = 0
    while text[at:].strip():
        pair = _PAIR.match(text, at)
        if pair is None:
            raise ValueError(f"{text[at:].strip()} is not key=value")
        found[pair["name"]] = read(pair["value"])
        at = pair.end()
    return found
