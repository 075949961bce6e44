"""Texts as Yate's C++ sees them: bytes, without meaning beyond ASCII.

A rule counts, cuts and matches bytes. Inside the router a text that is not ASCII has a character
for each of its bytes, so that all of that is plain Python; see `inner` and `outer`.
"""

from __future__ import annotations

import re
from typing import Final

BREAKS: Final = " \t\r\n"
"""What ends a word of a rule."""

BLANKS: Final = " \t"
"""What is trimmed from texts."""

_INTEGER: Final = re.compile(r"[ \t\n\v\f\r]*([+-]?)(0[xX](?=[0-9a-fA-F])|0)?([0-9a-fA-F]*)\Z")
_DIGITS: Final = {8: "01234567", 10: "0123456789", 16: "0123456789abcdefABCDEF"}
_LARGEST: Final = 0x7FFFFFFF

TRUE: Final = frozenset(("true", "yes", "on", "enable", "t"))
FALSE: Final = frozenset(("false", "no", "off", "disable", "f"))


def inner(text: str) -> str:
    """Return a text with a character for each byte of its UTF-8 form."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    except UnicodeEncodeError:  # Half a character, which Python code alone can have made.
        return text.encode("utf-8", "replace").decode("latin-1")


def outer(text: str) -> str:
    """Undo `inner`; bytes that are not UTF-8 become surrogate escapes."""
    if text.isascii():
        return text
    return text.encode("latin-1").decode("utf-8", "surrogateescape")


def trim(text: str) -> str:
    """Return `text` without blanks and tabs around it."""
    return text.strip(BLANKS)


def shown(text: str) -> str:
    """Return a text as Yate's log has it, where an empty one is none."""
    return text or "(null)"


def skip_word(text: str, word: str) -> str | None:
    """Return what follows `word` and the blanks after it, None if `text` begins otherwise."""
    if not text.startswith(word):
        return None
    rest = text[len(word) :]
    if rest and rest[0] not in BREAKS:
        return None
    return rest.lstrip(BREAKS)


def first_word(text: str) -> tuple[str, str]:
    """Return the first word of a text that begins with one, and what follows its blanks."""
    for at, char in enumerate(text):
        if char in BREAKS:
            return text[:at], text[at:].lstrip(BREAKS)
    return text, ""


def integer(
    text: str,
    default: int = 0,
    base: int = 0,
    *,
    low: int = -_LARGEST,
    high: int = _LARGEST,
    clamp: bool = False,
) -> int:
    """Return a text as a number of 32 bits, as C's ``strtol`` reads it.

    Args:
        text: the text.
        default: the result for what is no number or out of range.
        base: 10, or 0 for a base by prefix: 0x is hexadecimal, 0 is octal.
        low, high: the least and the largest result.
        clamp: whether a number beyond these becomes the nearer one.
    """
    found = _INTEGER.match(text)
    if found is None:
        return default
    sign, prefix, digits = found[1], found[2] or "", found[3]
    if base:
        digits = f"{prefix}{digits}"
    elif prefix:
        base = 8 if prefix == "0" else 16
        digits = digits or prefix[0]
    else:
        base = 10
    if not digits or any(digit not in _DIGITS[base] for digit in digits):
        return default
    value = int(digits, base) if len(digits) < 40 else _LARGEST
    value = -value if sign == "-" else value
    if abs(value) >= _LARGEST:
        return default
    if low <= value <= high:
        return value
    return (low if value < low else high) if clamp else default


def boolean(text: str, default: bool = False) -> bool:
    """Return a text as a boolean, `default` for what is none."""
    return True if text in TRUE else False if text in FALSE else default


def wrapped(value: int) -> int:
    """Return a number as 32 bits hold it."""
    return (value + 0x80000000) % 0x100000000 - 0x80000000


def quotient(value: int, divisor: int) -> int:
    """Return `value` by `divisor` as C divides, towards 0; 0 if that is by 0."""
    if not divisor:
        return 0
    found = abs(value) // abs(divisor)
    return found if (value < 0) == (divisor < 0) else -found


def remainder(value: int, divisor: int) -> int:
    """Return what remains of `value` by `divisor`, with the sign of the former; 0 by 0."""
    return value - divisor * quotient(value, divisor) if divisor else 0
