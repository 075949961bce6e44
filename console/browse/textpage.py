"""A page of lines that scroll: the list of keys, the difference of two messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from yext.console.browse.page import Key, Scroll, by_name
from yext.console.replies.trace import cut

_TWO_COLUMNS = 110
"""Columns from which keys are listed in two columns."""


class TextPage:
    """A text on the screen.

    Args:
        title: what it is.
        lines: draws its lines for a number of columns.
    """

    journey = None
    hint = "arrows scroll   q back"

    def __init__(self, title: str, lines: Callable[[int], Sequence[str]]) -> None:
        self.title = title
        self._lines = lines
        self._scroll = Scroll()
        self._drawn: tuple[int, Sequence[str]] = (0, ())

    @property
    def table(self) -> Sequence[Key]:
        """The keys of the page."""
        return KEYS

    def draw(self, columns: int, rows: int) -> Sequence[str]:
        """Return the lines that are in sight."""
        if self._drawn[0] != columns:
            self._drawn = (columns, self._lines(columns))
        return self._scroll.cut(self._drawn[1], rows)

    def press(self, key: str) -> bool:
        """Scroll."""
        found = _BY_NAME.get(key)
        if found is not None:
            found.do(self._scroll)
        return found is not None


KEYS = (
    Key(("up", "k"), "up k", "a line up", lambda scroll: scroll.line(-1)),
    Key(("down", "j", "enter"), "down j", "a line down", lambda scroll: scroll.line(1)),
    Key(("pageup", "c-b"), "PgUp", "a page up", lambda scroll: scroll.move(-1)),
    Key(("pagedown", "c-f", " "), "PgDn", "a page down", lambda scroll: scroll.move(1)),
    Key(("home", "g"), "Home g", "to the beginning", Scroll.home),
    Key(("end", "G"), "End G", "to the end", Scroll.end),
)

_BY_NAME = by_name(KEYS)


def key_lines(own: Sequence[Key], common: Sequence[Key], columns: int) -> list[str]:
    """List keys in one column, or in two where there is room.

    Args:
        own: the keys of a page.
        common: those of all pages, of which a page may have its own.
    """
    names = {name for key in own for name in key.keys}
    rows = [*own, *(key for key in common if not set(key.keys) <= names)]
    lines = [f"  {key.shown:<8} {key.what}" for key in rows]
    if columns < _TWO_COLUMNS:
        return [cut(line, columns, ">") for line in lines]
    half = (len(lines) + 1) // 2
    left, right = lines[:half], [*lines[half:], ""]
    return [f"{one:<{columns // 2}}{two}" for one, two in zip(left, right, strict=False)]
