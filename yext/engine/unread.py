"""Configuration files that nobody reads: of modules that are not here, or misspelt."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from yext.bus import Bus
from yext.conf import Problem, Severity, parse_bool
from yext.conf.options import nearest

if TYPE_CHECKING:
    from pathlib import Path

_MAX_BYTES: Final = 1_000_000
"""The bytes that are looked at of each file."""

_ELSEWHERE: Final = ("yate", "yext", "rmanager")
"""Files that are read, but not by a module of the engine, or not by all commands of yext."""

_INCLUDED: Final = re.compile(r"^\s*\[?\$(?:include|require)\w*\s+([^\]\r\n]+)", re.MULTILINE)
_CONTENT: Final = re.compile(r"^[ \t]*[^;\[\s]", re.MULTILINE)
"""A line that is neither blank nor a comment nor the head of a section."""


def unread_files(bus: Bus) -> list[Problem]:
    """Return a note for each file of the configuration directory that has content and is not read.

    A file that another one includes counts as read, and that of a module which yate.conf turns off
    is expected not to be. A name close to that of a file which is read
    is a warning.
    """
    if bus.config_dir is None:
        return []
    read = {*bus.conf_names, *_ELSEWHERE}
    from fnmatch import fnmatch
    from pathlib import Path

    texts = {path: _text(path) for path in sorted(Path(bus.config_dir).glob("*.conf"))}
    included = [
        found.strip().rpartition("/")[2]
        for text in texts.values()
        for found in _INCLUDED.findall(text)
    ]
    return [
        _problem(path, bus, read)
        for path, text in texts.items()
        if path.stem not in read
        and parse_bool(bus.conf.get("modules", f"{path.stem}.yate", "")) is not False
        and _CONTENT.search(text)
        and not any(fnmatch(path.name, name) for name in included)
    ]


def unread_line(bus: Bus) -> str:
    """Return the names of these files in a sentence, empty if all files are read."""
    names = [os.path.basename(problem.file) for problem in unread_files(bus)]
    if not names:
        return ""
    verb = "is" if len(names) == 1 else "are"
    return f"{', '.join(names)} {verb} not read: no loaded module uses {_THESE[verb]}"


_THESE: Final = {"is": "it", "are": "them"}


def _problem(path: Path, bus: Bus, read: set[str]) -> Problem:
    severity, why = Severity.NOTE, f"no module {path.stem} is loaded"
    near = nearest(path.stem, read)
    if path.stem in bus.modules:
        why = f"the module {path.stem} has no options here"
    elif near:
        severity, why = Severity.WARNING, f"did you mean {near[0]}.conf?"
    return Problem(path.name, 0, severity, f"this file is not read: {why}")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
