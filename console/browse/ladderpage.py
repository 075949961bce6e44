"""The ladder of a call on the screen, with a cursor on its arrows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from yext.console.browse.journeytext import RED, paint
from yext.console.browse.page import Desk, Key, by_name
from yext.console.ladder.text import Row, ladder_rows
from yext.ladder.ladder import Ladder
from yext.record.journey import Journey


class LadderPage:
    """A call as arrows.

    Args:
        desk: the browser.
        ladder: the call.
        number: the number of the message to begin with.
        open_journey: shows the journey of a message.
    """

    hint = "up/down arrow  Enter journey  q back"

    def __init__(
        self, desk: Desk, ladder: Ladder, number: int, open_journey: Callable[[Journey], None]
    ) -> None:
        self._desk = desk
        self._ladder = ladder
        self._open = open_journey
        numbers = [arrow.number for arrow in ladder.arrows]
        self._at = numbers.index(number) if number in numbers else 0
        self._drawn: tuple[int, list[Row]] = (0, [])
        self._top = 0

    @property
    def table(self) -> Sequence[Key]:
        """The keys of the page."""
        return KEYS

    @property
    def title(self) -> str:
        """How many arrows there are."""
        return f"ladder of a call, arrow {self._at + 1} of {len(self._ladder.arrows)}"

    @property
    def journey(self) -> Journey | None:
        """The message of the arrow that the cursor is on."""
        arrows = self._ladder.arrows
        return self._desk.listing.find(arrows[self._at].number) if arrows else None

    def draw(self, columns: int, rows: int) -> Sequence[str]:
        """Return the participants, and the arrows around the cursor."""
        if self._drawn[0] != columns:
            style = self._desk.style(max(20, columns - 2))
            self._drawn = (columns, ladder_rows(self._ladder, style))
        heading, *drawn = self._drawn[1]
        here = [place for place, row in enumerate(drawn) if row.arrow == self._at]
        room = max(1, rows - 1)
        if here:
            self._top = min(self._top, here[0])
            self._top = max(self._top, here[-1] - room + 1)
        self._top = max(0, min(self._top, len(drawn) - room))
        return [f"  {heading.text}", *map(self._line, drawn[self._top : self._top + room])]

    def _line(self, row: Row) -> str:
        style = self._desk.style(0)
        if row.arrow == self._at:
            return paint(f"> {row.text}", "7", style)
        return f"  {paint(row.text, RED, style) if row.failed else row.text}"

    def press(self, key: str) -> bool:
        """Take a key."""
        found = _BY_NAME.get(key)
        if found is not None:
            found.do(self)
        return found is not None

    def move(self, count: int) -> None:
        """Move to another arrow."""
        self._at = max(0, min(self._at + count, len(self._ladder.arrows) - 1))

    def enter(self) -> None:
        """Show the journey of the message."""
        if (journey := self.journey) is not None:
            self._open(journey)
        else:
            self._desk.say("It is not kept any more")


_ALL: Final = 1 << 30

KEYS: Final = (
    Key(("up", "k"), "up k", "the arrow before", lambda page: page.move(-1)),
    Key(("down", "j"), "down j", "the next arrow", lambda page: page.move(1)),
    Key(("pageup", "c-b"), "PgUp", "ten up", lambda page: page.move(-10)),
    Key(("pagedown", "c-f", " "), "PgDn", "ten down", lambda page: page.move(10)),
    Key(("home", "g"), "Home g", "the first arrow", lambda page: page.move(-_ALL)),
    Key(("end", "G"), "End G", "the last arrow", lambda page: page.move(_ALL)),
    Key(("enter",), "Enter", "the journey of the message", LadderPage.enter),
)

_BY_NAME = by_name(KEYS)
