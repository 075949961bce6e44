"""Typed options: one row each with kind, default, range, unit and help.

A module lists its options as a tuple of `Option` and reads a section of its configuration
file with `read_options`; what it gets is complete and of the right types, whatever the file
says, and the problems tell file, line and mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Literal, NamedTuple

from yext.conf import Conf, Entry, Problem, Severity, clamp, is_number, parse_bool, parse_int

Kind = Literal["int", "bool", "str", "choice"]

MAX_UNKNOWN = 20
"""Unknown options of one section that are told one by one."""

_SUGGESTIONS = 3
_LONGEST_WORD = 64  # finding near names takes time with the square of the length
_UNITS = {"ms": "milliseconds", "s": "seconds"}
_BOOL_WORDS = "yes, true, on, enable, t or no, false, off, disable, f"


class Option(NamedTuple):
    """One option of a section.

    `default` is of the type that `kind` names (a choice is a str); `low` and `high` are the
    limits of an int, None for no limit; `unit` is what an int counts, "ms", "s" or a word;
    `choices` are the values of a choice. `help` is one line.
    """

    name: str
    kind: Kind
    default: int | bool | str
    low: int | None = None
    high: int | None = None
    unit: str = ""
    help: str = ""
    choices: tuple[str, ...] = ()


class _Reading:
    """Reads the options of one section and gathers the problems."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def report(self, severity: Severity, entry: Entry, text: str) -> None:
        self.problems.append(Problem(entry.file, entry.line, severity, text))

    def value(self, option: Option, entry: Entry) -> object:
        if not entry.value and option.kind != "str":
            self.report("warning", entry, f"{option.name}= is empty: taken as {_default(option)}")
            return option.default
        return _READERS[option.kind](self, option, entry)

    def int_value(self, option: Option, entry: Entry) -> object:
        value = parse_int(entry.value)
        if value is None:
            unit = f" of {_UNITS.get(option.unit, option.unit)}" if option.unit else ""
            wrong = "too large a" if is_number(entry.value) else "not a"
            self.report("error", entry, f"{option.name}={entry.value} is {wrong} number{unit}")
            return option.default
        used = clamp(value, option.low, option.high)
        if used != value:
            allowed = f"{option.low} to {option.high}"
            if option.high is None:
                allowed = f"{option.low} or more"
            elif option.low is None:
                allowed = f"{option.high} or less"
            text = (
                f"{option.name}={entry.value} is not {allowed}: taken as {_with_unit(option, used)}"
            )
            self.report("warning", entry, text)
        return used

    def bool_value(self, option: Option, entry: Entry) -> object:
        value = parse_bool(entry.value)
        if value is None:
            text = f"{option.name}={entry.value} is not a boolean ({_BOOL_WORDS})"
            self.report("error", entry, text)
            return option.default
        return value

    def str_value(self, option: Option, entry: Entry) -> object:
        return entry.value

    def choice_value(self, option: Option, entry: Entry) -> object:
        if entry.value not in option.choices:
            text = f"{option.name}={entry.value} is none of {', '.join(option.choices)}"
            self.report("error", entry, text + _did_you_mean(entry.value, option.choices))
            return option.default
        return entry.value


_READERS: dict[Kind, Callable[[_Reading, Option, Entry], object]] = {
    "int": _Reading.int_value,
    "bool": _Reading.bool_value,
    "str": _Reading.str_value,
    "choice": _Reading.choice_value,
}


def _with_unit(option: Option, value: object) -> str:
    return f"{value} {option.unit}" if option.unit else str(value)


def _default(option: Option) -> str:
    return f"the default {_with_unit(option, _written(option.default))}"


def _written(value: object) -> str:
    """A value as it is written in a file."""
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def read_options(
    conf: Conf, section: str, options: Iterable[Option]
) -> tuple[dict[str, object], list[Problem]]:
    """The values of `options` in a section of `conf`, by name, and what is wrong with them.

    An option that is not given has its default, and so has one whose value is not of its
    kind: that is an error. An int out of range is taken to the limit it passes, with a
    warning, as in Yate. Of an option given twice the first value counts: a note tells so
    where the values differ.
    """
    reading = _Reading()
    values: dict[str, object] = {}
    by_name: dict[str, Option] = {option.name: option for option in options}
    for name, option in by_name.items():
        entry = conf.entry(section, name)
        values[name] = option.default if entry is None else reading.value(option, entry)
    for name, entry in conf.items(section):
        first = conf.entry(section, name)
        if name in by_name and first is not None and entry.value != first.value:
            text = f"{name}={entry.value} has no effect: line {first.line} of {first.file} holds"
            reading.report("note", entry, text)
    return values, reading.problems


def told_changes(
    options: Iterable[Option], before: Mapping[str, object], after: Mapping[str, object]
) -> dict[str, str]:
    """What differs between two sets of values: ``5000 -> 7000``, by the options' names."""
    return {
        option.name: f"{_written(before[option.name])} -> {_written(after[option.name])}"
        for option in options
        if before[option.name] != after[option.name]
    }


def nearest(word: str, names: Collection[str]) -> list[str]:
    """The names that `word` may have been meant for, nearest first, at most three.

    Upper and lower case count as the same; a word over 64 characters has none.
    """
    if len(word) > _LONGEST_WORD:
        return []
    from difflib import get_close_matches

    by_lower: dict[str, str] = {}
    for name in names:
        by_lower.setdefault(name.lower(), name)
    found = get_close_matches(word.lower(), by_lower, n=_SUGGESTIONS)
    return [by_lower[name] for name in found]


def unknown_problems(conf: Conf, section: str, known_names: Collection[str]) -> list[Problem]:
    """A warning for each entry of the section whose key is no known name."""
    known = set(known_names)
    unknown = [entry for key, entry in conf.items(section) if key not in known]
    problems = [
        Problem(
            entry.file,
            entry.line,
            "warning",
            f"unknown option '{entry.key}' in [{section}]{_did_you_mean(entry.key, known_names)}",
        )
        for entry in unknown[:MAX_UNKNOWN]
    ]
    if len(unknown) > MAX_UNKNOWN:
        first = unknown[MAX_UNKNOWN]
        text = f"{len(unknown) - MAX_UNKNOWN} more unknown options in [{section}] from here on"
        problems.append(Problem(first.file, first.line, "warning", text))
    return problems


def _did_you_mean(word: str, names: Collection[str]) -> str:
    found = nearest(word, names)
    return f"; did you mean {' or '.join(found)}?" if found else ""
