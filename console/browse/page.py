"""A page of the browser, and the table of its keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from yext.console.browse.listing import Listing
from yext.console.replies.trace import Style
from yext.console.session.program import Edit
from yext.record.journey import Journey


class Key(NamedTuple):
    """What keys do.

    Attributes:
        keys: their names; a character, or as of `Program.press`.
        shown: how they are listed.
        what: what they do, in a few words.
        do: does it; it is given what has the table.
    """

    keys: tuple[str, ...]
    shown: str
    what: str
    do: Callable[[Any], None]


Keys = Mapping[str, Key]


def by_name(keys: Sequence[Key]) -> dict[str, Key]:
    """Return a table of keys by the name of each."""
    found: dict[str, Key] = {}
    for key in keys:
        for name in key.keys:
            assert name not in found, f"{name} is given twice"
            found[name] = key
    return found


class Page(Protocol):
    """What the screen shows between its first and its last line.

    Attributes:
        title: what it shows, for the first line.
        hint: its most important keys, for the last line.
        journey: the message that keys for one message mean, None for none.
        table: its own keys, as they are listed.
    """

    @property
    def title(self) -> str: ...
    @property
    def hint(self) -> str: ...
    @property
    def journey(self) -> Journey | None: ...
    @property
    def table(self) -> Sequence[Key]: ...

    def draw(self, columns: int, rows: int) -> Sequence[str]:
        """Return at most `rows` lines of at most `columns`."""

    def press(self, key: str) -> bool:
        """Take a key; return whether it is one of this page."""


class Desk(Protocol):
    """The browser as its pages see it.

    Attributes:
        listing: the messages.
        cursor: the number of the message that the cursor is on, 0 for none.
        edit: the line being typed, None for none.
    """

    listing: Listing
    cursor: int
    edit: Edit | None

    def style(self, width: int) -> Style:
        """The style of lines of a width."""

    def visible(self, journey: Journey) -> Journey:
        """A message as the session may see it."""

    def say(self, text: str) -> None:
        """Show a text on the last line, until the next key."""

    def open(self, page: Page) -> None:
        """Show a page above the one that is shown now."""

    def back(self) -> None:
        """Show the page before, or leave."""

    def work(self, steps: Iterator[object]) -> None:
        """Do work in steps beside everything else, and draw what has come of it."""


_END: Final = 1 << 30
"""A line after the last one of any text."""


class Scroll:
    """The part of a long text that is shown.

    Attributes:
        top: the first line that is shown.
    """

    def __init__(self) -> None:
        self.top = 0
        self._rows = 1
        self._lines = 0

    def cut(self, lines: Sequence[str], rows: int) -> Sequence[str]:
        """Return the lines that are shown in so many rows."""
        self._rows, self._lines = max(1, rows), len(lines)
        self.top = max(0, min(self.top, len(lines) - rows))
        return lines[self.top : self.top + rows]

    def move(self, pages: float) -> None:
        """Scroll by pages, or by a line for a very small number."""
        step = pages * max(1, self._rows - 1)
        self.top = max(0, self.top + (round(step) or (1 if pages > 0 else -1)))

    def line(self, count: int) -> None:
        """Scroll by lines."""
        self.top = max(0, self.top + count)

    def home(self) -> None:
        """Scroll to the first line."""
        self.top = 0

    def end(self) -> None:
        """Scroll to the last line."""
        self.top = _END

    @property
    def where(self) -> str:
        """What part is shown, empty for all of it."""
        if self._lines <= self._rows:
            return ""
        return f"lines {self.top + 1}-{min(self.top + self._rows, self._lines)} of {self._lines}"
