"""The handlers here that other nodes may ask, and the messages that these have sent them."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Final

from yext import wire
from yext.bus import Bus
from yext.cluster.exchange.announcement import Key, Offer
from yext.cluster.exchange.carrier import Kind
from yext.cluster.exchange.node import Node
from yext.cluster.exchange.standin import StandIn
from yext.cluster.limits import HANDLERS_MAX
from yext.cluster.settings import Share
from yext.dispatcher import PENDING, Dispatch, Dispatcher, Handler, NoAnswer, track
from yext.errors import NodeError, ProtocolError
from yext.log import WARN, safe
from yext.message import Message

HANDLED: Final = "handled"
PASSED: Final = "passed"
REFUSED: Final = "refused"
"""Results of a message beside those of `NoAnswer`."""

Send = Callable[[Node, Kind, str], bool]
"""Sends a frame to a node; returns False if that is not possible now."""


class Served(Dispatch):
    """The part of a message's walk on another node that one handler here is.

    Args:
        dispatcher: the dispatcher.
        message: the message.
        done: called at its end.
        node: where it comes from.
        ident: its id there.
        only: the handler.
    """

    __slots__ = ("began", "node", "only")

    def __init__(
        self,
        dispatcher: Dispatcher,
        message: Message,
        done: Callable[[Dispatch], None],
        node: Node,
        ident: str,
        only: Handler,
    ) -> None:
        super().__init__(dispatcher, message, done, node.visitor, ident)
        self.node = node
        self.only = only
        self.began = perf_counter()

    def advance(self) -> None:
        """Call the handler, and no other."""
        handler, message, journey = self.only, self.message, self.journey
        name = handler.filter_name
        if name and message.get(name) != handler.filter_value:
            self.dispatcher.finish_part(self)
            return
        if handler.track:
            track(message, handler.track, handler.priority)
        self.handler = handler
        if journey is not None:
            journey.enter(handler, message)
        result = handler.handle(message, self)
        if result is not PENDING:
            self.answered(bool(result))

    def answered(self, handled: bool, outcome: NoAnswer | None = None) -> None:
        """End with the answer of the handler, or why there is none."""
        if self.journey is not None:
            self.journey.leave(self.only, self.message, handled, outcome)
        self.handled, self.outcome = handled, outcome
        self.dispatcher.finish_part(self)


class Serving:
    """The offers of this node, and what other nodes ask of them.

    Args:
        bus: the bus.
        send: sends a frame to a node.

    Attributes:
        share: what is shared.
        offers: the handlers that other nodes may ask, in the order of their numbers.
        left_out: how many more handlers would be shared, were they not too many.
        undelivered: answers to nodes that had gone.
    """

    def __init__(self, bus: Bus, share: Share, send: Send) -> None:
        self.share = share
        self.offers: tuple[Offer, ...] = ()
        self.left_out = self.undelivered = 0
        self._bus = bus
        self._dispatcher = bus.dispatcher
        self._send = send
        self._numbers: dict[Handler, int] = {}
        self._by_number: dict[int, Handler] = {}
        self._by_key: dict[Key, Handler] = {}
        self._last_number = 0

    def refresh(self) -> bool:
        """Look which handlers are shared now; return True if others than before."""
        before = self.offers
        found: dict[Key, Handler] = {}
        share = self.share
        # Only names that are shared are looked at: handlers of others come and go in great numbers.
        names = [name for name in self._dispatcher.handler_names() if name in share.handle]
        for handler in (one for name in names for one in self._dispatcher.view(name)):
            if handler.built_in or not handler.name or isinstance(handler, StandIn):
                continue
            if handler.owner in share.scripts:
                found.setdefault(_key(handler), handler)
        more = len(found) - HANDLERS_MAX
        if more > 0 and not self.left_out:
            text = f"{more} handlers are not shared: a node may announce {HANDLERS_MAX}"
            self._bus.log.debug(WARN, "cluster", text)
        self.left_out = max(0, more)
        self._by_key = dict(list(found.items())[:HANDLERS_MAX])
        self._numbers = {one: self._number(one) for one in self._by_key.values()}
        self._by_number = {number: one for one, number in self._numbers.items()}
        offers = (Offer(self._numbers[one], *key) for key, one in self._by_key.items())
        self.offers = tuple(sorted(offers))
        return self.offers != before

    def _number(self, handler: Handler) -> int:
        known = self._numbers.get(handler)
        if known is None:
            known = self._last_number = self._last_number + 1
        return known

    def has(self, key: Key) -> bool:
        """Return True if the same script handles the same messages here."""
        handler = self._by_key.get(key)
        return handler is not None and self._dispatcher.has(handler)

    def asked(self, node: Node, text: str) -> None:
        """Carry out a frame `Kind.ASK`: give a message to the handler that it is for.

        Raises:
            NodeError: it makes no sense, comes a second time, or asks for what is not shared.
        """
        ident, _, rest = text.partition(":")
        number, _, fields = rest.partition(":")
        try:
            sequence, message = int(ident), wire.decode_message(f"{ident}:{fields}")[1]
            handler = self._by_number.get(int(number))
        except (ValueError, ProtocolError) as error:
            raise NodeError(f"a message of it makes no sense: {error}") from None
        if sequence <= node.last_ask:
            raise NodeError("it sends a message a second time")
        node.last_ask = sequence
        if handler is None or not self._dispatcher.has(handler):
            self._answer(node, ident, 0.0, NoAnswer.GONE)
            return
        if message.name != handler.name:
            raise NodeError(f"it sends {safe(message.name)} to a handler of {handler.name}")
        if node.serving >= self.share.maxqueue:
            self._answer(node, ident, 0.0, REFUSED)
            return
        message.commander = node.visitor
        node.serving += 1
        self._dispatcher.start(Served(self._dispatcher, message, self._done, node, ident, handler))

    def serve(
        self, node: Node, offer: Offer, message: Message, done: Callable[[Dispatch], None]
    ) -> bool:
        """Give a message to the handler of an offer.

        Returns:
            False if the handler is gone, or ``maxqueue`` messages of the node wait already.
        """
        handler = self._by_number.get(offer.number)
        if handler is None or not self._dispatcher.has(handler):
            return False
        if node.serving >= self.share.maxqueue:
            return False

        def ended(dispatch: Dispatch) -> None:
            node.serving -= 1
            node.served += 1
            done(dispatch)

        message.commander = node.visitor
        node.serving += 1
        self._dispatcher.start(Served(self._dispatcher, message, ended, node, "", handler))
        return True

    def _done(self, dispatch: Dispatch) -> None:
        """Send the answer."""
        assert isinstance(dispatch, Served)
        node = dispatch.node
        node.serving -= 1
        node.served += 1
        took = perf_counter() - dispatch.began
        if dispatch.outcome is not None:
            self._answer(node, dispatch.ident, took, dispatch.outcome)
            return
        result = HANDLED if dispatch.handled else PASSED
        self._answer(node, dispatch.ident, took, result, dispatch.message)

    def _answer(
        self, node: Node, ident: str, took: float, result: str, message: Message | None = None
    ) -> None:
        head = f"{ident}:{int(took * 1_000_000)}:"
        body = "" if message is None else f"{int(message.time)}:{wire.encode_body(message)}"
        if self._send(node, Kind.ANSWER, f"{head}{result}:{body}"):
            return
        # Without the message it may be short enough to be sent; else the node is gone.
        if not (body and self._send(node, Kind.ANSWER, f"{head}{REFUSED}:")):
            self.undelivered += 1


def _key(handler: Handler) -> Key:
    return (
        handler.name, handler.priority, handler.filter_name, handler.filter_value, handler.owner,
    )  # fmt: skip
