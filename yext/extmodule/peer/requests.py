"""The arguments of a peer's requests: ``%%>install:``, ``%%>setlocal:``, ``%%>debug:``.

What carries the requests out is the table `REQUESTS` in `peer`.

Source: Yate's docs/extmodule.html, and the recordings.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from yext import log, wire
from yext.errors import ProtocolError

DEFAULT_PRIORITY = 100

_PRIORITY = re.compile(r"\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_PRIORITY_MAX = 2147483646


class Install(NamedTuple):
    """The arguments of ``%%>install:PRIORITY:NAME[:FILTER-NAME[:FILTER-VALUE]]``."""

    priority: int
    name: str
    filter_name: str = ""
    filter_value: str = ""


def parse_install(text: str) -> Install:
    """Parse the arguments of ``%%>install:``.

    As recorded (inst_*): what is not a number counts as the default priority, what follows
    a number up to the colon is skipped, and a lone word is the name.
    """
    first, colon, rest = text.partition(":")
    priority = DEFAULT_PRIORITY
    found = _PRIORITY.match(first)
    if found is not None:
        digits = found[2]
        base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
        number = int(digits, base)
        if number <= _PRIORITY_MAX:
            priority = -number if found[1] == "-" else number
    elif not colon:
        return Install(priority, first)
    name, _, condition = rest.partition(":")
    filter_name, _, filter_value = condition.partition(":")
    unescape = wire.unescape_prefix
    return Install(priority, name, unescape(filter_name), unescape(filter_value))


def parse_setlocal(text: str) -> tuple[str, str]:
    """Parse the name and the value of ``%%>setlocal:``, the value without blanks around it.

    Raises:
        ProtocolError: there is no name, or no colon after it.
    """
    name, colon, value = text.partition(":")
    if not name or not colon:
        raise ProtocolError("setlocal needs a name and a value")
    return name, value.strip(" \t")


def parse_debug(text: str) -> tuple[int, str]:
    """Parse the level and the text, still escaped, of ``%%>debug:``.

    Raises:
        ProtocolError: there is no level, or no colon after it.
    """
    level_text, colon, rest = text.partition(":")
    if not level_text or not colon:
        raise ProtocolError("debug needs a level and a text")
    level = int(level_text) if re.fullmatch(r"-?[0-9]{1,9}", level_text) else log.ALL
    return max(log.TEST, min(level, log.ALL)), rest
