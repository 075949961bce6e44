"""The line buffer: it splits the bytes from a peer into lines, and rejects lines that are too long.

Sources: tests/conformance/vectors/extmodule, 01_escaping.json (line_*) and 06_setlocal.json.
"""

from __future__ import annotations

from yext.errors import LineTooLongError
from yext.wire import ENCODING, ERRORS

BUFSIZE = 8192
"""The default size of a peer's line buffer in bytes; a line may have two bytes less."""


class LineBuffer:
    """Splits the bytes from a peer into lines, and rejects lines that are too long.

    A line ends in LF or NUL; one CR before that is dropped. Empty lines are left out.

    Args:
        size: the size of the buffer in bytes; a line may have two bytes less.

    Attributes:
        lines: checked lines that are not taken yet, in reverse order. A reader may pop them itself
            and call `next_line` only when there are none.
    """

    __slots__ = ("_rest", "_unchecked", "lines", "size")

    def __init__(self, size: int = BUFSIZE) -> None:
        self.size = size
        self._rest: bytes | bytearray = b""
        self.lines: list[str] = []
        self._unchecked: list[str] = []  # in order, from the first that may be too long

    def feed(self, data: bytes) -> None:
        """Add bytes that were read; `next_line` returns the lines that are complete."""
        if self._rest:
            if b"\n" not in data and b"\0" not in data:
                # A line that comes byte by byte is not copied for each.
                if isinstance(self._rest, bytes):
                    self._rest = bytearray(self._rest)
                self._rest += data
                return
            data = bytes(self._rest) + data
        if b"\0" in data:
            data = data.replace(b"\0", b"\n")
        end = data.rfind(b"\n")
        if end < 0:
            self._rest = data
            return
        self._rest = data[end + 1 :]
        lines = data[:end].decode(ENCODING, ERRORS).split("\n")
        if self.lines or self._unchecked or end > self.size - 2:
            self._unchecked += lines
        else:
            self.lines = _clean(lines)

    def next_line(self) -> str | None:
        """Return the next line, None until more bytes are fed.

        Raises:
            LineTooLongError: the line, or its beginning, has more bytes than the size less two.
        """
        if self.lines:
            return self.lines.pop()
        limit = self.size - 2
        if self._unchecked:
            self._check(limit)
            return self.next_line()
        if len(self._rest) > limit:
            raise LineTooLongError(f"a line of more than {limit} bytes")
        return None

    def _check(self, limit: int) -> None:
        """Move the unchecked lines to `lines`, up to the first that is too long."""
        for index, line in enumerate(self._unchecked):
            # A character has at most four bytes, so only long lines are measured.
            if len(line) * 4 > limit and _byte_length(line) > limit:
                if not index:
                    raise LineTooLongError(f"a line of more than {limit} bytes")
                self.lines = _clean(self._unchecked[:index])
                del self._unchecked[:index]
                return
        self.lines = _clean(self._unchecked)
        self._unchecked = []

    def pending(self) -> int:
        """Return how many bytes were fed whose lines are not taken yet."""
        lines = sum(_byte_length(line) + 1 for line in (*self.lines, *self._unchecked))
        return lines + len(self._rest)


def _clean(lines: list[str]) -> list[str]:
    """Drop a CR at the end of each line and all empty lines; reverse the order."""
    cleaned = [line[:-1] if line[-1:] == "\r" else line for line in lines]
    if "" in cleaned:
        cleaned = [line for line in cleaned if line]
    cleaned.reverse()
    return cleaned


def _byte_length(line: str) -> int:
    return len(line) if line.isascii() else len(line.encode(ENCODING, ERRORS))
