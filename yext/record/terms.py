"""The terms of a filter: what each tests of a message, and what other languages call it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, NamedTuple

from yext.patterns.wildcards import Matcher, wildcard
from yext.record.journey import FAILED_RESULTS, Journey, Outcome

Predicate = Callable[[Journey], bool]
"""Decides whether a message passes."""

Verdict = Callable[[str], bool | None]
"""Decides whether messages of a name pass, None if the name alone does not decide it."""


class TermKind(Enum):
    """What a term of a filter tests."""

    NAME = auto()
    PARAM = auto()
    SENDER = auto()
    HANDLER = auto()
    END = auto()
    """Something else that is known when the message has ended."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term of a filter.

    Attributes:
        kind: what it tests.
        text: the name, label or parameter that it tests, with wildcards; the word of one that
            tests the end.
        column: where it begins, in characters from 0.
    """

    kind: TermKind
    text: str
    column: int


def _unknown(name: str) -> None:
    """The verdict of words that do not depend on the name."""


class Part(NamedTuple):
    """A compiled part of an expression."""

    matches: Predicate
    by_name: Verdict = _unknown


def any_of(parts: tuple[Part, ...]) -> Part:
    """Join parts of which one must be true."""

    def by_name(name: str) -> bool | None:
        verdicts = [part.by_name(name) for part in parts]
        return True if True in verdicts else None if None in verdicts else False

    return Part(lambda journey: any(part.matches(journey) for part in parts), by_name)


def all_of(parts: tuple[Part, ...]) -> Part:
    """Join parts which must all be true."""

    def by_name(name: str) -> bool | None:
        verdicts = [part.by_name(name) for part in parts]
        return False if False in verdicts else None if None in verdicts else True

    return Part(lambda journey: all(part.matches(journey) for part in parts), by_name)


def none_of(part: Part) -> Part:
    """Negate a part."""

    def by_name(name: str) -> bool | None:
        verdict = part.by_name(name)
        return None if verdict is None else not verdict

    return Part(lambda journey: not part.matches(journey), by_name)


def name_is(pattern: str) -> Part:
    """Match the name that a message had at first."""
    fits = wildcard(pattern)
    return Part(lambda journey: fits(journey.name), fits)


# Parameters


def _values(journey: Journey, name: str) -> Iterator[str]:
    """The values that a parameter had at first and at the end."""
    for params in (journey.params, journey.after):
        value = params.get(name)
        if value is not None:
            yield value


def param_is(name: str, fits: Matcher, absent: bool) -> Predicate:
    """Match the values that a parameter had at first and at the end.

    Args:
        name: the parameter.
        fits: matches a value.
        absent: the result for a message without the parameter.
    """

    def predicate(journey: Journey) -> bool:
        before, after = journey.params.get(name), journey.after.get(name)
        if before is None and after is None:
            return absent
        return (before is not None and fits(before)) or (after is not None and fits(after))

    return predicate


def param_is_not(name: str, fits: Matcher) -> Predicate:
    """Match the messages with a parameter that has never had a value that `fits`."""

    def predicate(journey: Journey) -> bool:
        values = [*_values(journey, name)]
        return bool(values) and not any(map(fits, values))

    return predicate


_NUMBER: Final = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?", re.ASCII)


def number(text: str) -> float | None:
    """Return the decimal number that `text` is, None for other text."""
    return float(text) if _NUMBER.fullmatch(text) else None


def param_above(name: str, limit: float) -> Predicate:
    """Match the messages with a parameter that was a number above `limit`."""

    def predicate(journey: Journey) -> bool:
        numbers = map(number, _values(journey, name))
        return any(one is not None and one > limit for one in numbers)

    return predicate


def has_param(pattern: str) -> Predicate:
    """Match the messages that had a parameter, or were given it; its name may have wildcards."""
    fits = wildcard(pattern)

    def predicate(journey: Journey) -> bool:
        return any(map(fits, journey.params)) or any(map(fits, journey.after))

    return predicate


# Senders, handlers and outcomes


def labelled(pattern: str) -> Matcher:
    """Match a label or its first word, as a script's label may end in its parameter."""
    fits = wildcard(pattern)
    return lambda label: fits(label) or fits(label.partition(" ")[0])


def sent_by(pattern: str) -> Predicate:
    """Match the messages of a sender."""
    fits = labelled(pattern)
    return lambda journey: fits(journey.sender)


def handled_by(pattern: str) -> Predicate:
    """Match the messages that a handler handled, or failed to handle."""
    fits = labelled(pattern)
    return lambda journey: fits(journey.by)


def slower_than(seconds: float) -> Predicate:
    """Match the messages that took longer than some seconds."""
    return lambda journey: journey.took > seconds


def _ended_as(outcome: Outcome) -> Predicate:
    return lambda journey: journey.outcome is outcome


FAILED: Final = tuple(Outcome(result) for result in FAILED_RESULTS)
"""The outcomes of messages whose handler failed to answer."""

STATES: Final[dict[str, Predicate]] = {
    "handled": lambda journey: journey.handled,
    "unhandled": lambda journey: not journey.handled,
    "failed": lambda journey: journey.outcome in FAILED,
    "timedout": _ended_as(Outcome.TIMED_OUT),
    "gone": _ended_as(Outcome.GONE),
    "unreachable": _ended_as(Outcome.UNREACHABLE),
    "late": _ended_as(Outcome.LATE),
}
"""The words that test how a message ended."""


# Other languages

JOINING: Final = {
    "&&": "write and", "&": "write and", "AND": "write and", "And": "write and",
    "||": "write or", "|": "write or", "OR": "write or", "Or": "write or",
    "!": "write not", "NOT": "write not", "Not": "write not",
}  # fmt: skip
"""Words of other languages that join terms, and what to write instead."""

COMPARING: Final = {
    **dict.fromkeys(("=", "==", "is", "eq", "equals", "like", "in"), "PARAM=VALUE"),
    **dict.fromkeys(("!=", "<>", "ne", "=!"), "PARAM!=VALUE"),
    **dict.fromkeys(("~", "=~", "~=", "matches", "contains"), "PARAM~REGEX"),
    **dict.fromkeys((">", ">=", "gt", "ge"), "PARAM>NUMBER"),
    **dict.fromkeys(("<", "<=", "lt", "le"), "has:PARAM and not PARAM>NUMBER"),
}
"""Words of other languages between a parameter and a value, and ours, which have no blanks."""

SIGNS: Final = (
    ("==", "write one = only: {name}={value}"),
    ("=~", "write {name}~{value}"),
    ("=!", "write {name}!={value}"),
    ("~=", "write {name}~{value}"),
    ("!~", "write not {name}~{value}"),
    ("<>", "write {name}!={value}"),
    (">=", "write {name}>NUMBER, with a number less by one"),
    ("<=", "write has:{name} and not {name}>{value}"),
    ("<", "write has:{name} and not {name}>NUMBER"),
)
"""Signs of other languages between a parameter and a value, and what to write instead."""
