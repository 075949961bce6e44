"""Places for connections that have not authenticated, counted for each source."""

from __future__ import annotations

from typing import Protocol

PLACES = 50
"""Connections before their login, in all."""

PLACES_OF_SOURCE = 20
"""Connections before their login that one source may have."""


class Arrival(Protocol):
    """A connection before its login: its TLS handshake is under way, or it is a guest's.

    Attributes:
        source: where it comes from, as wrong passwords are counted.
        spoken: whether anything was typed on it.
        last_heard: when data came last, in the loop's time.
    """

    @property
    def source(self) -> str: ...
    @property
    def spoken(self) -> bool: ...
    @property
    def last_heard(self) -> float: ...

    def close(self) -> None:
        """Give its place up."""


class Places:
    """The connections that have not authenticated, by source.

    A source with more than `PLACES_OF_SOURCE` loses one of its own. If all places are taken, the
    source that has most of them loses one. It is a connection on which nothing was typed, if
    there is one, and of these the one idle for longest: who types a password slowly is not cut
    off for others that come and go.
    """

    def __init__(self) -> None:
        self._by_source: dict[str, dict[Arrival, None]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_source.values()))

    def take(self, arrival: Arrival) -> None:
        """Give a connection a place, and close another one if there is none left."""
        own = self._by_source.setdefault(arrival.source, {})
        own[arrival] = None
        if len(own) > PLACES_OF_SOURCE:
            self._close_one(own, arrival)
        elif len(self) > PLACES:
            self._close_one(max(self._by_source.values(), key=len), arrival)

    def leave(self, arrival: Arrival) -> None:
        """Take a connection's place back, if it has one."""
        own = self._by_source.get(arrival.source)
        if own is not None and arrival in own:
            del own[arrival]
            if not own:
                del self._by_source[arrival.source]

    def close(self) -> None:
        """Close all of them."""
        for group in list(self._by_source.values()):
            for arrival in list(group):
                self.leave(arrival)
                arrival.close()

    def _close_one(self, group: dict[Arrival, None], new: Arrival) -> None:
        others = [arrival for arrival in group if arrival is not new] or [new]
        victim = min(others, key=lambda arrival: (arrival.spoken, arrival.last_heard))
        self.leave(victim)
        victim.close()
