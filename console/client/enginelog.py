"""The log of a Yate on this host, in which the reasons of failed starts stand."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from typing import Protocol

JOURNAL = "journal:"
"""``journal:NAME`` is what the engine writes on standard error, kept by systemd's journal."""

_BYTES_MAX = 1024 * 1024
"""Bytes that are read after a start, from the end."""

_LINES_MAX = 5000

_SECONDS = 5.0
"""How long journalctl may take."""


class EngineLog(Protocol):
    """A log that can be read from the present on.

    Attributes:
        name: where it is, for operators.
    """

    name: str

    def now(self) -> float:
        """Return the present end of the log, for `since`."""

    def since(self, end: float) -> list[str]:
        """Return the lines that were written since; none if the log cannot be read."""


def open_log(name: str) -> EngineLog:
    """Return the log that is called ``journal:NAME``, or the path of a file; no file if empty."""
    return Journal(name) if name.startswith(JOURNAL) else LogFile(name)


class LogFile:
    """A log in a file."""

    def __init__(self, path: str) -> None:
        self.name = path

    def now(self) -> float:
        with contextlib.suppress(OSError):
            return os.path.getsize(self.name) if self.name else 0
        return 0

    def since(self, end: float) -> list[str]:
        if not self.name:
            return []
        with contextlib.suppress(OSError), open(self.name, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            # One that is shorter than before was begun anew.
            file.seek(max(int(end) if end <= size else 0, size - _BYTES_MAX))
            return file.read(_BYTES_MAX).decode("utf-8", "surrogateescape").split("\n")
        return []


class Journal:
    """What a unit, or a program by its name, has written to the journal (journalctl(1)).

    The journal gives it to its readers: members of the group systemd-journal, and root.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        program = name.removeprefix(JOURNAL) or "yate"
        unit = f"{program.removesuffix('.service')}.service"
        self._matches = (f"SYSLOG_IDENTIFIER={program}", "+", f"_SYSTEMD_UNIT={unit}")

    def now(self) -> float:
        return time.time()

    def since(self, end: float) -> list[str]:
        options = (f"--since=@{end:.6f}", f"--lines={_LINES_MAX}", "--output=cat", "--no-pager")
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(
                ["journalctl", "--quiet", *options, *self._matches],
                capture_output=True, timeout=_SECONDS, check=True, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            return done.stdout[-_BYTES_MAX:].decode("utf-8", "surrogateescape").split("\n")
        return []
