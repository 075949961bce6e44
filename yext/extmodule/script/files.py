"""The files that a script is made of, and whether they have changed.

Besides its own file these are the files that it names itself, in a comment in its first 64 kB:

    # yext-watch: lib/*.php

The pattern is relative to the script's folder; ``*`` and ``?`` stand for characters of a name, a
part ``**`` for any folders (docs/scripts.md).
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Collection, Iterator
from typing import Final

HEAD_BYTES: Final = 65536
"""How much of a script is searched for patterns."""

MOST_PATTERNS: Final = 16
"""How many patterns of a script count."""

MOST_ENTRIES: Final = 5000
"""How many entries of folders are looked at for the patterns of one script: one such as ``/**``
must not hold up the engine."""

FileState = tuple[str, int, int, int, int]
"""A path with the inode, the size, the mode, and the time of the last change in ns."""

Stamp = tuple[FileState, ...]
"""The state of a script's files, its own first; one that is not there is missing."""

_PATTERN: Final = re.compile(rb"^\W*yext-watch:[ \t]*(\S[^\r\n]*?)[ \t]*(?:\*/)?\r?$", re.MULTILINE)

_WILD: Final = re.compile(r"[*?\[]")


def take_stamp(path: str) -> Stamp:
    """Return the state of the files of the script at `path`."""
    states = map(_state, [path, *_matching(path)])
    return tuple(state for state in states if state is not None)


def has_changed(path: str, known: Collection[Stamp]) -> bool:
    """Return True if the files of the script at `path` are in none of the `known` states.

    A script that is not there has not changed: an editor, or git, may be about to put it back.
    """
    now = take_stamp(path)
    return bool(now) and now[0][0] == path and now not in known


def folders(path: str) -> list[str]:
    """Return the folders in which a file of the script at `path` may change, come or go."""
    found = dict.fromkeys([os.path.dirname(path) or ".", os.path.dirname(os.path.realpath(path))])
    for folder, _ in _walks(path):
        found[folder] = None
    return list(found)


def _state(path: str) -> FileState | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return path, found.st_ino, found.st_size, found.st_mode, found.st_mtime_ns


def patterns(path: str) -> list[str]:
    """Return the patterns that the script at `path` names, as paths."""
    try:
        # A named pipe would make us wait for somebody to write to it.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return []
    try:
        head = os.read(file, HEAD_BYTES) if stat.S_ISREG(os.fstat(file).st_mode) else b""
    except OSError:
        return []
    finally:
        os.close(file)
    if b"yext-watch:" not in head:
        return []
    folder = os.path.dirname(path)
    named = [os.fsdecode(found) for found in _PATTERN.findall(head)[:MOST_PATTERNS]]
    return [os.path.join(folder, pattern) for pattern in named if "\0" not in pattern]


def _matching(path: str) -> list[str]:
    """Return the files that match the patterns of a script."""
    return sorted({file for _, files in _walks(path) for file in files})


def _walks(path: str) -> Iterator[tuple[str, list[str]]]:
    """Walk the folders that the patterns of a script lead to.

    Yields:
        A folder, and the files in it that match a whole pattern.
    """
    left = MOST_ENTRIES
    for pattern in patterns(path):
        root, _, rest = pattern.rpartition("/")
        while _WILD.search(root):
            root, _, part = root.rpartition("/")
            rest = f"{part}/{rest}"
        waiting = [(root or "/", tuple(rest.split("/")))]
        seen = set()
        while waiting and left > 0:
            step = waiting.pop()
            if step in seen:
                continue
            seen.add(step)
            folder, parts = step
            entries = _entries(folder, left)
            left -= len(entries) + 1
            yield folder, [os.path.join(folder, one) for one in _files(entries, parts)]
            waiting += _further(folder, entries, parts)


def _entries(folder: str, most: int) -> list[tuple[str, bool]]:
    """Return the names in a folder, at most so many, and whether each is a folder.

    Links to folders are files here: they may lead in a circle.
    """
    found: list[tuple[str, bool]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if len(found) >= most:
                    break
                found.append((entry.name, entry.is_dir(follow_symlinks=False)))
    except OSError:
        return found
    return found


def _files(entries: list[tuple[str, bool]], parts: tuple[str, ...]) -> list[str]:
    """Return the names of the files that match `parts`, the part of a pattern left."""
    if parts[0] == "**" and len(parts) > 1:
        parts = parts[1:]  # It stands for no folder as well.
    if len(parts) > 1:
        return []
    pattern = "*" if parts[0] == "**" else parts[0]
    return [name for name, is_folder in entries if not is_folder and _fits(name, pattern)]


def _further(
    folder: str, entries: list[tuple[str, bool]], parts: tuple[str, ...]
) -> list[tuple[str, tuple[str, ...]]]:
    """Return the folders to walk next, each with the part of the pattern that is left there."""
    found = []
    for name, is_folder in entries:
        if not is_folder:
            continue
        inside = os.path.join(folder, name)
        if parts[0] == "**":
            if not name.startswith("."):
                found.append((inside, parts))
            if len(parts) > 2 and _fits(name, parts[1]):
                found.append((inside, parts[2:]))
        elif len(parts) > 1 and _fits(name, parts[0]):
            found.append((inside, parts[1:]))
    return found


def _fits(name: str, pattern: str) -> bool:
    hidden = name.startswith(".") and not pattern.startswith(".")
    return not hidden and fnmatch.fnmatchcase(name, pattern)
