"""The formats of `flow save`, by the ending of the file's name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from yext.console.export.origin import Origin

if TYPE_CHECKING:
    from yext.record.journey import Journey


Writer = Callable[[str, "Sequence[Journey]", Origin], int]
"""Writes messages to the file of a path, and returns how many. It runs in a thread, and raises
`OSError` if the file cannot be written."""


def _record(path: str, journeys: Sequence[Journey], origin: Origin) -> int:
    from yext.record.file import write_record

    return write_record(path, journeys)


def _page(path: str, journeys: Sequence[Journey], origin: Origin) -> int:
    from yext.console.export.page import write_page

    return write_page(path, journeys, origin)


FORMATS: Final[Mapping[str, Writer]] = {
    ".html": _page,
}
"""The writers by ending, in lower case; a file with any other ending is a record."""


def writer_for(path: str) -> Writer:
    """Return what writes a file of that name."""
    return FORMATS.get(os.path.splitext(path)[1].lower(), _record)
