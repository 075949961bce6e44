"""How a process ended, and how a script did."""

from __future__ import annotations

import signal
from typing import NamedTuple


class ExitStatus(NamedTuple):
    """How a process ended.

    Attributes:
        code: the exit status, None where a signal ended the process.
        signal: the number of that signal, None where the process exited.

    Both are None where the end is not known: the program that embeds the engine may have reaped
    the process.
    """

    code: int | None = None
    signal: int | None = None

    def describe(self) -> str:
        """Return ``exit status 1`` or ``killed by SIGKILL``."""
        if self.signal is not None:
            return f"killed by {signal_name(self.signal)}"
        return "its exit status is not known" if self.code is None else f"exit status {self.code}"


class ScriptExit(NamedTuple):
    """How a script ended.

    Attributes:
        status: the exit status of its process.
        lived: seconds from start to end.
        when: the time of the end, in seconds since 1970.
        spoke: True if the script ever spoke the protocol.
    """

    status: ExitStatus
    lived: float
    when: float
    spoke: bool


def signal_name(number: int) -> str:
    """Return the name of a signal, ``SIGKILL`` for 9; a real-time signal has only a number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
