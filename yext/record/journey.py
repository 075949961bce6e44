"""A journey: the record of one dispatch, and its form as JSON, which docs/flow.md describes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

from yext.errors import RecordError
from yext.wire import decode_params

_YEAR_10000 = 253402300800.0
"""The first second of the year 10000, in seconds since 1970."""

FORMAT = 1
"""The version of the JSON form; it changes when readers of the older one would be wrong."""

UNKNOWN = math.nan
"""The time of what was not measured; it is neither longer nor shorter than any other."""

HIDDEN = "(hidden)"
"""The text in place of a value that observers may not see."""

_SECRET_RETURN = "user.auth"
"""The message whose return value is a password."""

FIXED_BYTES = 900
STEP_BYTES = 200
NUMBER_BYTES = 40
"""The approximate memory, in bytes, of a record beside its texts, of each step and each number."""


class EncodedParams(Mapping[str, str]):
    """Parameters as the text of a line, which is decoded on the first access.

    A record of thousands of messages then has a few objects for each message instead of two for
    each parameter. It takes a third of the memory, and leaves the processor's caches to the
    messages in flight (tests/bench, rows traced and memory).
    """

    __slots__ = ("_params", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._params: dict[str, str] | None = None

    def _decoded(self) -> dict[str, str]:
        if self._params is None:
            self._params = decode_params(self.text)
        return self._params

    def __getitem__(self, name: str) -> str:
        return self._decoded()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._decoded())

    def __len__(self) -> int:
        return len(self._decoded())


class StepResult(StrEnum):
    """The result of a handler's part in a journey."""

    WAITING = "waiting"
    """Its answer is awaited."""

    HANDLED = "handled"
    """It handled the message."""

    PASSED = "passed"
    """It passed the message on."""

    TIMED_OUT = "timed out"
    """It did not answer in time."""

    LATE = "late"
    """It answered after its timeout."""

    GONE = "gone"
    """It ended before it answered."""

    ASKED = "asked last"
    """It was asked last of those that are known; who handled the message is not."""

    UNREACHABLE = "unreachable"
    """The message could not be sent to the node that it is on."""

    NOT_ASKED = "not asked"
    """The message was handled before."""


class Outcome(StrEnum):
    """The outcome of a dispatch."""

    HANDLED = "handled"
    NOT_HANDLED = "not handled"
    TIMED_OUT = "timed out"
    LATE = "late"
    GONE = "gone"
    UNREACHABLE = "unreachable"


class Change(NamedTuple):
    """A parameter that a handler changed.

    Attributes:
        name: the parameter.
        before: its value before, None if the handler added it.
        after: its value after, None if the handler removed it.
    """

    name: str
    before: str | None
    after: str | None


@dataclass(slots=True)
class Step:
    """A handler's part in the journey of a message.

    Attributes:
        owner: the handler's name in the message flow.
        priority: the handler's priority.
        took: seconds until its answer, even a late one; `UNKNOWN` where nobody has measured it.
        result: its result.
        changes: the parameters that it changed.
        renamed: the new name of the message, empty if it was kept.
        retvalue: the new return value, None if it was kept.
        there: of a handler on another node, seconds that it has taken there, without the way;
            `UNKNOWN` if it did not say. None for a handler here.
        remark: why it has decided so, in its own words; empty where it says nothing.
    """

    owner: str
    priority: int
    took: float = 0.0
    result: StepResult = StepResult.WAITING
    changes: tuple[Change, ...] = ()
    renamed: str = ""
    retvalue: str | None = None
    there: float | None = None
    remark: str = ""

    @property
    def node(self) -> str:
        """The node that the handler is on, empty for this one."""
        return "" if self.there is None else self.owner.partition(":")[0]


FAILED_RESULTS = (
    StepResult.TIMED_OUT, StepResult.LATE, StepResult.GONE, StepResult.UNREACHABLE,
)  # fmt: skip
"""The results of handlers that failed to answer."""


class KeptOut(NamedTuple):
    """A handler that was not asked because of its filter.

    Attributes:
        owner: the handler's name in the message flow.
        param, value: the parameter of the filter, and the value that it must have.
    """

    owner: str
    param: str
    value: str


