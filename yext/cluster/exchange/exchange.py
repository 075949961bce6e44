"""The exchange: this node among the others, whatever carries their frames.

There is no I/O here. Carriers say which nodes have arrived and left, and what frames have come;
the exchange says what to send.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from yext.bus import Bus
from yext.cluster.exchange.announcement import Announcement, decode
from yext.cluster.exchange.asking import Asking
from yext.cluster.exchange.carrier import Carrier, Kind
from yext.cluster.exchange.commanding import Commanding
from yext.cluster.exchange.journeys import Journeys
from yext.cluster.exchange.node import Node
from yext.cluster.exchange.serving import Serving
from yext.cluster.exchange.watching import Publisher
from yext.cluster.limits import BEAT_SECONDS, NODES_MAX, is_node_name
from yext.cluster.settings import Share
from yext.errors import NodeError
from yext.log import NOTE, WARN, safe

_STALL_SECONDS = 0.5
"""How late a beat has to be to show that this engine itself has stood still."""


class Exchange:
    """This node among the others.

    Args:
        bus: the bus.
        share: what is shared.
        clock: returns the time in seconds.

    Attributes:
        bus: the bus.
        instance: a random text, another one at each start.
        nodes: the other nodes that are here, by name.
        serving: what others may ask here.
        asking: what is asked of others.
        watching: what watchers get from and on other nodes.
        commanding: commands for other nodes, and from them.
        journeys: journeys for other nodes, and from them.
        when_changed: called when what this node offers has changed.
        lost: messages that nodes had in hand which are gone now, or did not answer in time.
        late: answers after their time of nodes which are gone now.
    """

    def __init__(self, bus: Bus, share: Share, clock: Callable[[], float]) -> None:
        self.bus = bus
        self.instance = secrets.token_hex(8)
        self.nodes: dict[str, Node] = {}
        self.serving = Serving(bus, share, self.send)
        self.asking = Asking(bus, self.serving, self.send, clock)
        self.watching = Publisher(bus, share, self.nodes.values, self.send)
        self.commanding = Commanding(bus, share, self.send)
        self.journeys = Journeys(bus, share, self.send)
        self.when_changed: list[Callable[[], None]] = []
        self.lost = self.late = 0
        self._clock = clock
        self._last_beat = clock()
        self._announcement = Announcement(self.instance, 0)
        self._actions: dict[Kind, Callable[[Node, str], None]] = {
            Kind.ASK: self.serving.asked,
            Kind.ANSWER: self.asking.answered,
            Kind.ALIVE: self._alive,
            Kind.ANNOUNCE: self._announced,
            Kind.RESET: self._reset,
            Kind.WANT: self._wanted,
            Kind.SEEN: self.watching.seen,
            Kind.COMMAND: self.commanding.commanded,
            Kind.REPLY: self.commanding.replied,
            Kind.JOURNEY: self.journeys.received,
        }

    @property
    def share(self) -> Share:
        """What is shared."""
        return self.serving.share

    def use(self, share: Share) -> None:
        """Share something else from now on."""
        self.serving.share = self.watching.share = share
        self.commanding.share = self.journeys.share = share
        for node in self.nodes.values():
            may = {key: offer for key, offer in node.offers.items() if share.may_leave(offer.name)}
            self.asking.offered(node, may)
            node.revision = -2  # What it offers beside these is asked for at its next beat.
        self.watching.sync()
        self.changed()

    def send(self, node: Node, kind: Kind, text: str) -> bool:
        """Send a frame to a node; return False if it cannot be sent now."""
        return self.nodes.get(node.name) is node and node.carrier.send(node.name, kind, text)

    # Nodes come and go

    def check(self, name: str, instance: str) -> None:
        """Check whether a node may be added.

        Raises:
            NodeError: it may not, for its name or because there is one of that name.
        """
        if not is_node_name(name):
            raise NodeError(f"'{safe(name[:80])}' cannot be the name of a node")
        if name == self.bus.node:
            raise NodeError(f"it says that it is {name}, and so is this node")
        known = self.nodes.get(name)
        if known is not None and known.instance != instance:
            raise NodeError(f"there is another node {name}, by {known.carrier.label}")
        if known is not None:
            raise NodeError(f"{name} is connected already, by {known.carrier.label}")
        if len(self.nodes) >= NODES_MAX:
            raise NodeError(f"{NODES_MAX} nodes are known already")

    def arrived(self, name: str, carrier: Carrier, instance: str) -> None:
        """Add a node.

        Raises:
            NodeError: as `check` says.
        """
        self.check(name, instance)
        node = self.nodes[name] = Node(name, carrier, instance, self._clock())
        self.changed()
        # Perhaps it was here before, and only this node took it for gone.
        self.send(node, Kind.RESET, "")
        self.send(node, Kind.ANNOUNCE, self._announcement.encode())

    def replace(self, name: str, carrier: Carrier, instance: str) -> None:
        """Reach a node by another carrier from now on; what it had in hand goes on here.

        Raises:
            NodeError: as `check` says.
        """
        known = self.nodes.get(name)
        if known is not None and known.instance == instance:
            self.left(name, known.carrier, "")
            known.carrier.refuse(name, "")
        self.arrived(name, carrier, instance)

    def left(self, name: str, carrier: Carrier, reason: str) -> int:
        """Remove a node that was reached by `carrier`; what it had in hand goes on here.

        Args:
            reason: why it is gone, for the operators; empty if another notice says it.

        Returns:
            How many messages it had in hand.
        """
        node = self.nodes.get(name)
        if node is None or node.carrier is not carrier:
            return 0
        del self.nodes[name]
        count = self.asking.left(node)
        self.lost += node.lost
        self.late += node.late
        self.commanding.left(node)
        self.watching.sync()
        self.journeys.sync(self.nodes.values())
        if reason and node.revision >= 0:
            released = f"; {count:,} messages that it had go on without it" if count else ""
            self._notice(f"node {name} is gone: {reason}{released}", "see: status cluster", WARN)
        return count

    def _notice(self, text: str, see: str, level: int) -> None:
        self.bus.log.notice((safe(text), see), "", level=level)

    # Frames

    def received(self, name: str, carrier: Carrier, kind: str, text: str) -> None:
        """Carry out a frame of a node; what no node says ends the connection with it."""
        node = self.nodes.get(name)
        if node is None or node.carrier is not carrier:
            return
        node.heard = self._clock()
        try:
            if kind == Kind.BYE:
                self.left(name, carrier, "it was stopped")
                return
            action = self._actions.get(kind)  # type: ignore[call-overload]
            if action is None:
                raise NodeError(f"it sends a frame '{safe(kind[:20])}', which is not known here")
            action(node, text)
        except NodeError as error:
            self.left(name, carrier, str(error))
            carrier.refuse(name, str(error))

    def _alive(self, node: Node, text: str) -> None:
        instance, _, revision = text.partition(" ")
        if instance == node.instance and revision != str(node.revision):
            self.send(node, Kind.WANT, "")

    def _reset(self, node: Node, text: str) -> None:
        count = self.asking.release(node)
        if count:
            text = f"node {node.name} has forgotten {count:,} messages sent to it: they go on"
            self._notice(text, "see: status cluster", WARN)

    def _wanted(self, node: Node, text: str) -> None:
        self.send(node, Kind.ANNOUNCE, self._announcement.encode())

    def _announced(self, node: Node, text: str) -> None:
        said = decode(text)
        if said.instance != node.instance:
            return  # Another one of that name: its carrier has reported that.
        is_new, node.revision = node.revision == -1, said.revision
        may = (offer for offer in said.offers if self.share.may_leave(offer.name))
        self.asking.offered(node, {offer.key: offer for offer in may})
        node.watches, node.follows = frozenset(said.watches), said.follows
        self.watching.sync()
        self.journeys.sync(self.nodes.values())
        if is_new:
            count = len(said.offers)
            shares = f"shares {count} handler{'' if count == 1 else 's'}"
            text = f"node {node.name} has come by {node.carrier.label}, {shares}"
            self._notice(text, "see: status cluster", NOTE)

    # What this node says

    def changed(self) -> None:
        """Announce what this node shares to the others, if that has changed."""
        self.serving.refresh()
        said = self._announcement
        new = said._replace(
            offers=self.serving.offers,
            watches=self.watching.own_watches(),
            follows=self.journeys.followed,
        )
        if new == said:
            return
        self._announcement = new._replace(revision=said.revision + 1)
        text = self._announcement.encode()
        for node in list(self.nodes.values()):
            self.send(node, Kind.ANNOUNCE, text)
        for call in self.when_changed:
            call()

    def sign_of_life(self) -> str:
        """Return the text of a frame `Kind.ALIVE`."""
        return f"{self.instance} {self._announcement.revision}"

    def beat(self) -> None:
        """Look for nodes that are silent and answers that are due; every `BEAT_SECONDS`."""
        now = self._clock()
        stalled = now - self._last_beat > BEAT_SECONDS + _STALL_SECONDS
        self._last_beat = now
        slices = self.bus.dispatcher.slices
        for node in list(self.nodes.values()):
            if stalled:
                node.heard = now  # What it has said meanwhile has not been read yet.
            elif now - node.heard > node.carrier.silence:
                reason = f"nothing was heard of it for {now - node.heard:.1f} s"
                self.left(node.name, node.carrier, reason)
                node.carrier.refuse(node.name, reason)
                continue
            if not node.carrier.broadcasts:
                self.send(node, Kind.ALIVE, self.sign_of_life())
            if node.flights:
                slices.do(self.asking.pass_overdue(node))

    def stop(self) -> None:
        """Leave all nodes."""
        for node in list(self.nodes.values()):
            self.send(node, Kind.BYE, self.instance)
            self.left(node.name, node.carrier, "")
        self.watching.stop()
        self.journeys.stop()
