"""The messages that a peer has subscribed to: its installed handlers and its watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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

    __slots__ = ("_dispatcher", "_held", "_peer", "relays", "watches")

    def __init__(self, dispatcher: Dispatcher, peer: Subscriber) -> None:
        self.relays: dict[str, Relay] = {}
        self.watches: dict[str, None] = {}
        self._dispatcher = dispatcher
        self._held: Callable[[], None] | None = None
        self._peer = peer

    def hold(self, changed: Callable[[], None]) -> None:
        """Keep what the peer asks for off the bus from now on; call `changed` at each handler."""
        self._held = changed

    def take_over(self, before: Subscriptions | None) -> None:
        """Put what was held on the bus, in the places of the handlers of another peer.

        What that peer has besides is removed, and what it asks for later has no effect. No
        message gets its turn meanwhile.
        """
        self._held = None
        left = before._hand_on() if before is not None else {}
        for name, relay in self.relays.items():
            old = left.pop(name, None)
            if old is not None and old.priority == relay.priority:
                self._dispatcher.replace(old, relay)
                continue
            if old is not None:
                self._dispatcher.uninstall(old)
            self._dispatcher.install(relay)
        for old in left.values():
            self._dispatcher.uninstall(old)
        for name in self.watches:
            self._dispatcher.watch(name, self._peer)

    def _hand_on(self) -> dict[str, Relay]:
        """Stop watching; return the handlers, which are the caller's from now on."""
        self.hold(lambda: None)
        relays, self.relays = self.relays, {}
        for name in self.watches:
            self._dispatcher.unwatch(name, self._peer)
        self.watches = {}
        return relays

    def install(self, asked: Install) -> bool:
        """Install a handler; return False if it has no name, or if there is one of that name."""
        if not asked.name or asked.name in self.relays:
            return False
        relay = self.relays[asked.name] = Relay(self._peer, asked)
        if self._held is None:
            self._dispatcher.install(relay)
        else:
            self._held()
        return True

    def uninstall(self, name: str) -> Relay | None:
        """Remove and return the handler of messages called `name`, None if there is none."""
        relay = self.relays.pop(name, None)
        if relay is not None and self._held is None:
            self._dispatcher.uninstall(relay)
        return relay

    def watch(self, name: str) -> bool:
        """Watch messages called `name`, all if it is empty; return False if they are watched."""
        if name in self.watches:
            return False
        self.watches[name] = None
        if self._held is None:
            self._dispatcher.watch(name, self._peer)
        return True

    def unwatch(self, name: str) -> bool:
        """End a watch; return False if there is none."""
        if name not in self.watches:
            return False
        del self.watches[name]
        if self._held is None:
            self._dispatcher.unwatch(name, self._peer)
        return True

    def leave(self) -> Iterator[None]:
        """Remove all handlers and watches, one a step."""
        if self._held is not None:
            return
        while self.relays:
            self._dispatcher.uninstall(self.relays.popitem()[1])
            yield
        while self.watches:
            self._dispatcher.unwatch(self.watches.popitem()[0], self._peer)
            yield
