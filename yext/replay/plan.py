"""What a script got in a record, and what it sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple

from yext.record.journey import Journey, Step, StepResult
from yext.replay.difference import State, is_measured

_GOT = frozenset(StepResult) - {StepResult.NOT_ASKED, StepResult.WAITING}
"""The results of a handler that got the message."""

_CALL = re.compile(r"external/[^/]*/(\S+)\s*(.*)", re.DOTALL)


class Way(Enum):
    """The way by which the script got a message."""

    HANDLER = auto()
    """It has installed a handler of it."""

    CALL = auto()
    """It was started for the call."""

    WATCH = auto()
    """It watches it, and gets it when it is over."""


class Given(NamedTuple):
    """A message that the script got.

    Attributes:
        journey: the recorded message.
        way: how it got it.
        before: the message as it got it.
        result: what came of it there, None where the record does not have that.
        after: the message after the script.
        whole: True if the record has all that the script changed in it, and nothing of others.
        parameter: of a call, the script's parameter.
        begins, ends: when it got and answered it, in seconds since 1970.
    """

    journey: Journey
    way: Way
    before: State
    result: StepResult | None
    after: State
    whole: bool
    parameter: str
    begins: float
    ends: float


class Plan(NamedTuple):
    """What is given to a script, and what it is expected to send.

    Attributes:
        given: the messages that it got, in the order in which it got them.
        sent: those that it has sent, in order.
        by_name: True if the record does not say who got a message, as that of a Yate from a script
            without a track name: then `given` has none, and `others` may be given.
        others: all messages.
    """

    given: Sequence[Given]
    sent: Sequence[Journey]
    by_name: bool
    others: Sequence[Journey]


def make_plan(journeys: Sequence[Journey], label: str) -> Plan:
    """Find what a script got and sent.

    Args:
        journeys: the record.
        label: the script's name in it.
    """
    ordered = sorted(journeys, key=lambda journey: journey.number)
    given = [one for journey in ordered for one in _given(journey, label)]
    given.sort(key=lambda one: (one.begins, one.journey.number))
    sent = [journey for journey in ordered if journey.sender == label]
    by_name = not given and not sent and any(map(_is_of_yate, ordered))
    return Plan(given, sent, by_name, ordered)


def _is_of_yate(journey: Journey) -> bool:
    """Return True if a Yate has sent the message, whose record does not name all handlers."""
    return journey.sender == "?" or not all(map(is_measured, journey.steps))


def named(journey: Journey, way: Way) -> Given:
    """Return a message of a record that does not say who got it."""
    return Given(
        journey, way, _start(journey), None, _end(journey), False, "",
        journey.when, _ended(journey),
    )  # fmt: skip


def _given(journey: Journey, label: str) -> Iterator[Given]:
    state, at = _start(journey), journey.when
    for step in journey.steps:
        after = state.after(step)
        took = step.took if is_measured(step) else 0.0
        parameter = _called(journey, step, label)
        if step.result in _GOT and (step.owner == label or parameter is not None):
            whole = is_measured(step)
            yield Given(
                journey, Way.HANDLER if parameter is None else Way.CALL, state, step.result,
                after if whole else _end(journey), whole, parameter or "", at, at + took,
            )  # fmt: skip
        state, at = after, at + took
    if label in journey.watchers:
        end = _end(journey)
        ended = _ended(journey)
        yield Given(journey, Way.WATCH, end, None, end, True, "", ended, ended)


def _called(journey: Journey, step: Step, label: str) -> str | None:
    """Return the parameter of the script if it was started for a call, else None."""
    if journey.name != "call.execute" or step.owner != "extmodule":
        return None
    called = _CALL.fullmatch(journey.params.get("callto", ""))
    return called[2] if called is not None and called[1] == label else None


def _start(journey: Journey) -> State:
    return State(journey.name, journey.first_retvalue or "", journey.params)


def _end(journey: Journey) -> State:
    return State(journey.renamed or journey.name, journey.retvalue, journey.after)


def _ended(journey: Journey) -> float:
    return journey.when + (journey.took if journey.took == journey.took else 0.0)
