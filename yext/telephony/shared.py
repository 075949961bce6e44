"""The telephony state of one engine: its clock, its live endpoints, the numbers of its calls."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from yext.bus import Bus
from yext.telephony.audio.clock import Clock
from yext.telephony.endpoint import Endpoint


class Telephony:
    """The state that all drivers of one engine share.

    Args:
        run_id: the engine's run identifier, the first part of each billing identifier.

    Attributes:
        clock: the clock that paces all audio.
        endpoints: the live channels of drivers and of scripts, by id.
    """

    def __init__(self, run_id: str) -> None:
        self.clock = Clock()
        self.endpoints: dict[str, Endpoint] = {}
        self._run_id = run_id
        self._calls = 0

    def next_bill_id(self) -> str:
        """Return ``RUNID-NUMBER`` for the next call, numbered as by Yate."""
        self._calls += 1
        return f"{self._run_id}-{self._calls}"


_ENGINES: WeakKeyDictionary[Bus, Telephony] = WeakKeyDictionary()


def telephony(bus: Bus) -> Telephony:
    """Return the telephony state of an engine, which the first call makes."""
    found = _ENGINES.get(bus)
    if found is None:
        found = _ENGINES[bus] = Telephony(bus.run_params["runid"])
    return found
