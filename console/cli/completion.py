"""``yext completion``: print the completion of a shell, made from the options of the program."""

from __future__ import annotations

import argparse
from collections.abc import Callable

_FILES = ("FILE", "LOGFILE", "PIDFILE", "RECORD")
_FOLDERS = ("DIR", "PATH")
"""The names of values, in the help, that are completed as files and folders."""

MakeParser = Callable[[Callable[[argparse.Action], None]], argparse.ArgumentParser]
"""Makes the parser of the program, and calls a function with each of its options."""


def completion(shell: str, make_parser: MakeParser) -> int:
    """Print the completion of `shell`; return the exit code."""
    import shtab

    def note(action: argparse.Action) -> None:
        if action.metavar in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.metavar in _FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]

    print(shtab.complete(make_parser(note), shell))
    return 0
