"""The journey of one message, below a part of the list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from yext.console.browse.journeytext import journey_lines
from yext.console.browse.listpage import ListPage
from yext.console.browse.page import Desk, Key, Scroll, by_name
from yext.console.replies.trace import nested_text
from yext.ladder.calls import ids_of
from yext.record.journey import Journey

_LIST_ROWS: Final = 3
"""The least rows of the list above a journey; a third of the screen if that is more."""


class JourneyPage:
    """What one message went through.

    Args:
        desk: the browser.
        list_page: the list above it.
        journey: the message, which stays while it is shown, whatever is kept.
    """

    hint = "left/right nested  up/down same call  j/k scroll  L ladder  r again  ? keys"

    def __init__(self, desk: Desk, list_page: ListPage, journey: Journey) -> None:
        self._desk = desk
        self._list = list_page
        self.journey: Journey | None = journey
        self._shown = journey
        self._scroll = Scroll()
        self._drawn: tuple[object, Sequence[str]] = (None, ())

    @property
    def table(self) -> Sequence[Key]:
        """The keys of the page."""
        return KEYS

    @property
    def title(self) -> str:
        """Which message it is, and how much of it is shown."""
        message = f"message #{self._shown.number}"
        return "   ".join(part for part in (message, self._scroll.where) if part)

    def draw(self, columns: int, rows: int) -> Sequence[str]:
        """Return a part of the list, a line, and the journey."""
        above = max(_LIST_ROWS, rows // 3)
        self._desk.cursor = self._shown.number
        listed = list(self._list.draw(columns, above))
        # The list moves its cursor to what it shows; the journey stays.
        line = ("─" if self._desk.style(0).unicode else "-") * columns
        return [*listed, line, *self._scroll.cut(self._lines(columns), rows - len(listed) - 1)]

    def _lines(self, columns: int) -> Sequence[str]:
        journey = self._shown
        # A late answer changes a journey.
        key = (journey.number, columns, journey.ended, journey.outcome)
        if self._drawn[0] != key:
            visible = self._desk.visible(journey)
            self._drawn = (key, journey_lines(visible, self._desk.style(columns)))
        return self._drawn[1]

    def press(self, key: str) -> bool:
        """Take a key."""
        found = _BY_NAME.get(key)
        if found is not None:
            found.do(self)
        return found is not None

    def _show(self, journey: Journey) -> None:
        self.journey = self._shown = journey
        self._list.following = False
        self._list.go_to(journey.number)
        self._scroll.home()

    def parent(self) -> None:
        """Go to the message that the sender was handling."""
        parent = self._shown.parent
        if not parent:
            where = nested_text(self._shown, self._desk.style(0))
            self._desk.say(f"It is {where}" if where else "It is nested in no message")
        elif (found := self._desk.listing.find(parent)) is None:
            self._desk.say(f"#{parent} is not kept")
        else:
            self._show(found)

    def child(self) -> None:
        """Go to the first message that was sent while this one was handled."""
        children = self._desk.listing.children(self._shown.number)
        if children:
            self._show(children[0])
        else:
            self._desk.say("No message is nested in it")

    def of_call(self, step: int) -> None:
        """Go to the next or previous message that has an id in common with this one."""
        ids = ids_of(self._shown)
        if not ids:
            self._desk.say("It carries no id of a call")
            return
        self._look(step, lambda one: not ids.isdisjoint(ids_of(one)))

    def _look(self, step: int, wanted: Callable[[Journey], bool]) -> None:
        def steps() -> Iterator[None]:
            for found in self._desk.listing.neighbours(self._shown.number, step, wanted):
                if found is not None and (journey := self._desk.listing.find(found)) is not None:
                    self._show(journey)
                    return
                yield
            where = "after" if step > 0 else "before"
            self._desk.say(f"No message of the same call {where} this one")

        self._desk.work(steps())

    def scroll(self, count: int) -> None:
        """Scroll by lines."""
        self._scroll.line(count)

    def scroll_page(self, pages: int) -> None:
        """Scroll by pages."""
        self._scroll.move(pages)

    def home(self) -> None:
        """Scroll to the beginning."""
        self._scroll.home()

    def end(self) -> None:
        """Scroll to the end."""
        self._scroll.end()

    def back(self) -> None:
        """Show the list."""
        self._desk.back()


KEYS: Final = (
    Key(("left", "h"), "left h", "the message it is nested in", JourneyPage.parent),
    Key(("right", "l"), "right l", "the first message nested in it", JourneyPage.child),
    Key(("down",), "down", "the next message of the same call", lambda page: page.of_call(1)),
    Key(("up",), "up", "the one before of the same call", lambda page: page.of_call(-1)),
    Key(("j",), "j", "a line down", lambda page: page.scroll(1)),
    Key(("k",), "k", "a line up", lambda page: page.scroll(-1)),
    Key(("pagedown", "c-f", " "), "PgDn", "a page down", lambda page: page.scroll_page(1)),
    Key(("pageup", "c-b"), "PgUp", "a page up", lambda page: page.scroll_page(-1)),
    Key(("home", "g"), "Home g", "to the beginning", JourneyPage.home),
    Key(("end", "G"), "End G", "to the end", JourneyPage.end),
    Key(("enter",), "Enter", "the list again", JourneyPage.back),
)

_BY_NAME = by_name(KEYS)
