"""Suggestions: names that may be meant, and one thing to do about a failure."""

from __future__ import annotations

import os
import re
from itertools import islice

_NAMES = 4096
"""How many names of one directory are searched for a similar one."""

_NEAR = 3
"""How many similar names are suggested."""


def find_program(name: str) -> str | None:
    """Return the path of the program `name`, found in the engine's PATH, or None."""
    if "/" in name:
        return name if os.access(name, os.X_OK) else None
    for directory in os.get_exec_path():
        path = os.path.join(directory, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def absent_hint(program: str) -> str:
    """Return a hint for a ``#!`` line that names the missing `program`."""
    name = os.path.basename(program)
    found = find_program(name)
    if found and found != program:
        return f"point the #! line at {found}"
    return f"install {name}, or correct the #! line"


def env_hint(program: str) -> str:
    """Return a hint for a `program` that ``#!/usr/bin/env`` does not find."""
    if " " in program:
        return f"write #!/usr/bin/env -S {program}: env takes one name without -S"
    return absent_hint(program)


def line_ends_hint(path: str) -> str:
    """Return a hint for a script with the line endings of Windows."""
    return f"sed -i 's/\\r$//' {quoted(path)}"


def quoted(path: str) -> str:
    """Return `path` as one word of a shell command, quoted where it must be."""
    if re.fullmatch(r"[\w@%+=:,./-]+", path, re.ASCII):
        return path
    return "'" + path.replace("'", "'\"'\"'") + "'"


def near_misses(path: str) -> tuple[str, ...]:
    """Return the names in the directory of `path` that are similar to its own, closest first."""
    wanted = os.path.basename(path.rstrip("/"))
    folded = wanted.casefold()

    def likely(name: str) -> bool:
        """Return True if a costly comparison is worthwhile."""
        other = name.casefold()
        near_length = abs(len(other) - len(folded)) <= max(3, len(folded) // 3)
        return near_length and (other[:2] == folded[:2] or other[-3:] == folded[-3:])

    try:
        import difflib  # Needed for a failure only; there may be no descriptor left.

        with os.scandir(os.path.dirname(path.rstrip("/")) or ".") as entries:
            names = [entry.name for entry in islice(entries, _NAMES)]
    except (OSError, ImportError):
        return ()
    return tuple(difflib.get_close_matches(wanted, filter(likely, names), _NEAR))
