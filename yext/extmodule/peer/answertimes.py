"""How long peers take to answer, for the metrics."""

from __future__ import annotations

from yext.extmodule.peer.pending import NEVER
from yext.measures.histogram import Histogram


class AnswerTimes:
    """Times from a message to its answer, for the peers of one name.

    Messages that were sent in one turn of the loop have the same deadline, and answers that come
    in one read the same time: such a run of answers is counted as one, as each message would take
    several percent longer otherwise. Answers that may take any time have no deadline, and are not
    timed.

    Attributes:
        histogram: the times.
        deadline: the deadline of the present run.
        run: the answers of the present run.
    """

    __slots__ = ("_now", "_timeout", "deadline", "histogram", "run")

    def __init__(self) -> None:
        self.histogram = Histogram()
        self.deadline = NEVER
        self.run = 0
        self._timeout = self._now = 0.0

    def reading(self, now: float) -> None:
        """Note that answers come at `now`, by the loop's clock."""
        self.settle()
        self._now = now

    def begin(self, deadline: float, timeout: int) -> None:
        """Begin a run with one answer.

        Args:
            deadline: when it was due, by the loop's clock.
            timeout: how long before it was asked for, in milliseconds.
        """
        self.settle()
        self.deadline, self.run = deadline, 1
        self._timeout = timeout / 1000

    def settle(self) -> None:
        """End the present run."""
        if self.run and self.deadline < NEVER:
            self.histogram.add(self._now - (self.deadline - self._timeout), self.run)
        self.run = 0
        self.deadline = NEVER
