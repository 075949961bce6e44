"""The messages of a list: filtered, sorted, folded, and bounded. No drawing."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Final, NamedTuple

from yext.record.journey import Journey, Outcome

Predicate = Callable[[Journey], bool]

_DEEPEST: Final = 50
"""How many levels of nesting are looked at."""

_MOST_NESTED: Final = 1000
"""How many messages nested in one are folded with it."""

_UNFAILED: Final = (Outcome.HANDLED, Outcome.NOT_HANDLED)


class Order(Enum):
    """The orders of a list."""

    TIME = "time"
    DURATION = "duration"
    NAME = "name"


class Entry(NamedTuple):
    """A place in the list: what it is sorted by, and the number of its message."""

    key: tuple[float, str]
    number: int


_KEYS: Final[dict[Order, Callable[[Journey], tuple[float, str]]]] = {
    # Of a Yate they are numbered by their ends.
    Order.TIME: lambda journey: (journey.when, ""),
    # The longest are first; those that were not measured last.
    Order.DURATION: lambda journey: (1.0 if math.isnan(journey.took) else -journey.took, ""),
    Order.NAME: lambda journey: (0.0, journey.name),
}


def has_failed(journey: Journey) -> bool:
    """Whether a handler of the message failed to answer."""
    return not journey.handled and journey.outcome not in _UNFAILED


class Listing:
    """A list of messages.

    Args:
        most: the most messages that it keeps.
        most_bytes: the approximate memory that they may take, in bytes.

    Attributes:
        order: what it is sorted by.
        matches: decides which messages are in it.
        marked: the messages that were marked, which are kept.
        dropped: how many messages it has not kept.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self.order = Order.TIME
        self.matches: Predicate = lambda journey: True
        self.marked: dict[int, Journey] = {}
        self.dropped = 0
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._all: dict[int, Journey] = {}
        self._sizes: dict[int, int] = {}
        self._matched: set[int] = set()
        self._children: dict[int, dict[int, None]] = {}
        self._toggled: set[int] = set()
        self._all_unfolded = False
        self._shown: list[Entry] = []
        self._rebuilding = 0

    # What is in it

    def __len__(self) -> int:
        """The number of messages that are shown, folded ones not counted."""
        return len(self._shown)

    @property
    def matched(self) -> int:
        """The number of messages that it lets through, folded ones counted."""
        return len(self._matched)

    @property
    def kept(self) -> int:
        """The number of messages that it keeps, shown or not."""
        return len(self._all)

    def __getitem__(self, at: int) -> Journey:
        return self._all[self._shown[at].number]

    def find(self, number: int) -> Journey | None:
        """Return the message of that number, None if it is not kept."""
        return self._all.get(number) or self.marked.get(number)

    def place(self, number: int) -> int | None:
        """Return the place of a message in the list, None if it is not shown."""
        journey = self._all.get(number)
        if journey is None:
            return None
        at = bisect_left(self._shown, self._entry(journey))
        found = at < len(self._shown) and self._shown[at].number == number
        return at if found else None

    def nearest(self, number: int) -> int:
        """Return the place of a message, or of the one that stands where it would stand."""
        journey = self._all.get(number)
        entry = self._entry(journey) if journey is not None else Entry((0.0, ""), number)
        return max(0, min(bisect_left(self._shown, entry), len(self._shown) - 1))

    def children(self, number: int) -> list[Journey]:
        """Return the messages that were sent while one was handled."""
        numbers = sorted(self._children.get(number, ()))
        return [self._all[one] for one in numbers if one in self._all]

    # Changes

    def add(self, journey: Journey) -> bool:
        """Add a message, or take in that one has changed; return whether it is shown."""
        number = journey.number
        if number in self._all:
            self._remove(number)
        self._keep(journey)
        if number not in self._all:
            return False
        shown = False
        if self.matches(journey):
            self._matched.add(number)
            shown = self._list(journey)
        if number in self._children:
            self._refold(self._below(number))
        return shown

    def _refold(self, numbers: Iterable[int]) -> None:
        """List or hide messages anew, after a change of those that they are nested in."""
        for number in numbers:
            self._unlist(number)
            if number in self._matched:
                self._list(self._all[number])

    def _list(self, journey: Journey) -> bool:
        """Put a message into the list, unless it is folded under another."""
        if self._is_folded(journey):
            return False
        entry = self._entry(journey)
        if not self._shown or self._shown[-1] < entry:
            self._shown.append(entry)
        else:
            insort(self._shown, entry)
        return True

    def keep(self, journeys: Iterable[Journey]) -> None:
        """Take in the messages of a record; `rebuild` has them shown."""
        for journey in journeys:
            self._keep(journey)

    def merge(self, journeys: Iterable[Journey]) -> None:
        """Take in older messages beside those that are kept; `rebuild` has them shown."""
        found = {one.number: one for one in journeys} | self._all
        self._all, self._sizes, self._bytes = {}, {}, 0
        self.keep(found[number] for number in sorted(found))

    def _keep(self, journey: Journey) -> None:
        number, parent = journey.number, journey.parent
        # A message is younger than the one it is nested in, or the record is not from here.
        if 0 < parent < number:
            self._children.setdefault(parent, {})[number] = None
        self._all[number] = journey
        size = self._sizes[number] = journey.kept_size or journey.size()
        self._bytes += size
        while len(self._all) > self._most or (self._bytes > self._most_bytes and self._all):
            self._drop_oldest()

    def _entry(self, journey: Journey) -> Entry:
        return Entry(_KEYS[self.order](journey), journey.number)

    def _drop_oldest(self) -> None:
        number = next(iter(self._all))
        self.dropped += 1
        below = self._below(number) if number in self._children else ()
        parent = self._all[number].parent
        self._remove(number)
        self._toggled.discard(number)
        if (siblings := self._children.get(parent)) is not None:
            siblings.pop(number, None)
            if not siblings:
                del self._children[parent]
        self._refold(below)

    def _remove(self, number: int) -> None:
        self._unlist(number)
        self._matched.discard(number)
        del self._all[number]
        self._bytes -= self._sizes.pop(number)

    def _unlist(self, number: int) -> None:
        at = self.place(number)
        if at is not None:
            del self._shown[at]

    # Folding

    def _hides(self, number: int) -> bool:
        """Whether the messages nested in one are hidden."""
        folds = self._all_unfolded is (number in self._toggled)
        return folds and self.order is Order.TIME and number in self._children

    def _is_folded(self, journey: Journey) -> bool:
        """Whether a message is hidden under one that it is nested in."""
        for _ in range(_DEEPEST):
            parent = journey.parent
            if not 0 < parent < journey.number or (above := self._all.get(parent)) is None:
                return False
            if parent in self._matched and self._hides(parent):
                return True
            journey = above
        return False

    def _below(self, number: int) -> list[int]:
        """The messages nested in one, at any depth, but no more than can be looked at."""
        found: list[int] = []
        waiting = list(self._children.get(number, ()))
        while waiting and len(found) < _MOST_NESTED:
            child = waiting.pop()
            if child in self._all:
                found.append(child)
                waiting += self._children.get(child, ())
        return found

    def folded_under(self, number: int) -> list[Journey]:
        """Return the messages that are hidden under one."""
        if number not in self._matched or not self._hides(number):
            return []
        return [self._all[one] for one in self._below(number) if one in self._matched]

    def fold(self, number: int) -> None:
        """Fold the messages nested in one, or in the one that it is nested in; or show them."""
        journey = self._all.get(number)
        if journey is None:
            return
        if number not in self._children and journey.parent in self._all:
            number = journey.parent
        self._toggled ^= {number}
        self._refold(self._below(number))

    def fold_all(self) -> None:
        """Show all nested messages, or fold them all; `rebuild` does it."""
        self._all_unfolded = not self._all_unfolded
        self._toggled.clear()

    # Work in steps

    def rebuild(
        self, matches: Predicate | None = None, order: Order | None = None
    ) -> Iterator[None]:
        """Filter and sort anew, the newest first; each step looks at one message.

        What another call has begun is given up.
        """
        self.matches = matches or self.matches
        self.order = order or self.order
        self._rebuilding += 1
        self._matched.clear()
        self._shown = []
        return self._rebuild(self._rebuilding)

    def _rebuild(self, mine: int) -> Iterator[None]:
        # Messages that arrive meanwhile are added by `add`.
        for number in sorted(self._all, reverse=True):
            if self._rebuilding != mine:
                return
            journey = self._all.get(number)
            if journey is not None and number not in self._matched and self.matches(journey):
                self._matched.add(number)
                insort(self._shown, self._entry(journey))
            yield
        if self.order is Order.TIME:
            # Parents come after those nested in them.
            for number in [entry.number for entry in self._shown]:
                if self._rebuilding != mine:
                    return
                if (journey := self._all.get(number)) is not None and self._is_folded(journey):
                    self._unlist(number)
                yield

    def seek(self, start: int, step: int, wanted: Predicate) -> Iterator[int | None]:
        """Look for a message from a place on; each step looks at one, the last one finds it.

        Args:
            start: the number of the message to begin after.
            step: 1 for forwards, -1 for backwards.
        """
        at = self.nearest(start) + step
        # The list may change between two steps.
        while 0 <= at < len(self._shown):
            number = self._shown[at].number
            if wanted(self._all[number]) or any(map(wanted, self.folded_under(number))):
                yield number
                return
            yield None
            at += step

    def neighbours(self, number: int, step: int, wanted: Predicate) -> Iterator[int | None]:
        """Look among all kept messages, shown or not, as `seek` does among those in the list."""
        numbers = sorted(self._all)
        at = bisect_left(numbers, number)
        if step < 0 or numbers[at : at + 1] == [number]:
            at += step
        while 0 <= at < len(numbers):
            journey = self._all.get(numbers[at])
            if journey is not None and wanted(journey):
                yield journey.number
                return
            yield None
            at += step
