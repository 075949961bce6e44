"""The audit of what peers start and stop by commands: a line in the log for each."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

from yext.command import FAILED
from yext.dispatcher import Dispatch
from yext.log import safe

audit = logging.getLogger("yext.audit")

_ACTS = re.compile(
    r"\s*(external\s+(?!(info|show|why|log|audio)\b)\S|reload\b|restart\b|stop\b"
    r"|module\s+(load|unload|reload)\b)"
)
"""Command lines that start or stop something."""


def acts(line: str) -> bool:
    """Return True for a command line that starts or stops something."""
    return _ACTS.match(line) is not None


_PARAMETER = re.compile(r"""([^\s=]+)=(?=\S)""")


class PeerAudit:
    """A watcher of ``engine.command`` that logs what peers have had carried out.

    What a session has asked for is left to the session's own audit.

    Args:
        is_secret: True for the name of a parameter whose value is a password.
    """

    label = ""
    """No name: the engine's own watcher is not listed."""

    def __init__(self, is_secret: Callable[[str], bool]) -> None:
        self._is_secret = is_secret

    def notice(self, dispatch: Dispatch) -> None:
        """Log a command of a peer, whether it was understood, and what came of it."""
        message, sender = dispatch.message, dispatch.sender
        line = message.get("line")
        if sender is None or sender is message.commander or not acts(line):
            return
        outcome = "ok" if dispatch.handled else "failed: unknown command"
        if FAILED in message:
            outcome = f"failed: {message[FAILED]}"
        audit.info("audit peer %s: %s: %s", safe(sender.label), safe(self._hide(line)), outcome)

    def _hide(self, line: str) -> str:
        """Return `line` up to the first value of a secret parameter."""
        for found in _PARAMETER.finditer(line):
            if self._is_secret(found[1]):
                return f"{line[: found.end()]}***"
        return line
