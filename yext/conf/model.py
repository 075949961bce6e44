"""What reading a configuration file gives: sections of entries, problems, log lines."""

from __future__ import annotations

from typing import Literal, NamedTuple, overload

from yext.conf.values import clamp, parse_bool, parse_int

MAX_PROBLEMS = 1000
"""Warnings and notes kept of one reading; errors are kept all."""

Severity = Literal["error", "warning", "note"]


class Entry(NamedTuple):
    """One ``key=value`` line.

    `file` is told from the folder of the configuration file that was asked for, where it
    lies in there, else with its whole path; `line` counts from 1 and is the first of a
    value that goes on over several.
    """

    key: str
    value: str
    file: str
    line: int


class Section:
    """A section: its entries in the order of the file, duplicates kept.

    `file` and `line` tell where it was first named.
    """

    __slots__ = ("_first", "entries", "file", "line", "name")

    def __init__(self, name: str, file: str, line: int) -> None:
        self.name = name
        self.file = file
        self.line = line
        self.entries: list[Entry] = []
        self._first: dict[str, Entry] = {}

    def add(self, entry: Entry) -> None:
        """Append an entry; an earlier one of the same key goes on giving the value."""
        self.entries.append(entry)
        self._first.setdefault(entry.key, entry)

    def replace(self, entries: list[Entry]) -> None:
        """Have these entries instead."""
        self.entries = entries
        self._first = {entry.key: entry for entry in reversed(entries)}

    def entry(self, key: str) -> Entry | None:
        """The first entry with that key."""
        return self._first.get(key)


class Problem(NamedTuple):
    """Something that an operator should know about a configuration file.

    "error": the file cannot be used as it stands; "warning": it means something else than
    it seems to; "note": worth knowing. `line` is 0 where the whole file is meant.
    """

    file: str
    line: int
    severity: Severity
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.text}"


class LogLine(NamedTuple):
    """A line that Yate writes to its log while it reads: `level` is WARN or NOTE.

    The text may hold CR LF: Yate shows the files that include each other on lines of their
    own.
    """

    level: str
    text: str

    def __str__(self) -> str:
        return f"<Configuration:{self.level}> {self.text}"


_RULES = {  # the value that stands in for one that is no boolean
    "disable_include_silent": False,
    "include_empty": False,
    "check_recursive_include": True,
    "warnings": False,
}

RULE_NAMES = ("max_depth", *_RULES)
"""What section ``[configuration]`` of the main file knows."""


class Rules:
    """How files are read: section ``[configuration]`` of the main file, yate.conf.

    The first value given holds for as long as the engine runs, and for all files that are
    read with the same `Rules`. `max_depth` counts includes within includes (3 to 50, or to
    10 without the check for recursion); `disable_include_silent` reports the missing files
    of ``[$includesilent]``; `include_empty` takes an empty file name for the folder of the
    including file; `check_recursive_include` refuses a file that is being read already;
    `warnings` logs what is otherwise passed over.
    """

    def __init__(self) -> None:
        self.max_depth = 10
        self.disable_include_silent = False
        self.include_empty = False
        self.check_recursive_include = True
        self.warnings = False
        self.settled: set[str] = set()

    def settle(self, key: str, value: str, conf: Conf) -> None:
        """Take ``key=value`` from the main file; `conf` holds what was read before it."""
        first = key not in self.settled
        if key in RULE_NAMES:
            self.settled.add(key)
        if key == "max_depth" and first:
            self._settle_depth(value)
        elif key in _RULES and first:
            chosen = parse_bool(value)
            setattr(self, key, _RULES[key] if chosen is None else chosen)
        if (
            key == "check_recursive_include"
            and not self.check_recursive_include
            and "max_depth" in self.settled
        ):
            self._settle_depth(conf.get("configuration", "max_depth", ""))

    def _settle_depth(self, value: str) -> None:
        default, high = (10, 50) if self.check_recursive_include else (3, 10)
        depth = parse_int(value)
        self.max_depth = clamp(default if depth is None else depth, 3, high)


class Conf:
    """A configuration file with all that it includes.

    `path` is the file as asked for; `exists` whether there was one; `ok` whether Yate would
    call it loaded (what ``[$require]`` asks for is there); `sections` are in the order of
    their first naming; `problems` are for the operator, `log` is for the engine's log, in
    Yate's words; `rules` are those that held in the end.
    """

    def __init__(self, path: str, rules: Rules) -> None:
        self.path = path
        self.rules = rules
        self.exists = False
        self.ok = False
        self.problems: list[Problem] = []
        self.log: list[LogLine] = []
        self.left_out = 0
        self._sections: dict[str, Section] = {}

    @property
    def sections(self) -> list[Section]:
        return list(self._sections.values())

    def section_names(self) -> list[str]:
        """The names of the sections, in order."""
        return list(self._sections)

    def has_section(self, name: str) -> bool:
        """Whether there is such a section, be it empty."""
        return name in self._sections

    def section(self, name: str) -> Section | None:
        """The section of that name."""
        return self._sections.get(name)

    def make_section(self, name: str, file: str, line: int) -> Section:
        """The section of that name, added if there is none."""
        section = self._sections.get(name)
        if section is None:
            section = self._sections[name] = Section(name, file, line)
        return section

    def entry(self, section: str, key: str) -> Entry | None:
        """The first entry with that key in that section."""
        found = self._sections.get(section)
        return None if found is None else found.entry(key)

    @overload
    def get(self, section: str, key: str) -> str | None: ...
    @overload
    def get(self, section: str, key: str, default: str) -> str: ...
    def get(self, section: str, key: str, default: str | None = None) -> str | None:
        """The first value with that key in that section, else `default`."""
        entry = self.entry(section, key)
        return default if entry is None else entry.value

    def items(self, section: str) -> list[tuple[str, Entry]]:
        """All entries of that section with their keys, in order; none if it is missing."""
        found = self._sections.get(section)
        return [] if found is None else [(entry.key, entry) for entry in found.entries]

    def report(self, severity: Severity, file: str, line: int, text: str) -> None:
        """Add a problem. Past `MAX_PROBLEMS` only errors are kept, others are counted."""
        if severity == "error" or len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(file, line, severity, text))
        else:
            self.left_out += 1
