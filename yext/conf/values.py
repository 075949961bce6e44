"""What a text of a configuration file means: booleans, integers, ``${parameters}``.

The rules are Yate's, as its recorded answers show them; the limits of an integer and the
order of the steps in a replacement were read off Yate's documentation of its String and
NamedList classes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from yext.wire import BOOLEANS

BLANKS = " \t"
"""What is trimmed around names and values: nothing else counts as a blank."""

INT_MIN, INT_MAX = -(2**31), 2**31 - 1

_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))")
_BASES = (16, 8, 10)
# More digits than any 32 bit number has in any base; longer ones are not even converted.
_MAX_DIGITS = 12


def parse_bool(text: str) -> bool | None:
    """The boolean that `text` is a word for, None where it is no such word.

    True: true yes on enable t; False: false no off disable f; lower case only, no digits.
    """
    return BOOLEANS.get(text)


def is_number(text: str) -> bool:
    """Whether `text` is written as an integer, however large."""
    return _NUMBER.fullmatch(text) is not None


def parse_int(text: str) -> int | None:
    """The integer that `text` is, None where it is none.

    Read as C's strtol does with base 0: decimal, ``0x`` hexadecimal, a leading 0 octal,
    blanks allowed in front but not behind. A number that does not lie strictly between
    the least and the largest 32 bit integer is none, as in Yate.
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
    """`value`, or the limit that it passes; None is no limit."""
    if low is not None and value < low:
        return low
    if high is not None and value > high:
        return high
    return value


def replace_params(text: str, params: Mapping[str, str]) -> str:
    """`text` with each ``${name}`` replaced by `params[name]`.

    ``${name$default}`` gives the default where there is no such parameter, ``${name}``
    then gives nothing. Blanks around name and default do not count. What was put in is
    not looked at again. From a ``${`` without ``}`` on the text stays as it is.
    """
    parts: list[str] = []
    done = 0
    while (start := text.find("${", done)) >= 0 and (end := text.find("}", start + 2)) >= 0:
        name, _, default = text[start + 2 : end].strip(BLANKS).partition("$")
        parts += text[done:start], params.get(name.strip(BLANKS), default.strip(BLANKS))
        done = end + 1
    return "".join(parts) + text[done:]


def skip_word(text: str, word: str) -> str | None:
    """What follows `word` where `text` begins with it as a word of its own, else None."""
    if not text.startswith(word):
        return None
    rest = text[len(word) :]
    if rest and rest[0] not in _WORD_BREAKS:
        return None
    return rest.lstrip(_WORD_BREAKS)


_WORD_BREAKS = " \t\n"
