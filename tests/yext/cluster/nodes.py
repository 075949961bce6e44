"""Nodes in this process whose frames are carried by the tests, with a clock of their own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from yext import Engine, Message
from yext.cluster import limits, settings
from yext.cluster.exchange.carrier import Kind
from yext.cluster.exchange.exchange import Exchange
from yext.conf import Conf, ReadingRules, load
from yext.dispatcher import PENDING, Dispatch, Handler, Pending

SHARE = "[share]\nhandle=call.route,user.*\nwatch=call.cdr,user.*\n"


class Clock:
    """A clock that the tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Slow(Handler):
    """A handler that answers when the test says so."""

    def __init__(self, name: str = "call.route", priority: int = 50, owner: str = "slow.py"):
        super().__init__(name, priority, owner)
        self.taken: list[Dispatch] = []

    def handle(self, message: Message, dispatch: Dispatch) -> bool | Pending:
        self.taken.append(dispatch)
        return PENDING


class Place:
    """One node: an engine that is not started, and its exchange.

    Attributes:
        sent: the frames that it has sent, with the receiver.
        refused: why nodes were refused, by name.
    """

    kind = "test"
    label = "test"
    silence = limits.SILENCE_SECONDS
    broadcasts = False

    def __init__(self, net: Net, name: str, conf: str) -> None:
        self.net = net
        self.name = name
        self.engine = Engine(node=name)
        self.share = read_share(conf, name)
        self.exchange = Exchange(self.engine, self.share, net.clock)
        self.sent: list[tuple[str, Kind, str]] = []
        self.refused: dict[str, str] = {}
        self.full = False
        self.notices: list[str] = []
        self.engine.log.subscribe(self._logged)

    def _logged(self, event: Any) -> None:
        if event.kind == "notice":
            self.notices.append(event.text)

    # Carrier

    def send(self, node: str, kind: Kind, text: str) -> bool:
        if self.full:
            return False
        self.sent.append((node, kind, text))
        self.net.frames.append((self.name, node, kind, text))
        return True

    def refuse(self, node: str, reason: str) -> None:
        self.refused[node] = reason

    # For the tests

    def install(
        self, function: Callable[[Message], Any], priority: int = 50, name: str = "call.route",
        script: str = "",
    ) -> Handler:  # fmt: skip
        """Install a function under the name of a script, and announce it."""
        handler = self.engine.install(name, function, priority)
        handler.owner = script or f"{name}-{priority}"
        self.exchange.changed()
        return handler

    def add(self, handler: Handler) -> None:
        """Install a handler, and announce it."""
        self.engine.dispatcher.install(handler)
        self.exchange.changed()

    def receive(self, sender: str, kind: str, text: str) -> None:
        """Take a frame that a test has made."""
        self.exchange.received(sender, self, kind, text)

    def send_off(self, message: Message) -> asyncio.Future[bool]:
        """Dispatch a message; return the future of whether it was handled."""
        return asyncio.ensure_future(self.engine.dispatch(message))


class Net:
    """Some nodes, each of which knows all others, and the frames on their way."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.frames: deque[tuple[str, str, Kind, str]] = deque()
        self.places: dict[str, Place] = {}

    def add(self, name: str, conf: str = SHARE) -> Place:
        """Add a node, and make it known to all others."""
        place = self.places[name] = Place(self, name, conf)
        for other in self.places.values():
            if other is not place:
                other.exchange.arrived(name, other, place.exchange.instance)
                place.exchange.arrived(other.name, place, other.exchange.instance)
        self.carry()
        return place

    def carry(self) -> None:
        """Carry all frames, and those that they cause."""
        while self.frames:
            sender, node, kind, text = self.frames.popleft()
            self.places[node].exchange.received(sender, self.places[node], kind, text)

    async def go(self, *futures: asyncio.Future[bool]) -> list[bool]:
        """Carry frames until all `futures` are done; return their results."""
        while not all(future.done() for future in futures):
            await asyncio.sleep(0)
            self.carry()
        return [future.result() for future in futures]

    async def dispatch(self, place: Place, message: Message) -> bool:
        """Dispatch a message on a node, and carry the frames meanwhile."""
        (handled,) = await self.go(place.send_off(message))
        return handled

    def drop(self, name: str, reason: str = "it was cut off") -> None:
        """Take a node away from all others."""
        for other in self.places.values():
            if other.name != name:
                other.exchange.left(name, other, reason)


def read_share(text: str, node: str = "alder") -> settings.Share:
    """Read ``[share]`` from a text."""
    return read(text, node).share


def read(text: str, node: str = "alder") -> settings.Settings:
    """Read the sections about other nodes from the text of a yext.conf."""
    import tempfile

    if not text:
        return settings.read(Conf("yext.conf", ReadingRules()), node)
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(text)
        file.flush()
        return settings.read(load(file.name, params={}), node)


def on_net(test: Callable[[Net], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run a test in an event loop, on a net without nodes."""

    def run() -> None:
        async def main() -> None:
            async with asyncio.timeout(20):  # What waits for what never comes is to fail.
                await test(Net())

        asyncio.run(main())

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run
