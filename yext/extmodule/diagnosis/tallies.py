"""What has happened to scripts since the engine's start, counted for the metrics."""

from __future__ import annotations

from yext.errors import StartFailure
from yext.extmodule.diagnosis.exitstatus import ExitStatus, signal_name
from yext.measures.counts import Counts


class Tallies:
    """Counts of starts that failed, of ends and restarts, and of answers that did not come.

    Attributes:
        restarts: how often scripts were started again by themselves, by script.
        ends: how often scripts have ended, by cause.
        failures: how often programs could not be started, by reason.
        timeouts: the messages that were not answered in time, by script or listener; without
            those of peers that are there.
    """

    def __init__(self) -> None:
        self.restarts = Counts()
        self.ends = Counts()
        self.failures = Counts()
        self.timeouts = Counts()

    def failed(self, failure: StartFailure) -> None:
        """Count a program that could not be started."""
        reason = failure.errno_name or "refused"
        self.failures.add(f"{reason} interpreter" if failure.interpreter else reason)

    def ended(self, status: ExitStatus, cause: str) -> None:
        """Count the end of a script.

        Args:
            status: how its process ended.
            cause: why the engine ended it, empty if it did not.
        """
        if not cause and status.signal is not None:
            cause = signal_name(status.signal)
        self.ends.add(cause or ("unknown" if status.code is None else f"exit {status.code}"))
