"""The list of messages: the cursor, the filter, sorting, marks, failures, folds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from yext.console.browse.journeytext import BOLD, RED, paint
from yext.console.browse.listing import Listing, Order, Predicate, has_failed
from yext.console.browse.page import Desk, Key, by_name
from yext.console.replies.line import draw_line, layout_of
from yext.console.replies.trace import Style
from yext.console.session.flow import Flow
from yext.console.session.program import Mistake
from yext.errors import FilterError
from yext.log import safe
from yext.record.filters import Filter
from yext.record.journey import Journey

_MARKS_MOST: Final = 1000

_GUTTER: Final = 4
"""Columns before a line: cursor, mark, fold, a blank."""


class FilterEdit:
    """The filter while it is typed: it filters with each key that makes it a filter.

    Args:
        page: the list.
    """

    label = "/ "

    def __init__(self, page: ListPage) -> None:
        self.text = page.filter.text
        self.mistake: Mistake | None = None
        self._page = page
        self._before = page.filter

    def changed(self, text: str) -> None:
        """Filter by what was typed, unless it is wrong."""
        self.mistake = None
        try:
            compiled = self._page.flow.compile(text)
        except FilterError as error:
            self.mistake = Mistake(error.column, error.text)
            return
        if compiled.text != self._page.filter.text:
            self._page.choose(compiled)

    def accept(self, text: str) -> None:
        """Keep the filter; a wrong one is typed on."""
        self.changed(text)
        if self.mistake is None:
            self._page.searched = self._page.filter
            self._page.desk.edit = None

    def cancel(self) -> None:
        """Filter as before."""
        self._page.choose(self._before)
        self._page.desk.edit = None


class ListPage:
    """The list of messages.

    Args:
        desk: the browser.
        flow: the flow whose messages they are.

    Attributes:
        filter: what is in the list.
        searched: the last filter that was typed, for the next one that fits.
        following: whether the cursor stays on the newest message.
        added: how many messages have come into the list since it was drawn.
        undrawn: how many have passed by without being drawn.
        newer: how many came while the cursor was elsewhere.
    """

    hint = "Enter journey  / filter  f failure  L ladder  r again  m mark  w save"

    def __init__(self, desk: Desk, flow: Flow) -> None:
        self.desk = desk
        self.flow = flow
        self.filter = self.searched = flow.filter
        self.following = True
        self.added = self.undrawn = self.newer = 0
        self._row = 0
        self._rows = 1

    @property
    def listing(self) -> Listing:
        """The messages."""
        return self.desk.listing

    @property
    def table(self) -> Sequence[Key]:
        """The keys of the page."""
        return KEYS

    @property
    def journey(self) -> Journey | None:
        """The message that the cursor is on, or is on once the list is drawn."""
        if not len(self.listing):
            return None
        return self.listing[self.listing.nearest(self.desk.cursor)]

    @property
    def title(self) -> str:
        """How many there are, which of them are shown, and which were not drawn."""
        # Without a filter only what is never shown unless asked for is not in the list.
        kept = self.listing.kept if self.filter.text else self.listing.matched
        parts = [f"{kept:,} message{'' if kept == 1 else 's'}"]
        if self.filter.text:
            parts[0] += f", {self.listing.matched:,} shown"
            parts.append(f"/ {safe(self.filter.text)}")
        if self.listing.order is not Order.TIME:
            parts.append(f"by {self.listing.order.value}")
        if self.listing.marked:
            parts.append(f"{len(self.listing.marked):,} marked")
        if self.newer:
            parts.append(f"{self.newer:,} newer (G)")
        if self.undrawn:
            parts.append(f"{self.undrawn:,} not drawn")
        if self.listing.dropped:
            parts.append(f"{self.listing.dropped:,} older not kept")
        return "   ".join(parts)

    # Drawing

    def draw(self, columns: int, rows: int) -> Sequence[str]:
        """Return the lines around the cursor."""
        count, self._rows = len(self.listing), rows
        if self.following:
            self.undrawn += max(0, self.added - rows)
        else:
            self.newer += self.added
        self.added = 0
        if not count:
            return [f"  {self._why_empty()}"][:rows]
        self._follow()
        at = self.listing.nearest(self.desk.cursor)
        self.desk.cursor = self.listing[at].number
        # The cursor stays in its row while the list moves on.
        self._row = max(0, min(self._row, rows - 1))
        top = max(0, min(at - self._row, count - rows))
        if self.following:
            top = max(0, count - rows)
        self._row = at - top
        return [
            self._line(self.listing[place], place == at, columns)
            for place in range(top, min(top + rows, count))
        ]

    def _follow(self) -> None:
        """Move the cursor to the newest message, if it is followed."""
        if self.following and self.listing.order is Order.TIME and len(self.listing):
            self.desk.cursor = self.listing[len(self.listing) - 1].number

    def _line(self, journey: Journey, current: bool, columns: int) -> str:
        style = self.desk.style(max(1, columns - _GUTTER))
        if current:
            # Reverse video would end with the first colour inside.
            style = Style(style.width, style.unicode)
        folded = self.listing.folded_under(journey.number)
        fold = " " if not folded else "!" if any(map(has_failed, folded)) else "+"
        mark = "*" if journey.number in self.listing.marked else " "
        # What stands before a line takes nothing from its columns.
        text = draw_line(self.desk.visible(journey), style, layout_of(columns))
        gutter = f"{'>' if current else ' '}{mark}{fold} "
        if current:
            return paint(f"{gutter}{text}", "7", self.desk.style(0))
        code = RED if fold == "!" else BOLD
        return f"{paint(gutter, code, style) if gutter.strip() else gutter}{text}"

    def _why_empty(self) -> str:
        kept = self.listing.kept
        if kept and self.filter.text:
            return f"None of {kept:,} messages fits the filter; / changes it"
        return "No messages yet: they appear here as they are handled"

    # Keys

    def press(self, key: str) -> bool:
        """Take a key."""
        found = _BY_NAME.get(key)
        self._follow()
        if found is not None:
            found.do(self)
        return found is not None

    def move(self, count: int) -> None:
        """Move the cursor by so many lines."""
        if not len(self.listing):
            return
        at = self.listing.nearest(self.desk.cursor)
        self._go(max(0, min(at + count, len(self.listing) - 1)), count)

    def _go(self, place: int, moved: int = 0) -> None:
        self.following = False
        self._row += moved
        self.desk.cursor = self.listing[place].number

    def page_by(self, pages: int) -> None:
        """Move the cursor by pages."""
        self.move(max(1, self._rows - 1) * pages)

    def first(self) -> None:
        """Move to the first message."""
        if len(self.listing):
            self._go(0)
            self._row = 0

    def last(self) -> None:
        """Move to the last message, and follow the newest if they are sorted by time."""
        if len(self.listing):
            self._go(len(self.listing) - 1, 1000)
        self.following = self.listing.order is Order.TIME
        self.newer = 0

    def go_to(self, number: int) -> None:
        """Move to a message, if the list has it."""
        place = self.listing.place(number)
        if place is not None:
            at = self.listing.nearest(self.desk.cursor)
            self._go(place, place - at)

    def seek(self, step: int, wanted: Predicate, what: str) -> None:
        """Move to the next or previous message of a kind."""

        def steps() -> Iterator[None]:
            for found in self.listing.seek(self.desk.cursor, step, wanted):
                if found is not None:
                    self.go_to(found)
                    return
                yield
            self.desk.say(f"No {what} {'after' if step > 0 else 'before'} this one")

        self.following = False
        self.desk.work(steps())

    def failure(self, step: int) -> None:
        """Move to the next or previous message that failed."""
        self.seek(step, has_failed, "failure")

    def match(self, step: int) -> None:
        """Move to the next or previous message that fits the last filter that was typed."""
        flow, wanted = self.flow, self.searched
        if not wanted.text:
            self.desk.say("Type a filter first: /")
            return
        self.seek(step, lambda one: flow.passes(one, wanted), f"message that fits {wanted.text}")

    def type_filter(self) -> None:
        """Begin to type a filter."""
        self.desk.edit = FilterEdit(self)

    def escape(self) -> None:
        """Show all messages again."""
        if self.filter.text:
            self.choose(self.flow.compile(""))

    def choose(self, wanted: Filter) -> None:
        """Show the messages of a filter."""
        self.filter = wanted
        flow = self.flow
        self._rebuild(self.listing.rebuild(lambda one: flow.passes(one, wanted)))

    def sort(self) -> None:
        """Sort by the next of time, duration and name."""
        orders = list(Order)
        following = orders[(orders.index(self.listing.order) + 1) % len(orders)]
        self.following = following is Order.TIME
        self._rebuild(self.listing.rebuild(order=following), first=not self.following)
        self.desk.say(f"Sorted by {following.value}")

    def fold(self) -> None:
        """Show the messages nested in this one, or fold them again."""
        number = self.desk.cursor
        journey = self.listing.find(number)
        self.listing.fold(number)
        if journey is not None and self.listing.place(number) is None:
            self.desk.cursor = journey.parent

    def fold_all(self) -> None:
        """Show all nested messages, or fold them again."""
        self.listing.fold_all()
        self._rebuild(self.listing.rebuild())

    def _rebuild(self, steps: Iterator[None], *, first: bool = False) -> None:
        def work() -> Iterator[None]:
            yield from steps
            if first:
                self.first()

        self.desk.work(work())

    def mark(self) -> None:
        """Mark a message, or take its mark away, and go to the next."""
        journey, marked = self.listing.find(self.desk.cursor), self.listing.marked
        if journey is None:
            return
        if marked.pop(journey.number, None) is None:
            if len(marked) >= _MARKS_MOST:
                self.desk.say(f"{_MARKS_MOST:,} are marked, and no more can be")
                return
            marked[journey.number] = journey
        self.move(1)

    def unmark(self) -> None:
        """Take all marks away."""
        self.listing.marked.clear()

    def next_marked(self, step: int) -> None:
        """Move to the next or previous message that is marked."""
        self.seek(step, lambda one: one.number in self.listing.marked, "mark")


KEYS: Final = (
    Key(("up", "k"), "up k", "the message before", lambda page: page.move(-1)),
    Key(("down", "j"), "down j", "the next message", lambda page: page.move(1)),
    Key(("pageup", "c-b"), "PgUp", "a page up", lambda page: page.page_by(-1)),
    Key(("pagedown", "c-f", " "), "PgDn", "a page down", lambda page: page.page_by(1)),
    Key(("home", "g"), "Home g", "the first message", ListPage.first),
    Key(("end", "G"), "End G", "the last, and follow the newest", ListPage.last),
    Key(("/",), "/", "filter, in the language of help filter", ListPage.type_filter),
    Key(("escape",), "Esc", "all messages again", ListPage.escape),
    Key(("n",), "n", "the next that fits the last filter", lambda page: page.match(1)),
    Key(("N",), "N", "the one before that fits it", lambda page: page.match(-1)),
    Key(("f",), "f", "the next failure", lambda page: page.failure(1)),
    Key(("F",), "F", "the failure before", lambda page: page.failure(-1)),
    Key(("s",), "s", "sort by time, duration, name", ListPage.sort),
    Key(("z",), "z", "show or fold the messages nested in this one", ListPage.fold),
    Key(("Z",), "Z", "show or fold all nested messages", ListPage.fold_all),
    Key(("m",), "m", "mark, or unmark", ListPage.mark),
    Key(("M",), "M", "unmark all", ListPage.unmark),
    Key(("'",), "'", "the next mark", lambda page: page.next_marked(1)),
    Key(('"',), '"', "the mark before", lambda page: page.next_marked(-1)),
)

_BY_NAME = by_name(KEYS)
