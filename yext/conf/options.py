"""Typed options of a configuration file: kind, default, range, unit and help of each.

A module lists its options as a tuple of `Option` and reads a section of its configuration file
with `read_options`. The values that it gets are complete and of the right types whatever the file
contains; the problems name file, line and mistake.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Literal, NamedTuple

from yext.conf import (
    Conf,
    Entry,
    Problem,
    Section,
    Severity,
    clamp,
    is_number,
    parse_bool,
    parse_int,
)

Kind = Literal["int", "bool", "str", "choice"]

MAX_UNKNOWN = 20
"""How many unknown options of one section are reported one by one; the rest is counted."""

_SUGGESTIONS = 3
_LONGEST_WORD = 64  # the time to find similar names grows with the square of the length
_UNITS = {"ms": "milliseconds", "s": "seconds"}
_BOOL_WORDS = "yes, true, on, enable, t or no, false, off, disable, f"


class Option(NamedTuple):
    """One option of a section.

    Attributes:
        name: the key in the file.
        kind: the type of the value; a choice is one of several words.
        default: the value where the file has none, of the type that `kind` names.
        low, high: the limits of an int, None for no limit.
        unit: the unit of an int: ``ms``, ``s`` or a word.
        help: what the option is for, on one line.
        choices: the values of a choice.
    """

    name: str
    kind: Kind
    default: int | bool | str
    low: int | None = None
    high: int | None = None
    unit: str = ""
    help: str = ""
    choices: tuple[str, ...] = ()


class _ValueReader:
    """Reads values of options and collects the problems."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def report(self, severity: Severity, entry: Entry, text: str) -> None:
        self.problems.append(Problem(entry.file, entry.line, severity, text))

    def value(self, option: Option, entry: Entry) -> object:
        if not entry.value and option.kind != "str":
            self.report(
                Severity.WARNING, entry, f"{option.name}= is empty: taken as {_default(option)}"
            )
            return option.default
        return _READERS[option.kind](self, option, entry)

    def int_value(self, option: Option, entry: Entry) -> object:
        value = parse_int(entry.value)
        if value is None:
            unit = f" of {_UNITS.get(option.unit, option.unit)}" if option.unit else ""
            wrong = "too large a" if is_number(entry.value) else "not a"
            self.report(
                Severity.ERROR, entry, f"{option.name}={entry.value} is {wrong} number{unit}"
            )
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
            self.report(Severity.WARNING, entry, text)
        return used

    def bool_value(self, option: Option, entry: Entry) -> object:
        value = parse_bool(entry.value)
        if value is None:
            text = f"{option.name}={entry.value} is not a boolean ({_BOOL_WORDS})"
            self.report(Severity.ERROR, entry, text)
            return option.default
        return value

    def str_value(self, option: Option, entry: Entry) -> object:
        return entry.value

    def choice_value(self, option: Option, entry: Entry) -> object:
        if entry.value not in option.choices:
            text = f"{option.name}={entry.value} is none of {', '.join(option.choices)}"
            self.report(Severity.ERROR, entry, text + _did_you_mean(entry.value, option.choices))
            return option.default
        return entry.value


_READERS: dict[Kind, Callable[[_ValueReader, Option, Entry], object]] = {
    "int": _ValueReader.int_value,
    "bool": _ValueReader.bool_value,
    "str": _ValueReader.str_value,
    "choice": _ValueReader.choice_value,
}


def _with_unit(option: Option, value: object) -> str:
    return f"{value} {option.unit}" if option.unit else str(value)


def _default(option: Option) -> str:
    return f"the default {_with_unit(option, _written(option.default))}"


def _written(value: object) -> str:
    """A value as a configuration file has it."""
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def read_options(
    conf: Conf, section: str, options: Iterable[Option]
) -> tuple[dict[str, object], list[Problem]]:
    """Read options from a section.

    An option that is missing has its default. So has one whose value is not of its kind, which is
    an error. An int out of range becomes the limit, with a warning, as in Yate. Of an option that
    is given twice the first value counts, with a note where the values differ.

    Args:
        conf: the configuration file.
        section: the name of the section.
        options: the options to read.

    Returns:
        The values of all `options` by name, and the problems.
    """
    reader = _ValueReader()
    values: dict[str, object] = {}
    by_name: dict[str, Option] = {option.name: option for option in options}
    for name, option in by_name.items():
        entry = conf.entry(section, name)
        values[name] = option.default if entry is None else reader.value(option, entry)
    for name, entry in conf.items(section):
        first = conf.entry(section, name)
        if name in by_name and first is not None and entry.value != first.value:
            text = f"{name}={entry.value} has no effect: line {first.line} of {first.file} holds"
            reader.report(Severity.NOTE, entry, text)
    return values, reader.problems


