"""A message at the end of its dispatch, and what a test says about it."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Protocol

from yext.dispatcher import Dispatch
from yext.message import Message
from yext.record.journey import Journey, Outcome
from yext.testing.kit.story import Storyteller, difference

__tracebackhide__ = True  # pytest shows no frame of this file.

RETVALUE = "retvalue"
"""How the return value is called among the parameters."""


class Answer:
    """A message at the end of its dispatch.

    Attributes:
        name, retvalue, params: the message at the end; ``answer["called"]`` is a parameter.
        handled: whether a handler handled it.
        journey: what it went through.
    """

    def __init__(
        self, handled: bool, message: Message, journey: Journey | None, teller: Storyteller
    ) -> None:
        self.handled = handled
        self.name = message.name
        self.retvalue = message.retvalue
        self.params = dict(message.params)
        self.journey = journey
        self._teller = teller

    @classmethod
    def of(cls, dispatch: Dispatch, teller: Storyteller) -> Answer:
        """Make the answer of a dispatch that is over, or about to be."""
        journey = dispatch.journey
        recorded = journey if isinstance(journey, Journey) else None
        return cls(dispatch.handled, dispatch.message, recorded, teller)

    @property
    def by(self) -> str:
        """The script or stub that handled it, empty for none."""
        return self.journey.handled_by if self.journey is not None else ""

    @property
    def seconds(self) -> float:
        """How long its dispatch took, in real seconds."""
        return self.journey.took if self.journey is not None else 0.0

    def __getitem__(self, name: str) -> str:
        return self.params[name]

    def __repr__(self) -> str:
        return f"<{self.name} {self._outcome()}, retvalue={self.retvalue!r}, {self.params}>"

    def _outcome(self) -> str:
        if self.handled:
            return f"handled by {self.by}".rstrip()
        journey = self.journey
        if journey is not None and journey.outcome is not Outcome.NOT_HANDLED:
            return f"not handled: {journey.by} {_FAILED[journey.outcome]}"
        return "not handled"

    def assert_handled(
        self, by: str | None = None, retvalue: str | None = None, **params: str
    ) -> Answer:
        """Check that it was handled.

        Args:
            by: the script that must have handled it.
            retvalue: its return value.
            params: parameters that it must have at the end, with their values.

        Returns:
            The answer itself.
        """
        wanted = ({} if retvalue is None else {RETVALUE: retvalue}) | params
        wrong = difference(wanted, {RETVALUE: self.retvalue} | self.params)
        if self.handled and (by is None or is_by(self.by, by)) and not wrong:
            return self
        parts = [f"{self.name} handled", *([f"by {by}"] if by is not None else [])]
        parts += [f"{name}={value}" for name, value in wanted.items()]
        raise self._failure(" ".join(parts), [self._outcome(), *(wrong if self.handled else [])])

    def assert_not_handled(self) -> Answer:
        """Check that nobody handled it, and nobody failed to answer either."""
        if self.handled or (self.journey and self.journey.outcome is not Outcome.NOT_HANDLED):
            came = [self._outcome(), f"  retvalue {self.retvalue}"]
            raise self._failure(f"{self.name} not handled", came)
        return self

    def _failure(self, expected: str, came: list[str]) -> AssertionError:
        return self._teller.failure(expected, came, self.journey)


_FAILED: Mapping[Outcome, str] = {
    Outcome.TIMED_OUT: "did not answer in time",
    Outcome.LATE: "answered too late",
    Outcome.GONE: "ended before it answered",
}


def is_by(owner: str, by: str) -> bool:
    """Return True if the handler `owner` is the one that a test calls `by`."""
    return by in (owner, _name(owner)) or owner == _name(by)


def _name(path: str) -> str:
    return path.rpartition("/")[2]


class Runner(Protocol):
    """What an answer that is still to come needs of its engine."""

    def answer_of(self, sent: Sent, within: float | None) -> Answer:
        """Wait for the answer to a message."""


class Sent:
    """A message that was sent, and not waited for.

    Attributes:
        message: the message.
        over: done at the end of its dispatch, with the answer.
    """

    def __init__(self, message: Message, over: Awaitable[Answer], runner: Runner) -> None:
        self.message = message
        self.over = over
        self._runner = runner

    def answer(self, within: float | None = None) -> Answer:
        """Wait for the end of its dispatch, at most `within` real seconds."""
        return self._runner.answer_of(self, within)
