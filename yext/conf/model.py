"""A configuration file that was read: sections of entries, problems, log lines."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, overload

from yext.conf.values import clamp, parse_bool, parse_int

MAX_PROBLEMS = 1000
"""How many warnings and notes of one reading are kept; all errors are."""


class Severity(StrEnum):
    """How bad a problem is."""

    ERROR = "error"
    """The file cannot be used as it is."""

    WARNING = "warning"
    """The file means something else than it appears to."""

    NOTE = "note"
    """Worth knowing."""


class Entry(NamedTuple):
    """A ``key=value`` line.

    Attributes:
        key: the key.
        value: the value, without the blanks around it.
        file: the file that it comes from, relative to the folder of the main file if it is in
            there.
        line: its line, from 1; the first one of a value that continues.
    """

    key: str
    value: str
    file: str
    line: int


class Section:
    """A section of a configuration file.

    Attributes:
        name: its name.
        file, line: the place where it was first named.
        entries: its entries in the order of the file, with duplicates.
    """

    __slots__ = ("_first", "entries", "file", "line", "name")

    def __init__(self, name: str, file: str, line: int) -> None:
        self.name = name
        self.file = file
        self.line = line
        self.entries: list[Entry] = []
        self._first: dict[str, Entry] = {}

    def add(self, entry: Entry) -> None:
        """Append an entry. The first one of a key has the value that counts."""
        self.entries.append(entry)
        self._first.setdefault(entry.key, entry)

    def replace(self, entries: list[Entry]) -> None:
        """Replace all entries."""
        self.entries = entries
        self._first = {entry.key: entry for entry in reversed(entries)}

    def entry(self, key: str) -> Entry | None:
        """Return the first entry with that key."""
        return self._first.get(key)


class Problem(NamedTuple):
    """Something that an operator should know about a configuration file.

    Attributes:
        file: the file, as in `Entry`.
        line: the line, from 1; 0 for the whole file.
        severity: how bad it is.
        text: what is wrong.
    """

    file: str
    line: int
    severity: Severity
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.text}"


class LogLine(NamedTuple):
    """A line that Yate writes to its log while it reads a file.

    Attributes:
        level: WARN or NOTE.
        text: the text. It may contain CR LF: Yate lists the files that include each other on
            lines of their own.
    """

    level: str
    text: str

    def __str__(self) -> str:
        return f"<Configuration:{self.level}> {self.text}"


_RULES = {  # the value that replaces one that is not a boolean
    "disable_include_silent": False,
    "include_empty": False,
    "check_recursive_include": True,
    "warnings": False,
}

RULE_NAMES = ("max_depth", *_RULES)
"""The options of section ``[configuration]`` of the main file."""


class ReadingRules:
    """How files are read: section ``[configuration]`` of the main file, yate.conf.

    The first value of an option holds for the life of the engine, and for all files that are read
    with the same rules.

    Attributes:
        max_depth: how deep files may include each other: 3 to 50, or to 10 without the check for
            recursion.
        disable_include_silent: report the files that ``[$includesilent]`` does not find.
        include_empty: read an empty file name as the folder of the including file.
        check_recursive_include: refuse a file that is being read already.
        warnings: log what is otherwise ignored in silence.
        settled: the options that have been given.
    """

    def __init__(self) -> None:
        self.max_depth = 10
        self.disable_include_silent = False
        self.include_empty = False
        self.check_recursive_include = True
        self.warnings = False
        self.settled: set[str] = set()

    def settle(self, key: str, value: str, conf: Conf) -> None:
        """Apply ``key=value`` from the main file; `conf` has what was read before it."""
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

    Attributes:
        path: the path of the file.
        rules: the rules that it was read by, as they were at its end.
        exists: True if there is such a file.
        ok: True if Yate would call it loaded: all that ``[$require]`` names was found.
        problems: the problems, for the operator.
        log: lines for the engine's log, in Yate's words.
        left_out: how many problems were counted but not kept.
        unclosed: names and lines of headings without their ``]``, which are ignored.
    """

    def __init__(self, path: str, rules: ReadingRules) -> None:
        self.path = path
        self.rules = rules
        self.exists = False
        self.ok = False
        self.problems: list[Problem] = []
        self.log: list[LogLine] = []
        self.left_out = 0
        self.unclosed: list[tuple[str, int]] = []
        self._sections: dict[str, Section] = {}

    @property
    def sections(self) -> list[Section]:
        """The sections in the order in which they were first named."""
        return list(self._sections.values())

    def section_names(self) -> list[str]:
        """Return the names of the sections, in order."""
        return list(self._sections)

    def has_section(self, name: str) -> bool:
        """Return True if there is such a section, even an empty one."""
        return name in self._sections

    def section(self, name: str) -> Section | None:
        """Return the section of that name."""
        return self._sections.get(name)

    def make_section(self, name: str, file: str, line: int) -> Section:
        """Return the section of that name; add it if there is none."""
        section = self._sections.get(name)
        if section is None:
            section = self._sections[name] = Section(name, file, line)
        return section

    def entry(self, section: str, key: str) -> Entry | None:
        """Return the first entry with that key in that section."""
        found = self._sections.get(section)
        return None if found is None else found.entry(key)

    @overload
    def get(self, section: str, key: str) -> str | None: ...
    @overload
    def get(self, section: str, key: str, default: str) -> str: ...
    def get(self, section: str, key: str, default: str | None = None) -> str | None:
        """Return the first value with that key in that section, else `default`."""
        entry = self.entry(section, key)
        return default if entry is None else entry.value

    def items(self, section: str) -> list[tuple[str, Entry]]:
        """Return all entries of that section with their keys, in order; none if it is missing."""
        found = self._sections.get(section)
        return [] if found is None else [(entry.key, entry) for entry in found.entries]

    def report(self, severity: Severity, file: str, line: int, text: str) -> None:
        """Add a problem. Beyond `MAX_PROBLEMS` only errors are kept, the rest is counted."""
        if severity is Severity.ERROR or len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(file, line, severity, text))
        else:
            self.left_out += 1
