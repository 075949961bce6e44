"""Links that other nodes have opened, through a listener for peers of role global."""

from __future__ import annotations

from yext.cluster.exchange.exchange import Exchange
from yext.cluster.link.protocol import LinkProtocol, greeting, parse_greeting
from yext.errors import NodeError
from yext.extmodule.peer.peer import Peer
from yext.log import NOTE, WARN, safe


class Accepting:
    """Makes a link of the connection of a peer that greets as a node.

    Args:
        exchange: the nodes that are here.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._links: dict[LinkProtocol, None] = {}

    def begin(self, peer: Peer, value: str) -> str:
        """Make a link of a peer's connection; return why not, empty if it is done."""
        exchange = self._exchange
        try:
            node, instance = parse_greeting(value)
            known = exchange.nodes.get(node)
            if known is not None and known.instance == instance and node > exchange.bus.node:
                # Of two links between two nodes, both ends keep the one that the first in the
                # alphabet has opened; one that goes another way than a link gives way.
                if known.carrier.kind == "link":
                    raise NodeError(f"{node} is connected already, by {known.carrier.label}")
            elif known is None or known.instance != instance:
                exchange.check(node, instance)
        except NodeError as error:
            mutual = "connected already" in str(error)
            text = f"'{peer.label}' was refused as a node: {error}"
            exchange.bus.log.debug(NOTE if mutual else WARN, "cluster", safe(text))
            return str(error)
        connection = peer.connection
        if connection is None:
            return "its connection is closed"
        link = LinkProtocol(
            exchange, node, f"link from {peer.label}", lambda why: self._ended(link)
        )
        self._links[link] = None
        connection.hand_off(link)
        try:
            link.check_certificate()
        except NodeError as error:
            link.answer(str(error), False)
            link.close(str(error))
            exchange.bus.log.debug(WARN, "cluster", f"{link.label} closed: {error}")
            return ""  # The answer was given.
        link.answer(greeting(exchange.bus.node, exchange.instance), True)
        exchange.replace(node, link, instance)
        return ""

    def _ended(self, link: LinkProtocol) -> None:
        self._links.pop(link, None)

    def close(self) -> None:
        """Close all links that others have opened."""
        for link in list(self._links):
            link.close()
