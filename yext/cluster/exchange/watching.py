"""Messages that watchers on other nodes get, and those that come from there."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from yext import wire
from yext.bus import Bus
from yext.cluster.exchange.carrier import Kind
from yext.cluster.exchange.node import Node
from yext.cluster.exchange.serving import Send
from yext.cluster.limits import TEXT_MAX, WATCHES_MAX
from yext.cluster.settings import Share, never_leaves
from yext.dispatcher import Dispatch
from yext.errors import NodeError, ProtocolError
from yext.log import safe


class Publisher:
    """The watcher that other nodes have here, of the names that one of them watches now.

    Args:
        bus: the bus.
        share: what is shared.
        nodes: returns the other nodes.
        send: sends a frame to a node.

    Attributes:
        label: empty, as it is nobody's own watch.
    """

    label = ""

    def __init__(
        self, bus: Bus, share: Share, nodes: Callable[[], Iterable[Node]], send: Send
    ) -> None:
        self.share = share
        self._dispatcher = bus.dispatcher
        self._nodes = nodes
        self._send = send
        self._watched: frozenset[str] = frozenset()

    def own_watches(self) -> tuple[str, ...]:
        """Return the names of the messages that are watched here, for the announcement."""
        names = {name for name, _ in self._dispatcher.watch_names()}
        fit = (one for one in sorted(names) if not one or not never_leaves(one))
        return tuple(one for one in fit if len(one) <= TEXT_MAX)[:WATCHES_MAX]

    def sync(self) -> None:
        """Watch what other nodes watch now."""
        names = {name for node in self._nodes() for name in node.watches}
        wanted = frozenset(
            name for name in names if name in self.share.watch or (not name and self.share.watch)
        )
        for name in self._watched - wanted:
            self._dispatcher.unwatch(name, self)
        for name in wanted - self._watched:
            self._dispatcher.watch(name, self)
        self._watched = wanted

    def stop(self) -> None:
        """Watch nothing any more."""
        for name in self._watched:
            self._dispatcher.unwatch(name, self)
        self._watched = frozenset()

    def notice(self, dispatch: Dispatch) -> None:
        """Send the result of a message that was dispatched here to the nodes that watch it."""
        message = dispatch.message
        if message.userdata is not None or message.broadcast:
            return
        if message.name not in self.share.watch:
            return
        text = ""
        for node in self._nodes():
            if message.name in node.watches or "" in node.watches:
                text = text or _encode(dispatch)
                self._send(node, Kind.SEEN, text)

    def seen(self, node: Node, text: str) -> None:
        """Carry out a frame `Kind.SEEN`: notify the watchers here.

        Raises:
            NodeError: it makes no sense, or is of a message that never leaves a node.
        """
        handled, _, fields = text.partition(":")
        try:
            message = wire.decode_message(f":{fields}")[1]
        except ProtocolError as error:
            raise NodeError(f"a message of it makes no sense: {error}") from None
        if never_leaves(message.name):
            raise NodeError(f"it shows {safe(message.name)}, which never leaves a node")
        dispatch = Dispatch(self._dispatcher, message, None, node.visitor)
        dispatch.handled = wire.BOOLEANS.get(handled, False)
        for watcher in self._dispatcher.watchers(message.name):
            if watcher is not self:
                watcher.notice(dispatch)


def _encode(dispatch: Dispatch) -> str:
    handled, message = wire.bool_text(dispatch.handled), dispatch.message
    return f"{handled}:{int(message.time)}:{wire.encode_body(message)}"
