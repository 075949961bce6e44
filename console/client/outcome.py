"""What a reply's text says of its outcome: all that the plain conversation carries of it.

The beginnings are those of Yate's replies and of yext's own, as recorded in
tests/conformance/vectors/rmanager.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from yext import Reply
from yext.command import EOL
from yext.log import safe

_FAILED = re.compile(
    r"You must specify|Could not |Cannot |No help for '|Bad authentication|Not overwriting "
    r"|Module operation failed|Module not |Module is already|Missing configuration name"
    r"|Failed to |External not running|External already running|External command failed"
    r"|Error: |Not authenticated!|Control '.*' FAILED$|Too many wrong passwords"
    r"|Starting programs is turned off|Unknown |Usage: "
)
_UNKNOWN = "Cannot understand: "
_ERRORS = {"Not authenticated!": "noauth", "Bad authentication password!": "badpass"}
_LABELLED = re.compile(r"(tried|from|near|do): (.*)")
_ERRNO = re.compile(r"\(E[A-Z0-9]+, (\d+)\)$")
_UNCHANGED = "Nothing was changed."


def reply_of(lines: Sequence[str]) -> Reply:
    """The reply that `lines` make, with the reason, errno and hint as far as they tell them."""
    if lines and lines[0].startswith("%%+status") and lines[-1] == "%%-status":
        lines = lines[1:-1]
    text = "".join(line + EOL for line in lines)
    first = lines[0] if lines else ""
    params: dict[str, str] = {}
    if first.startswith(_UNKNOWN):
        return Reply(False, text, {"reason": "unknown command"}, known=False)
    if _FAILED.match(first) is None and not (lines and lines[-1].endswith(_UNCHANGED)):
        return Reply(True, text)
    params["reason"] = safe(lines[1] if first == "External command failed" and lines[1:] else first)
    if first in _ERRORS:
        params["error"] = _ERRORS[first]
    for line in lines[1:]:
        found = _LABELLED.match(line)
        if found is not None:
            params["hint" if found[1] == "do" else found[1]] = found[2]
        elif (errno := _ERRNO.search(line)) is not None:
            params["errno"] = errno[1]
    return Reply(False, text, params)
