"""The state of the module, as its commands and its status see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from yext.bus import Bus
from yext.cluster.exchange.exchange import Exchange
from yext.cluster.link.dialer import Dialer


class Server(Protocol):
    """The connection to a NATS server."""

    @property
    def up(self) -> bool:
        """True while this node can be reached by it."""

    @property
    def reason(self) -> str:
        """Why it cannot."""


class State(Protocol):
    """This node among others."""

    @property
    def bus(self) -> Bus:
        """The bus."""

    @property
    def exchange(self) -> Exchange:
        """The other nodes."""

    @property
    def dialers(self) -> Mapping[str, Dialer]:
        """The links that this node opens, by name."""

    @property
    def settled_at(self) -> float:
        """When those who can be reached ought to be here, by the loop's clock."""

    @property
    def server(self) -> Server | None:
        """The connection to a NATS server, None without the section."""