class Journey:
    """The record of one dispatch.

    Attributes:
        number: the number of the recorded message, from 1 without gaps.
        when: the start, in seconds since 1970.
        name: the name of the message at the start.
        sender: the label of the sender.
        parent: the number of the message that the sender was handling, 0 for none, or if it is
            not known which.
        among: the numbers of the messages that the sender had in hand, if it had several and has
            not said which of them this one belongs to.
        depth: the number of messages that this one is nested in.
        handled: True if a handler handled the message.
        took: seconds from start to end; `UNKNOWN` where nobody has measured it.
        watchers: the labels of the watchers that were notified.
        renamed: the name at the end, empty if it is the same.
        retvalue: the return value at the end.
        first_retvalue: the return value at the start, None where it is not known.
        broadcast: True if all handlers get the message, even after one has handled it; None
            where that is not known.
        kept_out: of a message that nobody handled, the first handlers whose filters kept it out.
        ended: True once the dispatch is over.
        kept_size: the `size` when the record took it in, in bytes.
    """

    # A property may be replaced where what it returns is made when it is needed.
    __slots__ = (
        "_after", "_params", "_steps", "among", "broadcast", "depth", "ended", "first_retvalue",
        "handled", "kept_out", "kept_size", "name", "number", "parent", "renamed", "retvalue",
        "sender", "took", "watchers", "when",
    )  # fmt: skip

    watchers: tuple[str, ...]

    def __init__(
        self,
        number: int,
        when: float,
        name: str,
        sender: str,
        params: Mapping[str, str],
        parent: int = 0,
        depth: int = 0,
        steps: Iterable[Step] = (),
        handled: bool = False,
        took: float = 0.0,
        watchers: tuple[str, ...] = (),
        renamed: str = "",
        after: Mapping[str, str] | None = None,
        retvalue: str = "",
        ended: bool = False,
        first_retvalue: str | None = None,
        broadcast: bool | None = None,
        among: tuple[int, ...] = (),
        kept_out: tuple[KeptOut, ...] = (),
    ) -> None:
        self.number = number
        self.when = when
        self.name = name
        self.sender = sender
        self.parent = parent
        self.among = among
        self.depth = depth
        self.handled = handled
        self.took = took
        self.watchers = watchers
        self.renamed = renamed
        self.retvalue = retvalue
        self.first_retvalue = first_retvalue
        self.broadcast = broadcast
        self.ended = ended
        self.kept_out = kept_out
        self.kept_size = 0
        self._params: Mapping[str, str] | None = params
        self._after: Mapping[str, str] | None = after
        self._steps: list[Step] | None = list(steps)

    @property
    def params(self) -> Mapping[str, str]:
        """The parameters at the start."""
        return self._params or {}

    @property
    def after(self) -> Mapping[str, str]:
        """The parameters at the end."""
        return self._after or {}

    @property
    def steps(self) -> list[Step]:
        """The handlers in the order in which they were called."""
        return self._steps or []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Journey) and to_json(self) == to_json(other)

    def __repr__(self) -> str:
        return f"Journey({to_json(self)})"

    @property
    def handled_by(self) -> str:
        """The owner of the handler that handled it, empty for none."""
        handled = (step.owner for step in self.steps if step.result is StepResult.HANDLED)
        return next(handled, "")

    @property
    def outcome(self) -> Outcome:
        """The outcome; that of the last handler that failed, if none handled the message."""
        if self.handled:
            return Outcome.HANDLED
        failed = self._failed()
        return Outcome(failed.result) if failed is not None else Outcome.NOT_HANDLED

    @property
    def by(self) -> str:
        """The owner of the handler that handled it, or failed to; empty for none."""
        if self.handled:
            return self.handled_by
        failed = self._failed()
        return failed.owner if failed is not None else ""

    def _failed(self) -> Step | None:
        failed = (step for step in reversed(self.steps) if step.result in FAILED_RESULTS)
        return next(failed, None)

    def size(self) -> int:
        """Return the approximate memory of this record in bytes."""
        texts = len(self.retvalue) + len(self.first_retvalue or "") + _length(self.params)
        if self.after is not self.params:
            texts += _length(self.after)
            for step in self.steps:
                texts += len(step.remark)
                for change in step.changes:
                    texts += len(change.before or "") + len(change.after or "")
        numbers = NUMBER_BYTES * len(self.among)
        steps = len(self.steps) + len(self.kept_out)
        return FIXED_BYTES + STEP_BYTES * steps + numbers + texts


def _length(params: Mapping[str, str]) -> int:
    if isinstance(params, EncodedParams):
        return len(params.text)
    return len("".join(params)) + len("".join(params.values()))


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    """Return the changes from one set of parameters to another, in the order of the latter."""
    found = [
        Change(name, before.get(name), value)
        for name, value in after.items()
        if before.get(name) != value
    ]
    found += [Change(name, value, None) for name, value in before.items() if name not in after]
    return tuple(found)


def hide(
    journey: Journey, secret: Callable[[str], bool], *, secret_return: bool = False
) -> Journey:
    """Return a copy of `journey` in which secret values are hidden.

    Args:
        journey: the journey.
        secret: returns True for the names of parameters whose values are secret.
        secret_return: whether the return value is secret, as that of ``user.auth`` always is.
    """
    secret_return = secret_return or _SECRET_RETURN in (journey.name, journey.renamed)
    return Journey(
        number=journey.number,
        when=journey.when,
        name=journey.name,
        sender=journey.sender,
        params=_hide_params(journey.params, secret),
        parent=journey.parent,
        among=journey.among,
        depth=journey.depth,
        steps=[
            replace(
                step,
                changes=tuple(_hide_change(change, secret) for change in step.changes),
                retvalue=HIDDEN if secret_return and step.retvalue else step.retvalue,
            )
            for step in journey.steps
        ],
        handled=journey.handled,
        took=journey.took,
        watchers=journey.watchers,
        renamed=journey.renamed,
        after=_hide_params(journey.after, secret),
        retvalue=HIDDEN if secret_return and journey.retvalue else journey.retvalue,
        ended=journey.ended,
        first_retvalue=HIDDEN
        if secret_return and journey.first_retvalue
        else journey.first_retvalue,
        broadcast=journey.broadcast,
        kept_out=tuple(
            one._replace(value=HIDDEN) if secret(one.param) else one for one in journey.kept_out
        ),
    )


