"""Recorded messages as a test: what is sent, what others answer, what must come of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from yext.engine.module import Program
from yext.record.journey import UNKNOWN, Change, Journey, Step, StepResult, changes

STUB = "stub"
"""The name of a stub among the handlers of a message."""

STUB_PRIORITY = 100
"""The priority of a stub unless another is given."""


class SavedStub(NamedTuple):
    """The answer of another module.

    Attributes:
        name: of the messages that it answers.
        params: the parameters that they have; empty for all of that name.
        priority: its priority among the handlers.
        handled: whether it handles them.
        retvalue: the return value that it sets, None if it keeps the one that is there.
        changes: the parameters that it changes.
    """

    name: str
    params: Mapping[str, str]
    priority: int
    handled: bool
    retvalue: str | None
    changes: tuple[Change, ...]


class SavedSend(NamedTuple):
    """A message that the test sends.

    Attributes:
        journey: the recorded message.
        by: who must handle it, empty for nobody.
    """

    journey: Journey
    by: str


class SavedSent(NamedTuple):
    """A message that a script must send."""

    journey: Journey


SavedItem = SavedStub | SavedSend | SavedSent


class SavedTest(NamedTuple):
    """A test.

    Attributes:
        folder: the folder of the scripts, empty if it is not known.
        scripts: the scripts to be started, each with its parameter.
        items: what is done then, in order.
    """

    folder: str
    scripts: Sequence[tuple[str, str]]
    items: Sequence[SavedItem]


class _Answered(NamedTuple):
    """An answer of another module to a recorded message."""

    journey: Journey
    step: Step


def saved_test(
    journeys: Sequence[Journey], programs: Sequence[Program], modules: Sequence[str]
) -> SavedTest:
    """Make a test of recorded messages.

    Messages that scripts have sent become expectations, all others are sent by the test. The
    answers of modules that any engine has come from those; those of others come from stubs.

    Args:
        journeys: the messages.
        programs: the scripts of the engine that has recorded them, as far as it is known.
        modules: the names of handlers that any engine has.
    """
    names = {one.name for one in programs} or _script_names(journeys)
    used = [one for one in programs if any(_takes_part(one.name, journey) for journey in journeys)]
    answers = [
        _Answered(journey, step)
        for journey in journeys
        for step in _steps(journey)
        if _is_foreign(step, names, modules)
    ]
    items: list[SavedItem] = []
    in_force: dict[tuple[str, int, frozenset[tuple[str, str]]], SavedStub] = {}
    ordered = sorted(journeys, key=lambda journey: journey.number)
    nested = [journey for journey in ordered if journey.sender in names]
    sent = [journey for journey in ordered if journey.sender not in names]
    for index, journey in enumerate(sent):
        until = sent[index + 1].number if index + 1 < len(sent) else None
        inside = [
            one
            for one in nested
            if (index == 0 or one.number > journey.number) and (until is None or one.number < until)
        ]
        group = [journey, *inside]
        for answer in answers:
            if answer.journey in group:
                stub = _stub(answer, journeys)
                key = stub.name, stub.priority, frozenset(stub.params.items())
                if in_force.get(key) != stub:
                    in_force[key] = stub
                    items.append(stub)
        items.append(SavedSend(journey, _by(journey, names, modules)))
        items += map(SavedSent, (one for one in inside if one.number > journey.number))
    scripts = [(one.name, one.parameter) for one in used]
    if not programs:
        scripts = [(name, "") for name in sorted(names)]
    return SavedTest(_folder(used), scripts, items)


def _script_names(journeys: Sequence[Journey]) -> set[str]:
    """Guess which handlers and senders are scripts: those with a name like that of a file."""
    labels = {journey.sender for journey in journeys}
    labels |= {step.owner for journey in journeys for step in journey.steps}
    return {label for label in labels if os.path.splitext(label)[1] and " " not in label}


def _takes_part(name: str, journey: Journey) -> bool:
    asked = any(
        step.owner == name and step.result is not StepResult.NOT_ASKED for step in journey.steps
    )
    return asked or name == journey.sender or name in journey.watchers


def _steps(journey: Journey) -> Sequence[Step]:
    """Return the handlers of a message, with one for a handler that the record does not name."""
    answered = (StepResult.HANDLED, StepResult.ASKED)
    if not journey.handled or any(step.result in answered for step in journey.steps):
        return journey.steps
    return [*journey.steps, Step("", STUB_PRIORITY, UNKNOWN, StepResult.ASKED)]


def _is_foreign(step: Step, names: set[str], modules: Sequence[str]) -> bool:
    """Return True for a handler that is no script, is not in any engine, and did something."""
    if step.owner in names or step.owner in modules or step.result is StepResult.NOT_ASKED:
        return False
    handled = step.result in (StepResult.HANDLED, StepResult.ASKED)
    return handled or bool(step.changes) or step.retvalue is not None


def _stub(answer: _Answered, journeys: Sequence[Journey]) -> SavedStub:
    """Make the stub for an answer: for all messages of the name, if all got the same one."""
    journey, step = answer
    made = _answer(answer)
    others = [
        _Answered(one, other)
        for one in journeys
        for other in _steps(one)
        if (one.name, other.priority, other.owner) == (journey.name, step.priority, step.owner)
        and other.result is not StepResult.NOT_ASKED
    ]
    alike = all(_answer(one) == made for one in others)
    return made if alike else made._replace(params=dict(journey.params))


def _answer(answer: _Answered) -> SavedStub:
    journey, step = answer
    retvalue, changed = step.retvalue, step.changes
    if step.result is StepResult.ASKED:
        # A Yate's record has only the end; what the last handler did is not known apart.
        retvalue = journey.retvalue
        changed = changes(journey.params, journey.after)
    handled = step.result in (StepResult.HANDLED, StepResult.ASKED)
    return SavedStub(journey.name, {}, step.priority, handled, retvalue, changed)


def _by(journey: Journey, names: set[str], modules: Sequence[str]) -> str:
    """Return who must handle a message in the test."""
    by = journey.by or next(
        (step.owner for step in _steps(journey) if step.result is StepResult.ASKED), ""
    )
    if not journey.handled:
        return ""
    return by if by in names or by in modules else STUB


def _folder(programs: Sequence[Program]) -> str:
    """Return the folder below which the scripts are."""
    for program in programs:
        if program.path and program.path != program.name:
            return program.path.removesuffix(program.name)
    return ""
