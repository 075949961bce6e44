"""What all telephony of one engine has in common: the clock, and the numbers of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from yext.telephony.clock import Clock

if TYPE_CHECKING:
    from yext.bus import Bus


class Telephony:
    """The shared state.

    Attributes:
        clock: what all audio of the engine is paced by.
    """

    def __init__(self, run_id: str) -> None:
        self.clock = Clock()
        self._run_id = run_id
        self._calls = 0

    def next_bill_id(self) -> str:
        """``RUNID-NUMBER`` of the next call, as Yate numbers them."""
        self._calls += 1
        return f"{self._run_id}-{self._calls}"


_ENGINES: WeakKeyDictionary[Bus, Telephony] = WeakKeyDictionary()


def telephony(bus: Bus) -> Telephony:
    """What the telephony of one engine shares; made when it is first asked for."""
    found = _ENGINES.get(bus)
    if found is None:
        found = _ENGINES[bus] = Telephony(bus.run_params["runid"])
    return found
