"""Files of recorded messages: JSON lines, one for each journey. See docs/flow.md."""

from __future__ import annotations

import json
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable

from yext.errors import RecordError
from yext.record.journey import Journey, from_json, to_json

LONGEST_LINE = 4 * 1024 * 1024
"""The longest line of a file, in characters."""


def write_record(path: str, journeys: Iterable[Journey]) -> int:
    """Write journeys to the file at `path`; return how many there were.

    Raises:
        OSError: the file cannot be written.
    """
    lines = [record_line(journey) for journey in journeys]
    with open(path, "w", encoding="ascii", opener=open_private) as file:
        file.writelines(lines)
    return len(lines)


def record_line(journey: Journey) -> str:
    """Return a journey as a line of a file; it is ASCII, even for bytes that are not UTF-8."""
    return json.dumps(to_json(journey)) + "\n"


def read_record(
    path: str, most: int, most_bytes: int, stopped: Callable[[], bool] = lambda: False
) -> tuple[list[Journey], bool]:
    """Read the last journeys of a file, however long it is.

    Of several lines about one journey the last one counts.

    Args:
        path: the file.
        most: the largest number of journeys.
        most_bytes: the approximate memory that they may take, in bytes.
        stopped: returns True once the reading is to be given up; called for each line.

    Returns:
        The journeys, and False if the last line is cut off.

    Raises:
        OSError: the file cannot be read.
        RecordError: the file is not a record, in which case the text names the line; or it is not
            to be read on.
    """
    found: dict[int, Journey] = {}
    order: deque[int] = deque()
    size = 0
    with open(path, encoding="utf-8", errors="surrogateescape", opener=open_private) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise RecordError("is no file")
        number = 0
        while text := file.readline(LONGEST_LINE):
            number += 1
            if stopped():
                raise RecordError(f"was not read on after line {number}")
            try:
                journey = _read_line(text)
            except RecordError as error:
                if found and not text.endswith("\n") and len(text) < LONGEST_LINE:
                    return list(found.values()), False
                raise RecordError(f"is no record: line {number} {error}") from None
            if journey.number not in found:
                order.append(journey.number)
            else:
                size -= found[journey.number].kept_size
            found[journey.number] = journey
            journey.kept_size = journey.size()
            size += journey.kept_size
            while len(order) > most or (size > most_bytes and order):
                size -= found.pop(order.popleft()).kept_size
    return list(found.values()), True


def _read_line(text: str) -> Journey:
    if not text.endswith("\n") and len(text) >= LONGEST_LINE:
        raise RecordError(f"is longer than {LONGEST_LINE} characters")
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        raise RecordError("is not JSON") from None
    return from_json(record)


def open_private(path: str, flags: int) -> int:
    """Open a file, an `opener` for `open`, without waiting for the other end of a named pipe.

    Messages may hold passwords: a new file is readable for its owner only.
    """
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
