"""A limit on the lines that appear without having been asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

READABLE = 50
"""Lines a second that a person can follow; more are left out, and counted."""

_BURST = 100
"""Lines that may come at once before `READABLE` applies."""

_REPORT_SECONDS = 1.0
"""How long lines that are left out are counted before the number is reported."""


class FloodLimit:
    """Decides which lines are shown, and reports how many were left out.

    Args:
        report: called with the number of lines left out since the last report.

    Attributes:
        left_out: how many lines were left out so far.
    """

    def __init__(self, report: Callable[[int], None]) -> None:
        self.left_out = 0
        self._report = report
        self._loop = asyncio.get_running_loop()
        self._allowance = float(_BURST)
        self._allowed_at = self._loop.time()
        self._unreported = 0
        self._timer: asyncio.TimerHandle | None = None

    def allows(self) -> bool:
        """Return whether one more line may be shown now; count it as left out if not."""
        now = self._loop.time()
        self._allowance = min(_BURST, self._allowance + (now - self._allowed_at) * READABLE)
        self._allowed_at = now
        if self._allowance < 1:
            self.leave_out(1)
            return False
        self._allowance -= 1
        return True

    def leave_out(self, lines: int) -> None:
        """Count lines that are left out."""
        self.left_out += lines
        self._unreported += lines
        if self._timer is None:
            self._timer = self._loop.call_later(_REPORT_SECONDS, self.flush)

    def flush(self) -> None:
        """Report at once what was left out, if anything was."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            unreported, self._unreported = self._unreported, 0
            self._report(unreported)
