"""The values of a configuration file: booleans, integers, ``${parameters}``.

Sources: Yate's recorded answers; for the limits of an integer and the order of the steps in a
replacement, Yate's documentation of its classes String and NamedList.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from yext.wire import BOOLEANS

BLANKS = " \t"
"""The characters that are trimmed around names and values."""

INT_MIN, INT_MAX = -(2**31), 2**31 - 1

_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))")
_BASES = (16, 8, 10)
# No 32 bit number has more digits in any base; longer ones are not even converted.
_MAX_DIGITS = 12


def parse_bool(text: str) -> bool | None:
    """Return the boolean that a word stands for, None for any other text.

    True: true yes on enable t. False: false no off disable f. Lower case only, no digits.
    """
    return BOOLEANS.get(text)


def is_number(text: str) -> bool:
    """Return True if `text` is an integer, however large."""
    return _NUMBER.fullmatch(text) is not None


def parse_int(text: str) -> int | None:
    """Return the integer that `text` is, None for any other text.

    It is read as by C's strtol with base 0: decimal, hexadecimal after ``0x``, octal after a 0.
    Blanks are allowed before it but not after it. As in Yate, the number must be greater than the
    least and less than the largest 32 bit integer.
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    sign, *spellings = found.groups()
    digits, base = next((d, b) for d, b in zip(spellings, _BASES, strict=True) if d)
    digits = digits.lstrip("0") or "0"
    if len(digits) > _MAX_DIGITS:
        return None
    value = int(sign + digits, base)
    return value if INT_MIN < value < INT_MAX else None


def clamp(value: int, low: int | None, high: int | None) -> int:
    """Return `value` within its limits; None is no limit."""
    if low is not None and value < low:
        return low
    if high is not None and value > high:
        return high
    return value


def replace_params(text: str, params: Mapping[str, str]) -> str:
    """Return `text` with each ``${name}`` replaced by `params[name]`.

    Without such a parameter, ``${name$default}`` becomes the default and ``${name}`` nothing.
    Blanks around name and default do not count. Replacements are not replaced again. From a
    ``${`` without ``}`` on the text stays as it is.
    """
    parts: list[str] = []
    done = 0
    while (start := text.find("${", done)) >= 0 and (end := text.find("}", start + 2)) >= 0:
        name, _, default = text[start + 2 : end].strip(BLANKS).partition("$")
        parts += text[done:start], params.get(name.strip(BLANKS), default.strip(BLANKS))
        done = end + 1
    return "".join(parts) + text[done:]


def skip_word(text: str, word: str) -> str | None:
    """Return the rest of `text` after `word`, None where it does not begin with that word."""
    if not text.startswith(word):
        return None
    rest = text[len(word) :]
    if rest and rest[0] not in _WORD_BREAKS:
        return None
    return rest.lstrip(_WORD_BREAKS)


_WORD_BREAKS = " \t\n"
