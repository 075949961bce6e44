"""Another node, as this one knows it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from yext.cluster.exchange.latency import Latency

if TYPE_CHECKING:
    from yext.cluster.exchange.announcement import Key, Offer
    from yext.cluster.exchange.carrier import Carrier
    from yext.dispatcher import Dispatch, Handler, Recording


class Flight(NamedTuple):
    """A message that waits for the answer of a handler on another node.

    Attributes:
        dispatch: its dispatch here.
        handler: the stand-in that has sent it.
        sent: when, by the exchange's clock.
        tried: the nodes that it was sent to, this one included.
    """

    dispatch: Dispatch
    handler: Handler
    sent: float
    tried: tuple[str, ...]


class Visitor:
    """A node as the sender and the commander of what has come from it: it may do nothing else.

    Attributes:
        label: its name in the message flow.
    """

    may_execute = False
    files: tuple[str, ...] = ()

    def __init__(self, name: str) -> None:
        self.label = name

    def handling(self, sent: object) -> tuple[()]:
        """Return no dispatch: what a message is nested in there is not known here."""
        return ()

    def command_params(self) -> dict[str, str]:
        """The parameters that name the sender of a command."""
        return {"cmd_address": f"node {self.label}", "cmd_machine": "false", "cmd_admin": "false"}


class Node:
    """Another node.

    Attributes:
        name: its name.
        carrier: the way to it.
        instance: a text that is another one at each start of the node.
        visitor: the sender of what comes from it.
        revision: that of its last announcement, -1 before the first.
        offers: its handlers that may be asked, by what makes them the same on several nodes.
        watches: the names of messages that it watches.
        follows: whether it follows the journeys of others.
        heard: when it gave a sign of life, by the exchange's clock.
        since: when it came, in seconds since 1970.
        flights: the messages that wait for its answers, by their ids, oldest first.
        overdue: messages that were not answered in time and may be yet, for their record.
        latency: how long its answers were on the way.
        asked, answered: the messages that it was sent, and that it has answered in time.
        late: the answers that came after their time.
        lost: the messages that it did not answer before it was gone, or in time.
        serving: its messages that handlers here have in hand.
        served: its messages that were answered here.
        last_ask: the number of the last message that it has sent: none is carried out twice.
    """

    __slots__ = (
        "answered", "asked", "carrier", "flights", "follows", "heard", "instance", "last_ask",
        "late", "latency", "lost", "name", "offers", "overdue", "revision", "served", "serving",
        "since", "visitor", "watches",
    )  # fmt: skip

    def __init__(self, name: str, carrier: Carrier, instance: str, now: float) -> None:
        self.name = name
        self.carrier = carrier
        self.instance = instance
        self.visitor = Visitor(name)
        self.revision = -1
        self.offers: dict[Key, Offer] = {}
        self.watches: frozenset[str] = frozenset()
        self.follows = False
        self.heard = now
        self.since = time.time()
        self.flights: dict[str, Flight] = {}
        self.overdue: dict[str, tuple[Recording, str, float]] = {}
        self.latency = Latency()
        self.asked = self.answered = self.late = self.lost = 0
        self.serving = self.served = self.last_ask = 0
