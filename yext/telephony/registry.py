"""The channels of one driver: their numbering, their registry and the settings they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from yext.bus import Bus
from yext.telephony.endpoint import Endpoint
from yext.telephony.shared import Telephony, telephony

ChannelT = TypeVar("ChannelT", bound=Endpoint)


class ChannelRegistry(Mapping[str, ChannelT]):
    """The live channels of one driver by id, which the engine's telephony knows too.

    Args:
        bus: the engine's bus.
        name: the driver's name.

    Attributes:
        name: the driver's name.
        prefix: the first part of each channel's id, ``NAME/``.
        telephony: the telephony state of the engine.
        total: the number of channels made since the start.
        timeout: the time limit of a call that names none, in milliseconds; None for no limit.
        changed_at: the time of the first change that ``module.update`` has not reported, in seconds
            since 1970; None for no change.
        dtmf_dups: whether a digit that was detected twice is passed on twice.
    """

    def __init__(self, bus: Bus, name: str) -> None:
        self.bus = bus
        self.name = name
        self.prefix = f"{name}/"
        self.telephony: Telephony = telephony(bus)
        self.total = 0
        self.timeout: int | None = None
        self.dtmf_dups = False
        self.changed_at: float | None = None
        self._live: dict[str, ChannelT] = {}
        self._number = 0

    def next_id(self) -> str:
        """Return the id of the next channel."""
        self._number += 1
        return f"{self.prefix}{self._number}"

    def add(self, channel: ChannelT) -> None:
        """Register a new channel."""
        self.total += 1
        self._changed()
        self._live[channel.id] = self.telephony.endpoints[channel.id] = channel

    def remove(self, channel: ChannelT) -> None:
        """Forget a channel that has ended."""
        self._changed()
        self._live.pop(channel.id, None)
        self.telephony.endpoints.pop(channel.id, None)

    def _changed(self) -> None:
        if self.changed_at is None:
            self.changed_at = self.bus.now()

    def __getitem__(self, ident: str) -> ChannelT:
        return self._live[ident]

    def __iter__(self) -> Iterator[str]:
        return iter(self._live)

    def __len__(self) -> int:
        return len(self._live)
