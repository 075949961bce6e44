"""The formats of `flow save`, by the ending of the file's name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from yext.console.export.origin import Origin

if TYPE_CHECKING:
    from yext.console.transcripts.saved import SavedTest
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


def _transcript(path: str, journeys: Sequence[Journey], origin: Origin) -> int:
    from yext.console.transcripts.writing import transcript_text

    return _test(path, journeys, origin, transcript_text)


def _pytest(path: str, journeys: Sequence[Journey], origin: Origin) -> int:
    from yext.console.transcripts.pytests import test_text

    return _test(path, journeys, origin, test_text)


def _test(
    path: str,
    journeys: Sequence[Journey],
    origin: Origin,
    text: Callable[[SavedTest, str], str],
) -> int:
    """Write the messages as the test that `text` makes of them, for its author's eyes only."""
    from yext.console.transcripts.saved import saved_test
    from yext.record.file import open_private

    test = saved_test(journeys, origin.programs, origin.modules, origin.folder)
    with open(path, "w", encoding="utf-8", opener=open_private) as file:
        file.write(text(test, path))
    return len(journeys)


FORMATS: Final[Mapping[str, Writer]] = {
    ".html": _page,
    ".yext": _transcript,
    ".py": _pytest,
}
"""The writers by ending, in lower case; a file with any other ending is a record."""


def writer_for(path: str) -> Writer:
    """Return what writes a file of that name."""
    return FORMATS.get(os.path.splitext(path)[1].lower(), _record)
