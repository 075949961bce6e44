"""What differs between the record and a replay."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from yext.record.journey import Change, Journey, Step, StepResult, changes

IGNORED = frozenset({"handlers"})
"""Parameters that are not compared: the tracking parameter names the modules of an engine."""


class Part(StrEnum):
    """The part of a message that differs, where that is no parameter."""

    OUTCOME = "outcome"
    NAME = "name"
    RETVALUE = "retvalue"


class Difference(NamedTuple):
    """A part of a message that differs.

    Attributes:
        part: the part, or ``param``.
        name: the parameter, empty for the other parts.
        before: what the record has, None for nothing.
        after: what came in the replay, None for nothing.
    """

    part: str
    name: str
    before: str | None
    after: str | None


class State(NamedTuple):
    """A message at some place of its way.

    Attributes:
        name, retvalue: its name and its return value.
        params: its parameters.
    """

    name: str
    retvalue: str
    params: Mapping[str, str]

    def after(self, step: Step) -> State:
        """Return the message after a handler."""
        params = dict(self.params)
        for change in step.changes:
            if change.after is None:
                params.pop(change.name, None)
            else:
                params[change.name] = change.after
        retvalue = self.retvalue if step.retvalue is None else step.retvalue
        return State(step.renamed or self.name, retvalue, params)


class Ids:
    """The ids that a script makes up anew in each run, of its process id for example.

    Attributes:
        learned: the ids in the replay, by those in the record.
    """

    def __init__(self) -> None:
        self.learned: dict[str, str] = {}
        self._back: dict[str, str] = {}

    def learn(self, recorded: Mapping[str, str], came: Mapping[str, str], name: str) -> None:
        """Take the value of a parameter for the same id, if neither is known as another one."""
        before, after = recorded.get(name), came.get(name)
        if not before or not after or before == after:
            return
        if before not in self.learned and after not in self._back:
            self.learned[before] = after
            self._back[after] = before

    def given(self, state: State) -> State:
        """Return a recorded message with the ids of the replay."""
        return self._changed(state, self.learned)

    def recorded(self, state: State) -> State:
        """Return a message of the replay with the ids of the record."""
        return self._changed(state, self._back)

    @staticmethod
    def _changed(state: State, ids: Mapping[str, str]) -> State:
        if not ids:
            return state
        return state._replace(
            params={name: ids.get(value, value) for name, value in state.params.items()}
        )


class SentPair(NamedTuple):
    """A message of the script's own.

    Attributes:
        recorded: the one in the record, None if there is none.
        sent: the one in the replay, None if it was not sent.
    """

    recorded: State | None
    sent: State | None

    def differences(self) -> list[Difference]:
        """Return what differs in its parameters; nothing if one of the two is missing."""
        if self.recorded is None or self.sent is None:
            return []
        return compare(self.recorded, self.sent)

    @property
    def same(self) -> bool:
        """Whether both are there, and equal."""
        both = self.recorded is not None and self.sent is not None
        return both and not self.differences()


@dataclass
class Replayed:
    """What came of one message that was given to the script.

    Attributes:
        journey: the recorded message; None for what the script does by itself.
        differences: what differs in the answer.
        sent: its own messages meanwhile.
        error: why the message could not be given, empty if it was.
    """

    journey: Journey | None
    differences: list[Difference] = field(default_factory=list)
    sent: list[SentPair] = field(default_factory=list)
    error: str = ""

    @property
    def same(self) -> bool:
        """Whether everything is as in the record."""
        return not (self.error or self.differences) and all(pair.same for pair in self.sent)


def compare(before: State, after: State, start: State | None = None) -> list[Difference]:
    """Return what differs between two messages.

    Args:
        before: as in the record.
        after: as in the replay.
        start: the message at its start, if the record is that of a Yate, which does not say that
            a parameter was removed; None otherwise.
    """
    found = []
    if before.name != after.name:
        found.append(Difference(Part.NAME, "", before.name, after.name))
    if before.retvalue != after.retvalue:
        found.append(Difference(Part.RETVALUE, "", before.retvalue, after.retvalue))
    found += [
        Difference("param", change.name, change.before, change.after)
        for change in changes(before.params, after.params)
        if change.name not in IGNORED and not _is_unsaid(change, start)
    ]
    return found


def _is_unsaid(change: Change, start: State | None) -> bool:
    """Return True if the record would not show the removal of a parameter."""
    return (
        start is not None
        and change.after is None
        and change.before == start.params.get(change.name)
    )


def is_measured(step: Step) -> bool:
    """Return True if it is known what the handler changed, and not only that it was asked."""
    return not math.isnan(step.took)


def outcome_of(result: StepResult) -> str:
    """Return the outcome for a script in words."""
    if result in (StepResult.HANDLED, StepResult.ASKED):
        return "handled"
    return "not handled" if result is StepResult.PASSED else str(result)
