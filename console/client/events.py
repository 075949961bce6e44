"""Lines of a remote engine's output as events.

Source: the recordings in tests/conformance/vectors/rmanager (rm_7_output_debug).
"""

from __future__ import annotations

import re

from yext.log import LEVEL_NAMES, NOTE, Event, EventKind

_STAMP = re.compile(r"\d{4}-\d\d-\d\d_\d\d:\d\d:\d\d\.\d{6} ")
_SOURCE = re.compile(r"<([^>]*):([^:>]*)> (.*)")


def is_stamped(line: str) -> bool:
    """True if `line` begins with a time, as each line of a log does."""
    return _STAMP.match(line) is not None


def event_of(line: str) -> Event | None:
    """Parse ``TIME TEXT`` or ``TIME <SOURCE:LEVEL> TEXT``; return None for any other line."""
    stamp = _STAMP.match(line)
    if stamp is None:
        return None
    text = line[stamp.end() :]
    found = _SOURCE.match(text)
    if found is not None and found[2] in LEVEL_NAMES:
        return Event(EventKind.DEBUG, found[3], LEVEL_NAMES.index(found[2]), found[1])
    if found is not None and found[2] == "stderr":
        return Event(EventKind.STDERR, found[3], NOTE, found[1])
    return Event(EventKind.OUTPUT, text)