def _hide_params(params: Mapping[str, str], secret: Callable[[str], bool]) -> dict[str, str]:
    return {name: HIDDEN if secret(name) else value for name, value in params.items()}


def _hide_change(change: Change, secret: Callable[[str], bool]) -> Change:
    if not secret(change.name):
        return change
    return Change(change.name, change.before and HIDDEN, change.after and HIDDEN)


def to_json(journey: Journey) -> dict[str, Any]:
    """Return `journey` as a JSON object."""
    return {
        "format": FORMAT,
        "number": journey.number,
        "parent": None if journey.among else journey.parent,
        "among": list(journey.among),
        "depth": journey.depth,
        "when": round(journey.when, 6),
        "name": journey.name,
        "sender": journey.sender,
        "params": dict(journey.params),
        "retvalue": journey.first_retvalue,
        "broadcast": journey.broadcast,
        "outcome": journey.outcome,
        "by": journey.by,
        "seconds": _seconds(journey.took),
        "handlers": [_step_to_json(step) for step in journey.steps],
        "kept_out": [
            {"handler": one.owner, "param": one.param, "value": one.value}
            for one in journey.kept_out
        ],
        "watchers": list(journey.watchers),
        "reply": {
            "handled": journey.handled,
            "name": journey.renamed or journey.name,
            "retvalue": journey.retvalue,
            "params": dict(journey.after),
        },
    }


def _seconds(took: float) -> float | None:
    return None if math.isnan(took) else round(took, 6)


def _took(seconds: Any) -> float:
    return UNKNOWN if seconds is None else float(seconds)


def _step_to_json(step: Step) -> dict[str, Any]:
    more: dict[str, Any] = {} if step.there is None else {"there": _seconds(step.there)}
    more |= {"remark": step.remark} if step.remark else {}
    return more | {
        "handler": step.owner,
        "priority": step.priority,
        "seconds": _seconds(step.took),
        "result": step.result,
        "changes": [
            {"name": change.name, "before": change.before, "after": change.after}
            for change in step.changes
        ],
        "renamed": step.renamed or None,
        "retvalue": step.retvalue,
    }


def from_json(record: Any) -> Journey:
    """Return the journey that `to_json` has made an object of.

    Raises:
        RecordError: `record` is anything else.
    """
    try:
        if record["format"] != FORMAT:
            raise RecordError(f"has the format {record['format']!r}, not {FORMAT}")
        reply = record["reply"]
        return Journey(
            number=int(record["number"]),
            parent=int(record["parent"] or 0),
            among=tuple(map(int, _list(record.get("among", [])))),
            depth=int(record["depth"]),
            when=_when(record["when"]),
            name=_text(record["name"]),
            sender=_text(record["sender"]),
            params=_params(record["params"]),
            steps=[_step_from_json(step) for step in _list(record["handlers"])],
            handled=bool(reply["handled"]),
            took=_took(record["seconds"]),
            watchers=tuple(map(_text, record["watchers"])),
            renamed=_text(reply["name"]) if reply["name"] != record["name"] else "",
            after=_params(reply["params"]),
            retvalue=_text(reply["retvalue"]),
            ended=True,
            # Older files have none of these.
            first_retvalue=_optional(record.get("retvalue")),
            broadcast=_optional_bool(record.get("broadcast")),
            kept_out=tuple(_kept_out_from_json(one) for one in _list(record.get("kept_out", []))),
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise RecordError(f"is not a recorded message: {error!r}") from None


def _kept_out_from_json(one: Any) -> KeptOut:
    return KeptOut(_text(one["handler"]), _text(one["param"]), _text(one["value"]))


def _step_from_json(step: Any) -> Step:
    return Step(
        _text(step["handler"]),
        int(step["priority"]),
        _took(step["seconds"]),
        StepResult(step["result"]),
        tuple(
            Change(_text(change["name"]), _optional(change["before"]), _optional(change["after"]))
            for change in _list(step["changes"])
        ),
        _optional(step["renamed"]) or "",
        _optional(step["retvalue"]),
        _took(step["there"]) if "there" in step else None,
        _text(step.get("remark", "")),
    )


def _when(value: Any) -> float:
    """Check a time, from the year 1970 to the year 9999: others cannot be shown."""
    when = float(value)
    if not 0 <= when < _YEAR_10000:
        raise ValueError(f"{value!r} is not a time")
    return when


def _list(value: Any) -> Iterable[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _optional(value: Any) -> str | None:
    return None if value is None else _text(value)


def _optional_bool(value: Any) -> bool | None:
    return None if value is None else bool(value)


def _params(values: Any) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in values.items()}
