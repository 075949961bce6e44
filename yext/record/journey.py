"""What a message went through, told: the record of one dispatch, and its form as JSON.

The form is described in docs/flow.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from yext.wire import decode_params

FORMAT = 1
"""The version of the form as JSON; it changes when a reader of an older one would be wrong."""

HIDDEN = "(hidden)"

_SECRET_RETURN = "user.auth"
"""The message whose return value is a password."""

_FIXED_BYTES = 900
_STEP_BYTES = 200
"""What a record and each step take beside their texts, about."""


class Written(Mapping[str, str]):
    """Parameters as the text of a line, read when somebody looks at them.

    A record of thousands of messages is a few objects for each then, and not two for each
    parameter: it takes a third of the memory, and leaves the caches to the messages in flight
    (tests/bench, rows traced and memory).
    """

    __slots__ = ("_params", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._params: dict[str, str] | None = None

    def _read(self) -> dict[str, str]:
        if self._params is None:
            self._params = decode_params(self.text)
        return self._params

    def __getitem__(self, name: str) -> str:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())


class Change(NamedTuple):
    """What a handler did to one parameter: `before` None added it, `after` None removed it."""

    name: str
    before: str | None
    after: str | None


@dataclass(slots=True)
class Step:
    """One handler's part in a message's journey.

    Attributes:
        owner: who handled it.
        priority: at which priority.
        took: seconds until its answer; of a late one until it came after all.
        result: ``handled``, ``passed``, ``timed out``, ``late`` (answered after its timeout),
            ``gone``, ``waiting`` or ``not asked``.
        changes: what it did to the parameters.
        renamed: the new name of the message, empty where it kept the old.
        retvalue: the new return value, None where it kept the old.
    """

    owner: str
    priority: int
    took: float = 0.0
    result: str = "waiting"
    changes: tuple[Change, ...] = ()
    renamed: str = ""
    retvalue: str | None = None


_FAILED_RESULTS = ("timed out", "late", "gone")


@dataclass(slots=True)
class Journey:
    """What one message went through.

    Attributes:
        number: counts the recorded messages from 1, without gaps.
        when: start, seconds since 1970.
        name: the name it started with.
        sender: who sent it.
        params: the parameters it started with.
        parent: the number of the message during whose handling this one was sent, or 0.
        depth: how many messages that one was nested in itself.
        steps: the handlers in the order they were asked.
        handled: whether somebody handled it.
        took: seconds from start to end.
        watchers: who was told afterwards.
        renamed: the name it ended with, empty where that is `name`.
        after: the parameters it ended with.
        retvalue: the return value it ended with.
        ended: whether it is over.
        kept_size: what `size` was when the record took it in.
    """

    number: int
    when: float
    name: str
    sender: str
    params: Mapping[str, str]
    parent: int = 0
    depth: int = 0
    steps: list[Step] = field(default_factory=list)
    handled: bool = False
    took: float = 0.0
    watchers: tuple[str, ...] = ()
    renamed: str = ""
    after: Mapping[str, str] = field(default_factory=dict)
    retvalue: str = ""
    ended: bool = False
    kept_size: int = field(default=0, repr=False, compare=False)

    @property
    def handled_by(self) -> str:
        """Who handled it, empty for nobody."""
        return next((step.owner for step in self.steps if step.result == "handled"), "")

    @property
    def outcome(self) -> str:
        """``handled``, ``timed out``, ``late``, ``gone`` or ``not handled``."""
        if self.handled:
            return "handled"
        failed = self._failed()
        return failed.result if failed is not None else "not handled"

    @property
    def by(self) -> str:
        """Who made the outcome what it is: who handled it, or failed to; empty for nobody."""
        if self.handled:
            return self.handled_by
        failed = self._failed()
        return failed.owner if failed is not None else ""

    def _failed(self) -> Step | None:
        return next((one for one in reversed(self.steps) if one.result in _FAILED_RESULTS), None)

    def size(self) -> int:
        """About how many bytes this record takes."""
        size = _FIXED_BYTES + _STEP_BYTES * len(self.steps) + len(self.retvalue)
        size += _length(self.params)
        if self.after is not self.params:
            size += _length(self.after)
            for step in self.steps:
                for change in step.changes:
                    size += len(change.before or "") + len(change.after or "")
        return size


def _length(params: Mapping[str, str]) -> int:
    if isinstance(params, Written):
        return len(params.text)
    return len("".join(params)) + len("".join(params.values()))


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    """The difference between two sets of parameters, in the order of the later one."""
    found = [
        Change(name, before.get(name), value)
        for name, value in after.items()
        if before.get(name) != value
    ]
    found += [Change(name, value, None) for name, value in before.items() if name not in after]
    return tuple(found)


def hide(journey: Journey, secret: Callable[[str], bool]) -> Journey:
    """A copy of `journey` without the values of the parameters that are `secret`."""

    def params(values: Mapping[str, str]) -> dict[str, str]:
        return {name: HIDDEN if secret(name) else value for name, value in values.items()}

    def change(one: Change) -> Change:
        if not secret(one.name):
            return one
        return Change(one.name, one.before and HIDDEN, one.after and HIDDEN)

    secret_return = _SECRET_RETURN in (journey.name, journey.renamed)
    return Journey(
        number=journey.number,
        when=journey.when,
        name=journey.name,
        sender=journey.sender,
        params=params(journey.params),
        parent=journey.parent,
        depth=journey.depth,
        steps=[
            replace(
                step,
                changes=tuple(map(change, step.changes)),
                retvalue=HIDDEN if secret_return and step.retvalue else step.retvalue,
            )
            for step in journey.steps
        ],
        handled=journey.handled,
        took=journey.took,
        watchers=journey.watchers,
        renamed=journey.renamed,
        after=params(journey.after),
        retvalue=HIDDEN if secret_return and journey.retvalue else journey.retvalue,
        ended=journey.ended,
    )


def to_json(journey: Journey) -> dict[str, Any]:
    """`journey` as docs/flow.md tells it: text, numbers, booleans, lists and objects only."""
    return {
        "format": FORMAT,
        "number": journey.number,
        "parent": journey.parent,
        "depth": journey.depth,
        "when": round(journey.when, 6),
        "name": journey.name,
        "sender": journey.sender,
        "params": dict(journey.params),
        "outcome": journey.outcome,
        "by": journey.by,
        "seconds": round(journey.took, 6),
        "handlers": [_step_to_json(step) for step in journey.steps],
        "watchers": list(journey.watchers),
        "reply": {
            "handled": journey.handled,
            "name": journey.renamed or journey.name,
            "retvalue": journey.retvalue,
            "params": dict(journey.after),
        },
    }


def _step_to_json(step: Step) -> dict[str, Any]:
    return {
        "handler": step.owner,
        "priority": step.priority,
        "seconds": round(step.took, 6),
        "result": step.result,
        "changes": [
            {"name": one.name, "before": one.before, "after": one.after} for one in step.changes
        ],
        "renamed": step.renamed or None,
        "retvalue": step.retvalue,
    }


def from_json(told: Any) -> Journey:
    """What `to_json` made. Raises ValueError for anything else."""
    try:
        if told["format"] != FORMAT:
            raise ValueError(f"has the format {told['format']!r}, not {FORMAT}")
        reply = told["reply"]
        return Journey(
            number=int(told["number"]),
            parent=int(told["parent"]),
            depth=int(told["depth"]),
            when=float(told["when"]),
            name=_text(told["name"]),
            sender=_text(told["sender"]),
            params=_params(told["params"]),
            steps=[_step_from_json(step) for step in told["handlers"]],
            handled=bool(reply["handled"]),
            took=float(told["seconds"]),
            watchers=tuple(map(_text, told["watchers"])),
            renamed=_text(reply["name"]) if reply["name"] != told["name"] else "",
            after=_params(reply["params"]),
            retvalue=_text(reply["retvalue"]),
            ended=True,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"is not a recorded message: {error!r}") from None


def _step_from_json(told: Any) -> Step:
    return Step(
        _text(told["handler"]),
        int(told["priority"]),
        float(told["seconds"]),
        _text(told["result"]),
        tuple(
            Change(_text(one["name"]), _optional(one["before"]), _optional(one["after"]))
            for one in _listed(told["changes"])
        ),
        _optional(told["renamed"]) or "",
        _optional(told["retvalue"]),
    )


def _listed(told: Any) -> Iterable[Any]:
    if not isinstance(told, list):
        raise TypeError(f"{told!r} is not a list")
    return told


def _text(told: Any) -> str:
    if not isinstance(told, str):
        raise TypeError(f"{told!r} is not a text")
    return told


def _optional(told: Any) -> str | None:
    return None if told is None else _text(told)


def _params(told: Any) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in told.items()}
