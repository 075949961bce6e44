"""Recorded messages as a test: what is sent, what others answer, what must come of it."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from yext.engine.module import Program
from yext.record.journey import UNKNOWN, Change, Journey, Step, StepResult, changes

ENGINE: Final = "engine"
"""The sender of messages of the engine itself and its modules."""

BUILT_IN: Final = frozenset(
    {"cdrbuild", "dumb", "extmodule", "msgsniff", "pbx", "phone", "tone", "wave"}
)
"""The names of handlers that any engine has, for a record of an engine that is not at hand."""

PHONE: Final = "phone"
"""The module of the operator's telephone."""

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
    """A message that a script must send.

    Attributes:
        journey: the recorded message.
        params: the parameters that it must have.
    """

    journey: Journey
    params: Mapping[str, str]


class SavedCall(NamedTuple):
    """A call from the telephone to a script, ``external/nodata/ivr.php``."""

    callto: str


class SavedPress(NamedTuple):
    """Digits that are dialled in the call."""

    digits: str


class SavedHangup(NamedTuple):
    """The end of the call by the telephone."""


SavedItem = SavedStub | SavedSend | SavedSent | SavedCall | SavedPress | SavedHangup


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
    journeys: Sequence[Journey],
    programs: Sequence[Program],
    modules: Sequence[str],
    folder: str = "",
) -> SavedTest:
    """Make a test of recorded messages.

    Messages that scripts have sent become expectations, all others are sent by the test. The
    answers of modules that any engine has come from those; those of others come from stubs. A
    call from the telephone to a script becomes such a call.

    Args:
        journeys: the messages.
        programs: the scripts of the engine that has recorded them, as far as it is known.
        modules: the names of further handlers that are built into that engine.
        folder: the folder of the engine's scripts, empty if it is not known.
    """
    return _Maker(journeys, programs, modules).test(folder)


class _Maker:
    """Makes a test; see `saved_test`."""

    def __init__(
        self, journeys: Sequence[Journey], programs: Sequence[Program], modules: Sequence[str]
    ) -> None:
        self._journeys = sorted(journeys, key=lambda journey: journey.number)
        self._programs = programs
        self._modules = BUILT_IN.union(modules)
        self._names = {one.name for one in programs} or _script_names(journeys)
        called = called_scripts(journeys)
        self._started = [one for one in self._programs if one.name not in called]
        self._called = set(called)
        self._names |= self._called
        self._ids = {ident for ids in called.values() for ident in ids}
        self._answers = [
            _Answered(journey, step)
            for journey in self._journeys
            for step in _steps(journey)
            if _is_foreign(step, self._names, self._modules)
        ]
        self._in_force: dict[tuple[str, int, frozenset[tuple[str, str]]], SavedStub] = {}

    def test(self, folder: str) -> SavedTest:
        """Return the test."""
        used = [
            one
            for one in self._started
            if any(_takes_part(one.name, journey) for journey in self._journeys)
        ]
        scripts = [(one.name, one.parameter) for one in used]
        if not self._programs:
            scripts = [(name, "") for name in sorted(self._names - self._called)]
        return SavedTest(folder or _folder(used), scripts, list(self._items()))

    def _items(self) -> Iterator[SavedItem]:
        done = [(one, self._done(one)) for one in self._journeys if one.sender not in self._names]
        given = [(journey, item) for journey, item in done if item is not None]
        nested = [journey for journey in self._journeys if journey.sender in self._names]
        for index, (journey, item) in enumerate(given):
            start = 0 if index == 0 else journey.number
            end = given[index + 1][0].number if index + 1 < len(given) else math.inf
            inside = [one for one in nested if start < one.number < end]
            yield from self._stubs([journey, *inside] if isinstance(item, SavedSend) else inside)
            yield item
            for one in inside:
                if one.number > journey.number:
                    yield SavedSent(one, self._own(one))

    def _done(self, journey: Journey) -> SavedItem | None:
        """Return what the test does for a message that no script has sent, None for nothing."""
        if self._ids and (journey.sender == ENGINE or "direct" in journey.params):
            return call_item(journey)
        return SavedSend(journey, self._by(journey))

    def _own(self, journey: Journey) -> dict[str, str]:
        """Return the parameters of a script's message but ids that it makes up each time."""
        return {name: text for name, text in journey.params.items() if text not in self._ids}

    def _by(self, journey: Journey) -> str:
        """Return who must handle a message in the test."""
        if not journey.handled:
            return ""
        asked = (step.owner for step in _steps(journey) if step.result is StepResult.ASKED)
        by = journey.by or next(asked, "")
        return by if by in self._names or by in self._modules else STUB

    def _stubs(self, group: Sequence[Journey]) -> Iterator[SavedStub]:
        """Yield the stubs that messages need and that do not answer them so already."""
        for answer in self._answers:
            if answer.journey not in group:
                continue
            stub = _stub(answer, self._journeys)
            key = stub.name, stub.priority, frozenset(stub.params.items())
            if self._in_force.get(key) != stub:
                self._in_force[key] = stub
                yield stub


_CALL: Final = re.compile(r"(external/[^/]*/)(\S+)(.*)", re.DOTALL)


def split_callto(callto: str) -> tuple[str, str, str]:
    """Split what is called into what is before the script, the script, and what is behind it."""
    found = _CALL.fullmatch(callto)
    return (found[1], found[2], found[3]) if found is not None else (callto, "", "")


def called_scripts(journeys: Sequence[Journey]) -> dict[str, set[str]]:
    """Return the scripts that were started for calls of the telephone, with the ids that they have
    made up for themselves."""
    found: dict[str, set[str]] = {}
    for journey in journeys:
        called = _CALL.fullmatch(journey.params.get("callto", ""))
        if journey.name != "call.execute" or called is None or "direct" in journey.params:
            continue
        if journey.params.get("module") == PHONE and journey.sender == ENGINE:
            ident = journey.after.get("targetid", "")
            found.setdefault(called[2], set()).update({ident} - {""})
    return found


def call_item(journey: Journey) -> SavedItem | None:
    """Return what a caller did that led to a message; None for a message that follows of that."""
    params = journey.params
    if journey.name == "call.execute" and params.get("direct", "").startswith(f"{PHONE}/"):
        return SavedCall(params["callto"]) if _CALL.fullmatch(params.get("callto", "")) else None
    if journey.name == "chan.dtmf" and params.get("module") == PHONE:
        return SavedPress(params.get("text", ""))
    if journey.name == "chan.hangup" and params.get("module") == PHONE:
        return SavedHangup() if params.get("status") == "dropped" else None
    return None


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


def _is_foreign(step: Step, names: set[str], modules: Collection[str]) -> bool:
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


def _folder(programs: Sequence[Program]) -> str:
    """Return the folder below which the scripts are."""
    for program in programs:
        if program.path and program.path != program.name:
            return program.path.removesuffix(program.name)
    return ""
