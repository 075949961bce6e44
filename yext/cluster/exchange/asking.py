"""The stand-ins for handlers on other nodes, and the messages that wait for their answers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from typing import Final

from yext import wire
from yext.bus import Bus
from yext.cluster.exchange.announcement import Key, Offer
from yext.cluster.exchange.carrier import Kind
from yext.cluster.exchange.node import Flight, Node
from yext.cluster.exchange.serving import HANDLED, PASSED, REFUSED, Send, Serving
from yext.cluster.exchange.standin import StandIn
from yext.cluster.settings import never_leaves
from yext.dispatcher import PENDING, Dispatch, NoAnswer, Pending
from yext.errors import NodeError, ProtocolError
from yext.log import safe
from yext.message import Message

_RESULTS: Final[dict[str, tuple[bool, NoAnswer | None]]] = {
    HANDLED: (True, None),
    PASSED: (False, None),
    REFUSED: (False, NoAnswer.UNREACHABLE),
    NoAnswer.TIMED_OUT: (False, NoAnswer.TIMED_OUT),
    NoAnswer.GONE: (False, NoAnswer.GONE),
}
"""What the results in answers mean here."""

_OVERDUE_MAX = 100
"""Messages of a node that are remembered after their time, in case they are answered."""


_RETIRED_MAX = 10_000
"""Stand-ins without a node that are kept, in case a node comes back."""


class Asking:
    """The stand-ins of one node, and its messages in flight.

    Args:
        bus: the bus.
        serving: the offers of this node.
        send: sends a frame to a node.
        clock: returns the time in seconds.

    Attributes:
        standins: the stand-ins, by what they stand for.
        skipped: messages that no node was sent, as too many wait for all that could be asked.
    """

    def __init__(self, bus: Bus, serving: Serving, send: Send, clock: Callable[[], float]) -> None:
        self.standins: dict[Key, StandIn] = {}
        self.skipped = 0
        # A message that a node has had goes on when that is gone. It must not meet a stand-in for
        # the same once more when the node comes back, so that is the same one, at its old place.
        self._retired: dict[Key, StandIn] = {}
        self._dispatcher = bus.dispatcher
        self._serving = serving
        self._send = send
        self._clock = clock
        # Another one after each start, so that no answer to a message of an earlier one fits.
        self._sequence = random.getrandbits(48)

    # Stand-ins

    def offered(self, node: Node, offers: dict[Key, Offer]) -> None:
        """Install and remove stand-ins, as a node offers handlers now."""
        before, node.offers = node.offers, offers
        for key in before.keys() - offers.keys():
            self._remove(key, node)
        for key, offer in offers.items():
            if key in before and before[key].number == offer.number:
                continue
            standin = self.standins.get(key)
            if standin is not None:
                standin.add_home(node, offer.number)
                continue
            retired = self._retired.pop(key, None)
            standin = self.standins[key] = retired or StandIn(self, key)
            standin.add_home(node, offer.number)
            if retired is None:
                self._dispatcher.install(standin)
            else:
                self._dispatcher.restore(standin)

    def _remove(self, key: Key, node: Node) -> None:
        standin = self.standins.get(key)
        if standin is not None and standin.remove_home(node):
            del self.standins[key]
            self._dispatcher.uninstall(standin)
            if len(self._retired) >= _RETIRED_MAX:
                del self._retired[next(iter(self._retired))]
            self._retired[key] = standin

    def left(self, node: Node) -> int:
        """Remove the stand-ins of a node that is gone, and let its messages go on.

        Returns:
            How many messages it had in hand.
        """
        self.offered(node, {})
        return self.release(node)

    def release(self, node: Node) -> int:
        """Let the messages of a node go on; return how many it had in hand."""
        flights = list(node.flights.values())
        node.flights.clear()
        node.lost += len(flights)
        if flights:
            self._dispatcher.slices.do(_releasing(flights))
        return len(flights)

    # Messages

    def ask(self, standin: StandIn, message: Message, dispatch: Dispatch) -> bool | Pending:
        """Ask the handler on one of the nodes; return False if none can be asked.

        What holds objects of this process, or goes to all handlers, does not leave it. Where the
        same script runs here it has been asked, or will be.
        """
        if message.userdata is not None or message.broadcast:
            return False
        if not self._serving.share.retry_passed and self._serving.has(standin.stands_for):
            return False
        return self._ask(standin, message, dispatch, ())

    def _ask(
        self, standin: StandIn, message: Message, dispatch: Dispatch, tried: tuple[str, ...]
    ) -> bool | Pending:
        home = self._choose(standin, tried)
        if home is None:
            self.skipped += not tried
            return False
        node, number = home
        self._sequence += 1
        ident = str(self._sequence)
        if dispatch.journey is not None:
            dispatch.journey.sent_to(f"{node.name}:{standin.script}")
        text = f"{ident}:{number}:{int(message.time)}:{wire.encode_body(message)}"
        node.flights[ident] = Flight(dispatch, standin, self._clock(), (*tried, node.name))
        node.asked += 1
        if not self._send(node, Kind.ASK, text):
            # Nothing was sent. The walk goes on by itself, so that no handler is called within one.
            asyncio.get_running_loop().call_soon(self.refused, node, ident)
        return PENDING

    def _choose(self, standin: StandIn, tried: tuple[str, ...]) -> tuple[Node, int] | None:
        """Choose the less loaded of two homes taken at random, None if none can be asked."""
        homes = list(standin.homes.values())
        most = self._serving.share.maxqueue
        if tried or any(len(node.flights) >= most for node, _ in homes):
            homes = [
                (node, number)
                for node, number in homes
                if node.name not in tried and len(node.flights) < most
            ]
        if len(homes) < 2:
            return homes[0] if homes else None
        one, other = random.sample(homes, 2)
        return other if len(other[0].flights) < len(one[0].flights) else one

    def refused(self, node: Node, ident: str) -> None:
        """Let a message go on that could not be sent to a node."""
        flight = node.flights.pop(ident, None)
        if flight is not None:
            node.lost += 1
            flight.dispatch.answered(False, NoAnswer.UNREACHABLE)

    def answered(self, node: Node, text: str) -> None:
        """Carry out a frame `Kind.ANSWER`: the walk of a message goes on.

        Raises:
            NodeError: it makes no sense, or does what no answer may.
        """
        try:
            ident, micro, result, rest = text.split(":", 3)
            there = int(micro) / 1_000_000
            handled, outcome = _RESULTS[result]
            changed = None if outcome is not None else wire.decode_message(f":{rest}")[1]
        except (ValueError, KeyError, OverflowError, ProtocolError) as error:
            raise NodeError(f"an answer of it makes no sense: {error}") from None
        flight = node.flights.get(ident)
        if flight is None:
            self._late(node, ident)
            return
        dispatch = flight.dispatch
        if changed is not None:
            _take(dispatch.message, changed)
        del node.flights[ident]
        took = self._clock() - flight.sent
        node.answered += 1
        node.latency.add(max(0.0, took - there))
        if dispatch.journey is not None:
            dispatch.journey.was_there(there)
        if result == PASSED and self._serving.share.retry_passed and self._next(flight):
            return
        dispatch.answered(handled, outcome)

    def _next(self, flight: Flight) -> bool:
        """Ask the next home after one that has passed; return False if there is none."""
        dispatch, standin = flight.dispatch, flight.handler
        assert isinstance(standin, StandIn)
        if standin.homes.keys() <= set(flight.tried) or dispatch.message.name != standin.name:
            return False
        if dispatch.journey is not None:
            dispatch.journey.leave(standin, dispatch.message, False, None)
            dispatch.journey.enter(standin, dispatch.message)
        asked = self._ask(standin, dispatch.message, dispatch, flight.tried)
        return asked is PENDING

    def pass_overdue(self, node: Node) -> Iterator[None]:
        """Let the messages go on that a node has not answered in time."""
        now = self._clock()
        until = now - self._serving.share.timeout
        for ident, flight in list(node.flights.items()):
            if flight.sent > until:
                break
            if node.flights.pop(ident, None) is None:
                continue
            node.lost += 1
            dispatch = flight.dispatch
            if dispatch.journey is not None:
                if len(node.overdue) >= _OVERDUE_MAX:
                    del node.overdue[next(iter(node.overdue))]
                standin = flight.handler
                assert isinstance(standin, StandIn)
                owner = f"{node.name}:{standin.script}"
                node.overdue[ident] = (dispatch.journey, owner, now)
            dispatch.answered(False, NoAnswer.TIMED_OUT)
            yield

    def _late(self, node: Node, ident: str) -> None:
        node.late += 1
        found = node.overdue.pop(ident, None)
        if found is not None:
            journey, owner, since = found
            journey.late(owner, self._clock() - since)


def _releasing(flights: list[Flight]) -> Iterator[None]:
    for flight in flights:
        flight.dispatch.answered(False, NoAnswer.GONE)
        yield


def _take(message: Message, changed: Message) -> None:
    """Put what has come back into a message.

    Raises:
        NodeError: it was given a name that never comes from another node.
    """
    if changed.name != message.name:
        if never_leaves(changed.name):
            raise NodeError(f"it gives {message.name} the name {safe(changed.name)}")
        message.name = changed.name
    message.retvalue = changed.retvalue
    kept, come = message.wire, changed.wire
    if kept is not None and come is not None and kept[2] == come[2]:
        message.wire = (message.name, message.retvalue, kept[2])
        return
    message.params = changed.params
    message.wire = None if come is None else (message.name, message.retvalue, come[2])
