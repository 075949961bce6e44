"""The journeys of messages on other nodes, for those who follow them here, and the other way round.

While somebody follows, each node sends the journeys of what it shares; all of them where
``[share] commands=admin`` trusts the others with everything. Values that observers may not see are
hidden before they leave.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from yext.bus import Bus
from yext.cluster.exchange.announcement import load
from yext.cluster.exchange.carrier import Kind
from yext.cluster.exchange.node import Node
from yext.cluster.exchange.serving import Send
from yext.cluster.limits import JOURNEYS_MAX
from yext.cluster.settings import Share
from yext.errors import NodeError, RecordError
from yext.log import Throttle
from yext.record.journey import Journey, from_json, hide, to_json

Follower = Callable[[str, Journey], None]
"""Gets the name of a node, and the journey of a message there."""


class Journeys:
    """The journeys that come from other nodes, and that are sent there.

    Args:
        bus: the bus.
        share: what is shared.
        send: sends a frame to a node.

    Attributes:
        share: what is shared.
        left_out: journeys that were not sent, because there were too many in one second.
    """

    def __init__(self, bus: Bus, share: Share, send: Send) -> None:
        self.share = share
        self.left_out = 0
        self._recorder = bus.recorder
        self._send = send
        self._followers: dict[Follower, None] = {}
        self._following: tuple[Node, ...] = ()
        self._unfollow: Callable[[], None] | None = None
        self._throttle: Throttle | None = None

    # Those of others

    @property
    def followed(self) -> bool:
        """True while somebody here follows the journeys of other nodes."""
        return bool(self._followers)

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Call `follower` with the journeys of other nodes; return a function that ends that."""
        self._followers[follower] = None

        def unfollow() -> None:
            self._followers.pop(follower, None)

        return unfollow

    def received(self, node: Node, text: str) -> None:
        """Carry out a frame `Kind.JOURNEY`.

        Raises:
            NodeError: it makes no sense.
        """
        try:
            journey = from_json(load(text))
        except RecordError as error:
            raise NodeError(f"a journey of it makes no sense: {error}") from None
        for follower in tuple(self._followers):
            follower(node.name, journey)

    # Those of this node

    def sync(self, nodes: Iterable[Node]) -> None:
        """Record, and send, while another node follows."""
        none = self.share.commands == "none"
        self._following = () if none else tuple(node for node in nodes if node.follows)
        if self._following and self._unfollow is None:
            self._unfollow = self._recorder.follow(self._ended, self._wants)
        elif not self._following:
            self.stop()

    def stop(self) -> None:
        """Send nothing any more."""
        if self._unfollow is not None:
            self._unfollow()
            self._unfollow = None

    def _wants(self, name: str) -> bool:
        share = self.share
        shared = name in share.handle or name in share.watch
        return shared or (share.commands == "admin" and not name.startswith("engine."))

    def _ended(self, journey: Journey) -> None:
        if not self._wants(journey.name):
            return  # Somebody here follows messages of that name.
        if self._throttle is None:
            self._throttle = Throttle(self._count_left_out)
        if not self._throttle.passes(JOURNEYS_MAX):
            return
        text = json.dumps(to_json(hide(journey, self._recorder.secret)), separators=(",", ":"))
        for node in self._following:
            self._send(node, Kind.JOURNEY, text)

    def _count_left_out(self, count: int) -> None:
        self.left_out += count
