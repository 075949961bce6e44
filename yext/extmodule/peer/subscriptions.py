"""The messages that a peer has subscribed to: its installed handlers and its watches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from yext.dispatcher import Dispatch, Dispatcher, Handler, Pending, Sender, Watcher
from yext.extmodule.peer.setlocal import PeerSettings
from yext.message import Message


class Install(NamedTuple):
    """The arguments of ``%%>install:PRIORITY:NAME[:FILTER-NAME[:FILTER-VALUE]]``."""

    priority: int
    name: str
    filter_name: str = ""
    filter_value: str = ""


class Subscriber(Watcher, Sender, Protocol):
    """What subscriptions need from their peer.

    Attributes:
        settings: the peer's settings.
    """

    settings: PeerSettings

    def hand_over(self, message: Message, dispatch: Dispatch) -> bool | Pending:
        """Send `message` to the peer, and wait for its answer unless the peer is passed by."""


class Relay(Handler):
    """A handler that a peer installed: it hands messages over to the peer.

    Attributes:
        asked_priority: the priority as the peer gave it, which may be negative.
    """

    __slots__ = ("_peer", "asked_priority")

    def __init__(self, peer: Subscriber, asked: Install) -> None:
        super().__init__(
            asked.name,
            asked.priority,
            peer.label,
            peer.settings.trackparam,
            asked.filter_name,
            asked.filter_value,
        )
        self._peer = peer
        self.asked_priority = asked.priority

    def handle(self, message: Message, dispatch: Dispatch) -> bool | Pending:
        peer = self._peer
        if dispatch.sender is peer and dispatch.ident and not peer.settings.reenter:
            return False
        return peer.hand_over(message, dispatch)


class Subscriptions:
    """The installed handlers and the watches of one peer.

    Args:
        dispatcher: the dispatcher.
        peer: the peer.

    Attributes:
        relays: the handlers by message name.
        watches: the names of watched messages, in order.
    """

    __slots__ = ("_dispatcher", "_peer", "relays", "watches")

    def __init__(self, dispatcher: Dispatcher, peer: Subscriber) -> None:
        self.relays: dict[str, Relay] = {}
        self.watches: dict[str, None] = {}
        self._dispatcher = dispatcher
        self._peer = peer

    def install(self, asked: Install) -> bool:
        """Install a handler; return False if it has no name, or if there is one of that name."""
        if not asked.name or asked.name in self.relays:
            return False
        relay = self.relays[asked.name] = Relay(self._peer, asked)
        self._dispatcher.install(relay)
        return True

    def uninstall(self, name: str) -> Relay | None:
        """Remove and return the handler of messages called `name`, None if there is none."""
        relay = self.relays.pop(name, None)
        if relay is not None:
            self._dispatcher.uninstall(relay)
        return relay

    def watch(self, name: str) -> bool:
        """Watch messages called `name`, all if it is empty; return False if they are watched."""
        if name in self.watches:
            return False
        self.watches[name] = None
        self._dispatcher.watch(name, self._peer)
        return True

    def unwatch(self, name: str) -> bool:
        """End a watch; return False if there is none."""
        if name not in self.watches:
            return False
        del self.watches[name]
        self._dispatcher.unwatch(name, self._peer)
        return True

    def leave(self) -> Iterator[None]:
        """Remove all handlers and watches, one a step."""
        while self.relays:
            self._dispatcher.uninstall(self.relays.popitem()[1])
            yield
        while self.watches:
            self._dispatcher.unwatch(self.watches.popitem()[0], self._peer)
            yield
