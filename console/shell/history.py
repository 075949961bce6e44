"""The lines an operator has given, kept between runs: a line each in a file of mode 0600."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from prompt_toolkit.history import History

FILE_MAX = 1024 * 1024
"""Bytes the file may have; when a shell starts with a larger one, its older half is dropped."""

LINE_MAX = 8192
"""Characters of the longest line that is kept."""

SECRET_WORDS = ("auth",)
"""Commands that carry a password: their lines are never kept."""


def history_path() -> Path:
    """Where the history is: ``yext/history`` in the state directory of the XDG Base Directory
    Specification."""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path.home() / ".local/state"
    return base / "yext" / "history"


class FileHistory(History):
    """The history in a file that several shells may use at once.

    A line is appended in one write under a lock, so lines of several shells never mix. A file
    that cannot be read or written is no hindrance: the history then ends with the shell.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._usable = True
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._shorten()
        except OSError:
            self._usable = False

    def load_history_strings(self) -> Iterable[str]:
        """The kept lines, the newest first."""
        return reversed(self.lines())

    def lines(self) -> list[str]:
        """The kept lines, the oldest first."""
        if self._usable:
            with contextlib.suppress(OSError):
                text = self._path.read_text("utf-8", "surrogateescape")
                return [line for line in text.split("\n") if line]
        return []

    def append_string(self, string: str) -> None:
        """Adds each line, unless it carries a password or repeats the one before."""
        for line in map(str.strip, string.splitlines()):
            if not line or line.split()[0] in SECRET_WORDS or len(line) > LINE_MAX:
                continue
            known = self.get_strings()
            if not known or known[-1] != line:
                super().append_string(line)

    def store_string(self, string: str) -> None:
        if not self._usable:
            return
        data = f"{string}\n".encode("utf-8", "surrogateescape")
        with contextlib.suppress(OSError), self._locked() as descriptor:
            os.write(descriptor, data)

    def _shorten(self) -> None:
        with self._locked() as descriptor:
            os.fchmod(descriptor, 0o600)
            size = os.fstat(descriptor).st_size
            if size <= FILE_MAX:
                return
            kept = os.pread(descriptor, FILE_MAX // 2, size - FILE_MAX // 2)
            os.ftruncate(descriptor, 0)
            os.write(descriptor, kept.partition(b"\n")[2])

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)
