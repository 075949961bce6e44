"""The lines that a script writes on standard error."""

from __future__ import annotations

import time
from collections import deque
from typing import NamedTuple

from yext import log
from yext.extmodule.peer.peer import PeerHost
from yext.log import Throttle


class ErrorLine(NamedTuple):
    """A line on standard error.

    Attributes:
        when: the time at which it was read, in seconds since 1970.
        pid: the process that wrote it.
        text: the line.
    """

    when: float
    pid: int
    text: str


class ErrorLog:
    """The last lines of a script on standard error, kept over its restarts.

    Each line goes to the engine's log as well, as far as the option ``lograte`` allows.

    Args:
        host: the owner of the script.
        name: the script.
        label: the script and its parameter.

    Attributes:
        lines: the lines that are kept, oldest first.
    """

    def __init__(self, host: PeerHost, name: str, label: str) -> None:
        self.lines: deque[ErrorLine] = deque(maxlen=host.options.loglines)
        self._host = host
        self._name = name
        self._label = label
        self._throttle = Throttle(self._log_left_out)

    def add(self, pid: int, text: str) -> None:
        """Keep and log a line."""
        self.lines.append(ErrorLine(time.time(), pid, text))
        if self._throttle.passes(self._host.options.lograte):
            source = f"{self._name}[{pid}]"
            self._host.bus.log.emit(log.Event(log.EventKind.STDERR, text, log.NOTE, source))

    def written_by(self, pid: int) -> list[str]:
        """Return the lines that one process wrote and that are kept."""
        return [line.text for line in self.lines if line.pid == pid]

    def keep(self, count: int) -> None:
        """Change how many lines are kept."""
        if self.lines.maxlen != count:
            self.lines = deque(self.lines, maxlen=count)

    def follow(self, before: ErrorLog) -> None:
        """Keep the lines of an earlier process, before its own."""
        self.lines = deque([*before.lines, *self.lines], maxlen=self.lines.maxlen)

    def flush(self) -> None:
        """Log at once how many lines were left out of the log, if any were."""
        self._throttle.flush()

    def _log_left_out(self, count: int) -> None:
        self._host.debug(
            log.WARN,
            f"'{self._label}' wrote {count} more lines on standard error than lograte lets into"
            f" the log; the last ones: external log {self._label}",
        )
