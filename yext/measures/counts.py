"""Counts by name, where others choose the names: the number of names is bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from yext.log import safe

NAMES_MAX = 100
"""Names that have a count of their own."""

OTHER = "other"
"""The name that stands for all further ones."""

_LONGEST = 100
"""Characters of a name that count; the rest is cut off."""

_CANDIDATES = 1000
"""Names that are remembered in case they become busy."""

Value = TypeVar("Value")


def label(name: str) -> str:
    """Return a name as the value of a label: safe, and not too long."""
    shown = safe(name)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


class ByName(Generic[Value]):
    """A value for each of the first `NAMES_MAX` names, and one for all others.

    Args:
        make: makes the value of a new name.

    Attributes:
        values: the values by name.
    """

    def __init__(self, make: Callable[[], Value]) -> None:
        self.values: dict[str, Value] = {}
        self._make = make

    def of(self, name: str) -> Value:
        """Return the value of a name."""
        name = label(name)
        if name not in self.values and len(self.values) >= NAMES_MAX:
            name = OTHER
        if name not in self.values:
            self.values[name] = self._make()
        return self.values[name]


class Count:
    """A number that grows."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0


class Counts(ByName[Count]):
    """A number for each of the first names, and one for all others."""

    def __init__(self) -> None:
        super().__init__(Count)

    def add(self, name: str, number: int = 1) -> None:
        """Add to the number of a name."""
        self.of(name).number += number

    def numbers(self) -> dict[str, float]:
        """Return the numbers by name."""
        return {name: count.number for name, count in self.values.items()}


class Busiest:
    """Counts by name of which the hundred busiest names have their own, whenever they came.

    No number ever decreases, as a reader takes that for a restart: what a name has counted as
    one of the others stays with them when it becomes one of the busiest.

    Attributes:
        fresh: the numbers since the last `settle`, by name. The owner adds to those that are
            there, and calls `new` for those that are not: so a message takes one look-up.
    """

    def __init__(self) -> None:
        self.fresh: dict[str, Count] = {}
        self._shown: dict[str, int] = {}
        self._others = 0
        self._all: dict[str, int] = {}

    def new(self, name: str) -> None:
        """Count the first of a name since the last `settle`."""
        if len(self.fresh) >= _CANDIDATES:
            self.settle()
        count = self.fresh[name] = Count()
        count.number = 1

    def settle(self) -> None:
        """Add up what is fresh, and choose the busiest names."""
        counts = [(label(name), count.number) for name, count in self.fresh.items()]
        self.fresh.clear()
        every = self._all
        for name, number in counts:
            every[name] = every.get(name, 0) + number
        self._choose()
        for name, number in counts:
            if name in self._shown:
                self._shown[name] += number
            else:
                self._others += number

    def _choose(self) -> None:
        if len(self._all) <= NAMES_MAX:
            for name in self._all:
                self._shown.setdefault(name, 0)
            return
        ranked = sorted(self._all, key=self._all.__getitem__, reverse=True)
        self._shown = {name: self._shown.get(name, 0) for name in ranked[:NAMES_MAX]}
        for name in ranked[_CANDIDATES:]:
            del self._all[name]

    def numbers(self) -> dict[str, float]:
        """Return the numbers by name."""
        self.settle()
        numbers: dict[str, float] = dict(self._shown)
        if self._others:
            numbers[OTHER] = numbers.get(OTHER, 0) + self._others
        return numbers
