"""The log of connections that are refused: a line for each kind, then a count."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from yext import log
from yext.log import Throttle

REPORT_SECONDS = 60.0
"""The least time between two lines about refusals of one kind."""

_KINDS_MAX = 32
"""Kinds that are told apart; what comes beyond them is one kind."""


class Refusals:
    """Reports refused connections: whoever knocks without end must not fill the log.

    Args:
        debug: logs text at a debug level.
    """

    def __init__(self, debug: Callable[[int, str], None]) -> None:
        self._debug = debug
        self._kinds: dict[str, Throttle] = {}
        self._last: dict[str, str] = {}

    def report(self, kind: str, text: str, level: int = log.WARN) -> None:
        """Log a refusal, or count it if one of its kind was logged just now.

        Args:
            kind: what refusals are counted by: the reason, without an address.
            text: the line for the log.
            level: its debug level.
        """
        if kind not in self._kinds and len(self._kinds) >= _KINDS_MAX:
            kind = ""
        throttle = self._kinds.get(kind)
        if throttle is None:
            throttle = Throttle(partial(self._count, kind, level), REPORT_SECONDS)
            self._kinds[kind] = throttle
        self._last[kind] = text
        if throttle.passes(1):
            self._debug(level, text)

    def flush(self) -> None:
        """Log what is counted."""
        for throttle in self._kinds.values():
            throttle.flush()

    def _count(self, kind: str, level: int, more: int) -> None:
        times = "once more" if more == 1 else f"{more:,} times more"
        self._debug(level, f"The same {times}; the last: {self._last[kind]}")
