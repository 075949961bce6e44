"""The record of a dispatch that goes on: notes, of which a journey is made when it is looked at.

Most of a record of thousands of messages is never looked at (tests/bench, row traced).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Protocol

from yext.dispatcher import NoAnswer
from yext.message import Message
from yext.record.journey import (
    FIXED_BYTES,
    NUMBER_BYTES,
    STEP_BYTES,
    UNKNOWN,
    EncodedParams,
    Journey,
    KeptOut,
    Step,
    StepResult,
    changes,
)

if TYPE_CHECKING:
    from yext.dispatcher import Dispatch, Handler, Watcher
    from yext.dispatcher import Recording as OpenRecording

_HANDLED, _PASSED = StepResult.HANDLED, StepResult.PASSED

_FAILED = {
    NoAnswer.TIMED_OUT: StepResult.TIMED_OUT,
    NoAnswer.GONE: StepResult.GONE,
    NoAnswer.UNREACHABLE: StepResult.UNREACHABLE,
}

_ENTERED: Final = 6
"""How many notes `Recording.enter` makes of a step."""

_NOTES: Final = _ENTERED + 5
"""How many there are of a step whose handler has answered."""

_KEPT_OUT_MOST: Final = 5
"""Handlers with a filter that are named of a message that nobody handled."""

_LEFT_AT, _RESULT = 6, 10
"""The places of the time of the answer and of the result among the notes of a step."""


class Record(Protocol):
    """What gets a journey at its end."""

    def keep(self, journey: Journey) -> None:
        """Add a journey that has ended."""

    def publish(self, journey: Journey) -> None:
        """Pass a journey to the followers again, after a late answer."""


def _mapping(snapshot: str | dict[str, str]) -> Mapping[str, str]:
    """The parameters of a `Message.snapshot`."""
    return EncodedParams(snapshot) if isinstance(snapshot, str) else snapshot


class Recording(Journey):
    """A journey that goes on; the dispatch reports its steps. See `yext.dispatcher.Recording`.

    Args:
        record: what gets it at its end.
        number: its number.
        dispatch: the dispatch, at its start.
    """

    __slots__ = ("_first", "_notes", "_record", "_remarks", "_rest", "_started", "_there")

    def __init__(self, record: Record, number: int, dispatch: Dispatch) -> None:
        message, sender = dispatch.message, dispatch.sender
        self.number = number
        self.when = time.time()
        self.name = message.name
        self.parent = self.depth = 0
        self.among = ()
        if sender is None:
            self.sender = "engine"
        else:
            self.sender = sender.label
            in_hand = sender.handling(dispatch)
            if in_hand:
                self._nest([outer.journey for outer in in_hand])
        wire = message.wire
        self._first: str | dict[str, str] = message.snapshot() if wire is None else wire[2]
        self._notes: list[Any] = []
        self._rest: Sequence[tuple[str, int]] = ()
        self._there: dict[int, float] | None = None  # by the number of the step
        self._remarks: dict[int, str] | None = None  # the same
        self._params = self._after = self._steps = None
        self.handled = self.ended = False
        self.watchers = ()
        self.kept_out = ()
        self.renamed = self.retvalue = ""
        self.first_retvalue = message.retvalue
        self.broadcast = message.broadcast
        self.took = 0.0
        self.kept_size = 0
        self._record = record
        self._started = perf_counter()

    def _nest(self, outer: Sequence[OpenRecording | None]) -> None:
        """Note in which message this one is nested, if that is known."""
        first = outer[0]
        if len(outer) > 1:
            self.among = tuple(one.number for one in outer if one is not None)
        elif first is not None:
            self.parent, self.depth = first.number, first.depth + 1

    def start(self) -> None:
        """Begin: the time in the queue does not count as that of the handlers."""
        self._started = perf_counter()

    def enter(self, handler: Handler, message: Message) -> None:
        """Record that `handler` is about to be called."""
        wire = message.wire
        self._notes += (
            handler.owner, handler.priority, message.name, message.retvalue,
            message.snapshot() if wire is None else wire[2], perf_counter(),
        )  # fmt: skip

    def leave(
        self, handler: Handler, message: Message, handled: bool, outcome: NoAnswer | None
    ) -> None:
        """Record that `handler` has answered, or why it did not."""
        wire = message.wire
        self._notes += (
            perf_counter(), message.name, message.retvalue,
            message.snapshot() if wire is None else wire[2],
            (_HANDLED if handled else _PASSED) if outcome is None else _FAILED[outcome],
        )  # fmt: skip

    def sent_to(self, owner: str) -> None:
        """Record that the handler entered last has sent the message on to `owner` elsewhere."""
        self._notes[-_ENTERED] = owner
        self._there = self._there or {}
        self._there[len(self._notes) // _NOTES] = UNKNOWN

    def was_there(self, seconds: float) -> None:
        """Record how long that owner has taken where it is, without the way; before `leave`."""
        if self._there is not None:
            self._there[len(self._notes) // _NOTES] = seconds

    def remark(self, text: str) -> None:
        """Record why the handler entered last has decided as it does; before `leave`."""
        self._remarks = self._remarks or {}
        self._remarks[len(self._notes) // _NOTES] = text

    def late(self, owner: str, waited: float) -> None:
        """Record that `owner` answered `waited` seconds after its timeout, too late to count."""
        for step in self.steps:
            if step.owner == owner and step.result is StepResult.TIMED_OUT:
                break
        else:
            return
        if self.ended:
            step.result = StepResult.LATE
            step.took += waited
            self._record.publish(self)
            return
        # While the message is on its way the steps are made again and again, of the notes.
        notes = self._notes
        for first in range(0, len(notes) - _NOTES + 1, _NOTES):
            if notes[first] == owner and notes[first + _RESULT] is StepResult.TIMED_OUT:
                notes[first + _RESULT] = StepResult.LATE
                notes[first + _LEFT_AT] += waited
                return

    def note_end(self, dispatch: Dispatch) -> None:
        """Take on what would be the end, if the dispatch was over now."""
        message = dispatch.message
        self.took = perf_counter() - self._started
        self.handled = dispatch.handled
        self.retvalue = message.retvalue
        self._after = _mapping(message.snapshot())

    def end(self, dispatch: Dispatch, watchers: Sequence[Watcher]) -> None:
        """End: the dispatch is over and the `watchers` were notified."""
        message = dispatch.message
        self.took = perf_counter() - self._started
        self._started = 0.0
        self.handled = dispatch.handled
        self._after = None
        if watchers:
            self.watchers = tuple([watcher.label for watcher in watchers if watcher.label])
        if self.handled and (rest := dispatch.remaining()):
            self._rest = [(handler.owner, handler.priority) for handler in rest]
        if not self.handled:
            self._note_kept_out(dispatch)
        if message.name != self.name:
            self.renamed = message.name
        self.retvalue = message.retvalue
        self.ended = True
        wire = message.wire
        if wire is None or wire[2] is not self._first:
            # There are copies of all parameters among the notes, and they are many.
            self._condense(message.snapshot())
            self.kept_size = self.size()
        else:
            steps = len(self._notes) // _NOTES + len(self._rest) + len(self.kept_out)
            texts = len(self._first) + len(self.first_retvalue or "") + len(self.retvalue)
            texts += sum(map(len, (self._remarks or {}).values()))
            numbers = NUMBER_BYTES * len(self.among)
            self.kept_size = FIXED_BYTES + STEP_BYTES * steps + numbers + texts
        self._record.keep(self)

    def _note_kept_out(self, dispatch: Dispatch) -> None:
        """Note the handlers that were not asked because of their filters, some of them.

        There are many where each call has a handler of its own.
        """
        message, notes = dispatch.message, self._notes
        view = dispatch.dispatcher.view(message.name)
        if not view:
            return
        asked = {(notes[at], notes[at + 1]) for at in range(0, len(notes), _NOTES)}
        kept_out = (
            KeptOut(one.owner, one.filter_name, one.filter_value)
            for one in view
            if not one.fits(message) and (one.owner, one.priority) not in asked
        )
        self.kept_out = tuple(islice(kept_out, _KEPT_OUT_MOST))

    def _condense(self, after: str | dict[str, str]) -> None:
        """Make the steps of the notes now, and keep what has changed."""
        # Most messages end as they began: then one copy is enough.
        if after is not self._first and _mapping(after) != self.params:
            self._after = _mapping(after)
        self._steps = self._made()
        self._notes, self._rest = [], ()

    @property
    def params(self) -> Mapping[str, str]:
        """The parameters at the start."""
        if self._params is None:
            self._params = _mapping(self._first)
        return self._params

    @property
    def after(self) -> Mapping[str, str]:
        """The parameters at the end."""
        return self.params if self._after is None else self._after

    @property
    def steps(self) -> list[Step]:
        """The handlers in the order in which they were called."""
        if self._steps is not None:
            return self._steps
        steps = self._made()
        if self.ended:
            self._steps = steps
            self._notes, self._rest = [], ()
        return steps

    def _made(self) -> list[Step]:
        notes = self._notes
        steps = [_step(notes[first : first + _NOTES]) for first in range(0, len(notes), _NOTES)]
        for number, seconds in (self._there or {}).items():
            steps[number].there = seconds
        for number, text in (self._remarks or {}).items():
            steps[number].remark = text
        return steps + [
            Step(owner, priority, result=StepResult.NOT_ASKED) for owner, priority in self._rest
        ]


def _step(notes: list[Any]) -> Step:
    """Make the step that was noted."""
    owner, priority, name, retvalue, params, entered = notes[:_ENTERED]
    step = Step(owner, priority)
    if len(notes) == _ENTERED:
        return step
    left, name_after, retvalue_after, after, step.result = notes[_ENTERED:]
    step.took = left - entered
    if after is not params and after != params:
        step.changes = changes(_mapping(params), _mapping(after))
    if name_after != name:
        step.renamed = name_after
    if retvalue_after != retvalue:
        step.retvalue = retvalue_after
    return step