def describe_changes(
    options: Iterable[Option], before: Mapping[str, object], after: Mapping[str, object]
) -> dict[str, str]:
    """Return the differences between two sets of values: ``5000 -> 7000``, by option name."""
    return {
        option.name: f"{_written(before[option.name])} -> {_written(after[option.name])}"
        for option in options
        if before[option.name] != after[option.name]
    }


def nearest(word: str, names: Collection[str]) -> list[str]:
    """Return the names that are most similar to `word`, the nearest first, at most three.

    Case is ignored. A word of more than 64 characters has no similar names.
    """
    if len(word) > _LONGEST_WORD:
        return []
    from difflib import get_close_matches

    by_lower: dict[str, str] = {}
    for name in names:
        by_lower.setdefault(name.lower(), name)
    found = get_close_matches(word.lower(), by_lower, n=_SUGGESTIONS)
    return [by_lower[name] for name in found]


def missing(conf: Conf, text: str) -> Problem:
    """Return an error for something that is not in a file any more."""
    return Problem(os.path.basename(conf.path), 0, Severity.ERROR, text)


def lost_section(conf: Conf, section: str, known: Collection[str], would: str) -> Problem | None:
    """Return an error if a file, a section, or perhaps a misspelt option of it is missing.

    Args:
        conf: the file.
        section: the section.
        known: the names of its options.
        would: what comes of it.
    """
    if not conf.exists:
        return missing(conf, f"there is no such file any more: {would}")
    if not conf.has_section(section):
        hint = _section_meant(conf, section)
        return missing(conf, f"[{section}] is not there any more{hint}: {would}")
    misspelt = unknown_problems(conf, section, known) if known else []
    if not misspelt:
        return None
    return misspelt[0]._replace(severity=Severity.ERROR, text=f"{misspelt[0].text}: {would}")


def _section_meant(conf: Conf, section: str) -> str:
    """Return what may have been meant to be the heading of a section that is missing."""
    headings = {one.name: (f"[{one.name}]", one.line) for one in conf.sections}
    headings |= {name: (f"[{name}", line) for name, line in conf.unclosed}
    near = nearest(section, headings)
    if not near:
        return ""
    text, line = headings[near[0]]
    return f", did you mean '{text}' in line {line}"


def unknown_section(section: Section, known: Collection[str]) -> Problem:
    """Return a warning for a section whose name is none of those that are `known`.

    Of a name in two words, such as ``listener NAME``, the second is the operator's.
    """
    first, _, rest = section.name.partition(" ")
    names = {name.partition(" ")[0] if rest else name: name for name in known}
    near = nearest(first, names)
    meant = f"{near[0]} {rest}".rstrip() if near and rest else "".join(near[:1])
    hint = f", did you mean [{meant}]?" if near else ""
    text = f"unknown section [{section.name}]{hint}"
    return Problem(section.file, section.line, Severity.WARNING, text)


def unknown_problems(conf: Conf, section: str, known_names: Collection[str]) -> list[Problem]:
    """Return a warning for each entry of the section whose key is not a known name.

    A line that begins with a colon is a note: no option is called so, and a sample file of Yate
    begins a comment with it.
    """
    known = set(known_names)
    entries = [entry for key, entry in conf.items(section) if key not in known]
    unknown = [entry for entry in entries if not entry.key.startswith(":")]
    problems = [
        Problem(
            entry.file, entry.line, Severity.NOTE, "this line is no comment: those begin with ;"
        )
        for entry in entries[:MAX_UNKNOWN]
        if entry.key.startswith(":")
    ]
    problems += [
        Problem(
            entry.file,
            entry.line,
            Severity.WARNING,
            f"unknown option '{entry.key}' in [{section}]{_did_you_mean(entry.key, known_names)}",
        )
        for entry in unknown[:MAX_UNKNOWN]
    ]
    if len(unknown) > MAX_UNKNOWN:
        first = unknown[MAX_UNKNOWN]
        text = f"{len(unknown) - MAX_UNKNOWN} more unknown options in [{section}] from here on"
        problems.append(Problem(first.file, first.line, Severity.WARNING, text))
    return problems


def _did_you_mean(word: str, names: Collection[str]) -> str:
    found = nearest(word, names)
    return f"; did you mean {' or '.join(found)}?" if found else ""
