"""Directives: those that include a file or a section, and the condition of ``[$enabled]``."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import NamedTuple

from yext.conf.model import Conf, Entry, LogLine, Section, Severity
from yext.conf.values import BLANKS, parse_bool, replace_params, skip_word

INCLUDED = "[]"
"""The key of an entry that stands for a section to be included; no line can have this key."""

MAX_NESTING = 100
"""How deep sections may include each other; Yate is limited by its stack only."""

MAX_COPIES = 1_000_000
"""How many entries included sections may add in one reading."""

Loaded = Callable[[str], bool] | Collection[str]


class Mode(Enum):
    """What a directive does if the file or section that it names is missing."""

    PLAIN = "warn"
    SILENT = "ignore"
    REQUIRE = "fail"


INCLUDES = {
    "$include": Mode.PLAIN,
    "$includesilent": Mode.SILENT,
    "$require": Mode.REQUIRE,
}
SECTION_INCLUDES = {
    "$includesection": Mode.PLAIN,
    "$includesectionsilent": Mode.SILENT,
    "$requiresection": Mode.REQUIRE,
}

_DIRECTIVE = re.compile(rf"(\$[a-z]+)[{BLANKS}]+(.+)", re.DOTALL)


def split_directive(text: str) -> tuple[str, str]:
    """Split a directive into its word and the rest; both are empty for any other `text`."""
    found = _DIRECTIVE.fullmatch(text)
    return (found[1], found[2]) if found else ("", "")


class Condition(NamedTuple):
    """The result of a condition.

    Attributes:
        holds: True if the condition is true.
        doubt: why that may surprise, empty if it should not.
    """

    holds: bool
    doubt: str


def evaluate(text: str, params: Mapping[str, str], loaded: Loaded) -> Condition:
    """Evaluate the condition of an ``[$enabled]``.

    The conditions are ``$loaded MODULE``, ``$unloaded MODULE``, ``$filled TEXT``, ``$empty TEXT``,
    ``$bool WORD`` (true for a true word only), or a word, where anything but a false word is true.
    ``$not`` before them negates the condition.

    Args:
        text: the text after ``$enabled``.
        params: the run parameters.
        loaded: the loaded modules.
    """
    text = replace_params(text, params)
    negated = skip_word(text, "$not")
    condition = _plain(text if negated is None else negated, loaded)
    return condition if negated is None else condition._replace(holds=not condition.holds)


def _plain(text: str, loaded: Loaded) -> Condition:
    for word, test in _TESTS.items():
        rest = skip_word(text, word)
        if rest is not None:
            return Condition(test(rest, loaded), "")
    value = parse_bool(text)
    doubt = f"'{text}' is not a boolean and counts as true" if text and value is None else ""
    return Condition(value is not False, doubt)


def _is_loaded(name: str, loaded: Loaded) -> bool:
    return loaded(name) if callable(loaded) else name in loaded


_TESTS: dict[str, Callable[[str, Loaded], bool]] = {
    "$loaded": _is_loaded,
    "$unloaded": lambda rest, loaded: not _is_loaded(rest, loaded),
    "$filled": lambda rest, loaded: bool(rest),
    "$empty": lambda rest, loaded: not rest,
    "$bool": lambda rest, loaded: parse_bool(rest) is True,
}


class SectionIncludes:
    """The sections that include others, which are expanded once all files are read.

    An entry with the key `INCLUDED` has the place and the directive.

    Attributes:
        ok: False if a required section is missing or a limit is exceeded.
    """

    def __init__(self, conf: Conf, params: Mapping[str, str]) -> None:
        self.ok = True
        self._conf = conf
        self._params = params
        self._pending: dict[str, Section] = {}
        self._done: set[str] = set()
        self._copies = 0
        self._limited = False

    def add(self, section: Section, directive: str, file: str, line: int) -> None:
        """Add an include to `section`, at its end so far."""
        section.add(Entry(INCLUDED, directive, file, line))
        self._pending[section.name] = section

    def expand(self) -> None:
        """Replace all includes by the entries of the included sections."""
        for section in self._pending.values():
            if section.name not in self._done:
                self._expand(section, [])

    def _expand(self, section: Section, stack: list[str]) -> None:
        stack.append(section.name)
        entries: list[Entry] = []
        for entry in section.entries:
            if entry.key == INCLUDED:
                entries += self._included(entry, stack)
            else:
                entries.append(entry)
        section.replace(entries)
        stack.pop()
        self._done.add(section.name)

    def _included(self, entry: Entry, stack: list[str]) -> list[Entry]:
        word, text = split_directive(entry.value)
        name = replace_params(text, self._params)
        mode = SECTION_INCLUDES[word]
        section = self._conf.section(name)
        if not name:
            self._report(entry, Severity.WARNING, f"[{entry.value}] names no section")
        elif name in stack:
            chain = " -> ".join(stack)
            self._refuse(entry, mode, stack, f"recursive include stack={chain}")
        elif section is None:
            self._refuse(entry, mode, stack, "not found")
        elif name not in self._done and len(stack) > MAX_NESTING:
            self._limit(entry, f"sections include each other deeper than {MAX_NESTING}")
        else:
            return self._copied(entry, section, stack)
        return []

    def _copied(self, entry: Entry, section: Section, stack: list[str]) -> list[Entry]:
        if section.name not in self._done:
            self._expand(section, stack)
        if self._copies + len(section.entries) > MAX_COPIES:
            self._limit(entry, f"included sections add more than {MAX_COPIES} entries")
            return []
        self._copies += len(section.entries)
        return section.entries

    def _refuse(self, entry: Entry, mode: Mode, stack: list[str], error: str) -> None:
        if mode is Mode.REQUIRE:
            self.ok = False
        rules = self._conf.rules
        if mode is Mode.SILENT and not rules.disable_include_silent:
            return
        text = f"not including section '{entry.value}' in '{stack[-1]}': {error}"
        if rules.warnings:
            self._conf.log.append(LogLine("NOTE", f"'{self._conf.path}' {text}"))
        severity = Severity.ERROR if mode is Mode.REQUIRE else Severity.WARNING
        self._report(entry, severity, text)

    def _limit(self, entry: Entry, text: str) -> None:
        if not self._limited:  # once, as a limit tends to be exceeded many times
            self._report(entry, Severity.ERROR, text)
        self._limited = True
        self.ok = False

    def _report(self, entry: Entry, severity: Severity, text: str) -> None:
        self._conf.report(severity, entry.file, entry.line, text)
