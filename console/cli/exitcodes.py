"""Exit codes of ``yext`` and its sub-commands."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yext import Reply

OK, FAILED, USAGE, NOT_CONNECTED, NOT_AUTHORISED, TIMED_OUT = range(6)
"""The codes that a caller can rely on."""

MEANINGS = {
    OK: "all commands succeeded",
    FAILED: "a command failed, or a script that was started ended badly",
    USAGE: "unknown command, or wrong usage of yext",
    NOT_CONNECTED: "could not connect",
    NOT_AUTHORISED: "not authorised",
    TIMED_OUT: "timed out",
}
"""What each of them says about a batch."""

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM

_BY_ERROR = {"noauth": NOT_AUTHORISED, "timeout": TIMED_OUT}
"""Codes by the ``error`` parameter of a failed reply."""


def exit_code(reply: Reply) -> int:
    """Return the exit code for one reply."""
    if reply.ok:
        return OK
    if not reply.known:
        return USAGE
    return _BY_ERROR.get(reply.params.get("error", ""), FAILED)
