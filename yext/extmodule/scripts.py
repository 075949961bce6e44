"""Scripts and peers, found by what they were started as."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from yext.extmodule.script.script import Script


class HasLine(Protocol):
    """What has a name and a parameter, which do not change.

    Attributes:
        name: the script, or the listener of a peer.
        parameter: the parameter of the script, or the address of the peer.
    """

    name: str
    parameter: str


Item = TypeVar("Item", bound=HasLine)


class Index(Generic[Item]):
    """Scripts or peers in the order in which they were added.

    There may be thousands of them: only `__iter__` looks at all.
    """

    def __init__(self) -> None:
        self._all: dict[Item, None] = {}
        self._by_name: dict[str, dict[Item, None]] = {}
        self._by_line: dict[tuple[str, str], dict[Item, None]] = {}

    def __iter__(self) -> Iterator[Item]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def add(self, item: Item) -> None:
        """Add an item, which may be there already."""
        self._all[item] = None
        self._by_name.setdefault(item.name, {})[item] = None
        self._by_line.setdefault((item.name, item.parameter), {})[item] = None

    def remove(self, item: Item) -> None:
        """Remove an item, which may be gone already."""
        if item not in self._all:
            return
        del self._all[item]
        named = self._by_name[item.name]
        del named[item]
        if not named:
            del self._by_name[item.name]
        line = item.name, item.parameter
        same = self._by_line[line]
        del same[item]
        if not same:
            del self._by_line[line]

    def replace(self, before: Item, item: Item) -> None:
        """Put `item` in the place of `before`, which has the same name and parameter."""
        for group in (
            self._all,
            self._by_name.get(before.name, {}),
            self._by_line.get((before.name, before.parameter), {}),
        ):
            order = [item if one is before else one for one in group]
            group.clear()
            group.update(dict.fromkeys(order))

    def named(self, name: str, parameter: str | None) -> Sequence[Item]:
        """Return the items called `name`, with that parameter unless it is None, in order."""
        if parameter is None:
            return list(self._by_name.get(name, ()))
        return list(self._by_line.get((name, parameter), ()))

    def first(self, name: str, parameter: str | None) -> Item | None:
        """Return the first of `named`, None if there is none."""
        if parameter is None:
            return next(iter(self._by_name.get(name, ())), None)
        return next(iter(self._by_line.get((name, parameter), ())), None)


class Scripts(Index["Script"]):
    """The scripts that were started, or could not be, in order of their first start."""

    def __init__(self) -> None:
        super().__init__()
        self._ended: dict[Script, None] = {}

    def remove(self, item: Script) -> None:
        """Forget a script, which may be forgotten already."""
        super().remove(item)
        self._ended.pop(item, None)

    def started(self, script: Script) -> None:
        """Note that a script runs."""
        self._ended.pop(script, None)

    def ended(self, script: Script, keep: int) -> None:
        """Note that a script does not run any more.

        Args:
            script: the script.
            keep: how many scripts that have ended are kept, besides those of the configuration.
        """
        if script not in self._all or script.configured:
            return
        self._ended[script] = None
        while len(self._ended) > keep:
            oldest = next(iter(self._ended))
            if oldest.configured:
                del self._ended[oldest]
            else:
                self.remove(oldest)
