"""What may be meant where something is missing, and what to do about it."""

from __future__ import annotations

import os
import re
from itertools import islice

_NAMES = 4096
"""Names of one directory that are searched for a near miss."""

_NEAR = 3
"""Near misses that are told."""


def find_program(name: str) -> str | None:
    """The path of the program `name` by the engine's PATH, or None."""
    if "/" in name:
        return name if os.access(name, os.X_OK) else None
    for directory in os.get_exec_path():
        path = os.path.join(directory, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def absent_hint(program: str) -> str:
    """What to do where a ``#!`` line names the absent `program`."""
    name = os.path.basename(program)
    found = find_program(name)
    if found and found != program:
        return f"point the #! line at {found}"
    return f"install {name}, or correct the #! line"


def env_hint(program: str) -> str:
    """What to do where ``#!/usr/bin/env`` does not find `program`."""
    if " " in program:
        return f"write #!/usr/bin/env -S {program}: env takes one name without -S"
    return absent_hint(program)


def line_ends_hint(path: str) -> str:
    """What to do about a script with the line ends of Windows."""
    return f"sed -i 's/\\r$//' {quoted(path)}"


def quoted(path: str) -> str:
    """`path` as one word of a shell command."""
    if re.fullmatch(r"[\w@%+=:,./-]+", path, re.ASCII):
        return path
    return "'" + path.replace("'", "'\"'\"'") + "'"


def near_misses(path: str) -> tuple[str, ...]:
    """Names in the directory of `path` that are close to its last, the closest first."""
    wanted = os.path.basename(path.rstrip("/"))
    folded = wanted.casefold()

    def likely(name: str) -> bool:
        """Whether a costly comparison is worth while."""
        other = name.casefold()
        near_length = abs(len(other) - len(folded)) <= max(3, len(folded) // 3)
        return near_length and (other[:2] == folded[:2] or other[-3:] == folded[-3:])

    try:
        import difflib  # Only a failure needs it; it may be that no descriptor is left.

        with os.scandir(os.path.dirname(path.rstrip("/")) or ".") as entries:
            names = [entry.name for entry in islice(entries, _NAMES)]
    except (OSError, ImportError):
        return ()
    return tuple(difflib.get_close_matches(wanted, filter(likely, names), _NEAR))
