"""Command lines that an operator has given, kept between runs in a file of mode 0600."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.history import History
from prompt_toolkit.search import SearchDirection, SearchState

from yext.console.session.secrets import Secrets
from yext.console.shell.completer import span_of
from yext.log import split_lines

FILE_MAX = 1024 * 1024
"""Bytes that the file may have; the start of a shell drops the older half of a larger one."""

LINE_MAX = 8192
"""Characters of the longest line that is kept."""


def history_path() -> Path:
    """Return the path of the history: ``yext/history`` in the user's state directory.

    Source: XDG Base Directory Specification, ``XDG_STATE_HOME``.
    """
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path.home() / ".local/state"
    return base / "yext" / "history"


class SessionHistory(History):
    """The history of one session, without passwords and repetitions; kept in memory alone.

    Args:
        secrets: finds passwords.
    """

    def __init__(self, secrets: Secrets) -> None:
        super().__init__()
        self._secrets = secrets

    def lines(self) -> list[str]:
        """Return the lines of earlier sessions, the oldest first."""
        return []

    def load_history_strings(self) -> Iterable[str]:
        """Return the lines of earlier sessions, the newest first."""
        return reversed(self.lines())

    def append_string(self, string: str) -> None:
        """Add each line, unless it carries a password or repeats the previous one."""
        for line in map(str.strip, split_lines(string)):
            if not line or len(line) > LINE_MAX or self._secrets.holds(line):
                continue
            known = self.get_strings()
            if not known or known[-1] != line:
                super().append_string(line)

    def store_string(self, string: str) -> None:
        """Do nothing: the line is in memory."""


class FileHistory(SessionHistory):
    """The history in a file that several shells may use at the same time.

    A line is appended in one write under a lock, so lines of several shells never mix. Where
    the file cannot be read or written, the history ends with the shell.
    """

    def __init__(self, path: Path, secrets: Secrets) -> None:
        super().__init__(secrets)
        self._path = path
        self._usable = True
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._shorten()
        except OSError:
            self._usable = False

    def lines(self) -> list[str]:
        if self._usable:
            with contextlib.suppress(OSError):
                text = self._path.read_text("utf-8", "surrogateescape")
                return [line for line in text.split("\n") if line]
        return []

    def store_string(self, string: str) -> None:
        """Append a line to the file."""
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


def ranked(text: str, lines: Sequence[str]) -> list[int]:
    """Return the indexes of the lines that ^R finds for `text`, the best first.

    Lines that contain it come first, the newest of them before others; then those that have its
    characters in that order, the closest together first. Of equal lines the newest counts.
    """
    found: list[tuple[int, int]] = []
    seen: set[str] = set()
    for index in range(len(lines) - 1, -1, -1):
        width = 0 if text.lower() in lines[index].lower() else span_of(text, lines[index])
        if width is not None and lines[index] not in seen:
            seen.add(lines[index])
            found.append((width, index))
    return [index for _, index in sorted(found, key=lambda pair: pair[0])]


def search_by_characters(buffer: Buffer) -> None:
    """Have ^R of `buffer` find lines by `ranked` in place of text alone."""

    def find(state: SearchState, stay: bool, count: int) -> tuple[int, int] | None:
        """Return the index of the line to go to, and the place in it."""
        lines = buffer.history.get_strings()
        order = ranked(state.text, lines) if state.text else []
        older = state.direction is SearchDirection.BACKWARD
        # Before the first step, what was typed is in the buffer, and the best line is previewed.
        at = order.index(buffer.working_index) if buffer.working_index in order else 0
        if not stay:
            at += count if older else -count
        if not 0 <= at < len(order):
            return None
        line = lines[order[at]].lower()
        return order[at], max(line.find(state.text.lower()), 0)

    def preview(search_state: SearchState) -> Document:
        found = find(search_state, True, 1)
        if found is None:
            return buffer.document
        return Document(buffer.history.get_strings()[found[0]], found[1])

    def apply(
        search_state: SearchState, include_current_position: bool = True, count: int = 1
    ) -> None:
        found = find(search_state, include_current_position, count)
        if found is not None:
            buffer.go_to_history(found[0])
            buffer.cursor_position = found[1]

    buffer.document_for_search = preview  # type: ignore[method-assign]
    buffer.apply_search = apply  # type: ignore[method-assign]
