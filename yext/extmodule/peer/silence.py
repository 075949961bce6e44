"""The messages that a peer did not answer in time."""

from __future__ import annotations

import time

_NAMES = 3
"""How many names of messages are kept for a report."""


class Silence:
    """Counts the messages that a peer did not answer in time.

    Attributes:
        total: their number since the peer connected.
        count: their number since its last answer in time.
        since: when the first of those was sent, in seconds since 1970.
        names: some names of those.
        reported: when they were last reported, in seconds since 1970; 0 if they were not.
        answers: how many answers in time there were when the last one was overdue.
    """

    __slots__ = ("answers", "count", "names", "reported", "since", "total")

    def __init__(self) -> None:
        self.total = self.count = 0
        self.since = self.reported = 0.0
        self.names: list[str] = []
        self.answers = -1

    def add(self, name: str, timeout: float, answers: int) -> None:
        """Count a message.

        Args:
            name: its name.
            timeout: how long its answer was waited for, in seconds.
            answers: how many answers in time there have been.
        """
        if answers != self.answers:
            self.count, self.names, self.reported = 0, [], 0.0
            self.since = time.time() - timeout
            self.answers = answers
        self.total += 1
        self.count += 1
        if name not in self.names:
            self.names = [*self.names[: _NAMES - 1], name]

    def describe(self) -> str:
        """Return ``has not answered 3 messages in 12 s (user.auth)``."""
        messages = "a message" if self.count == 1 else f"{self.count:,} messages"
        return f"has not answered {messages} in {self.seconds()} s ({', '.join(self.names)})"

    def seconds(self) -> int:
        """Return the time since the first of them was sent, in whole seconds."""
        return round(time.time() - self.since)
