"""The two ends of a call, and the audio between them.

Modelled on Yate's CallEndpoint, DataSource and DataConsumer (yatephone.h). An endpoint counts its
holders (its maker, its peer, each message that carries it as user data) and ends with the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from yext.bus import Bus
from yext.commander import Commander
from yext.dispatcher import Dispatch
from yext.errors import SoundError
from yext.log import logger, safe
from yext.message import Message
from yext.telephony.audio.formats import SLIN, Conversion, Format, conversion

AUDIO: Final = "audio"
"""The default type of an endpoint's data."""


class Consumer:
    """A consumer of audio.

    Attributes:
        name: its name for operators, for example ``wave/record/x.au``.
        format: the format that it takes.
        source: the source that feeds it.
        override: a source that feeds it in the place of `source` for a while.
    """

    def __init__(self, name: str, format: Format = SLIN) -> None:
        self.name = name
        self.format = format
        self.source: Source | None = None
        self.override: Source | None = None

    def consume(self, data: bytes) -> None:
        """Take a frame in the consumer's format."""

    def offered(self, format: Format) -> None:
        """Learn the format of a source that is about to feed it; the consumer may change to it."""

    def close(self) -> None:
        """End the consumer, which no endpoint uses any longer."""
        for source in (self.source, self.override):
            if source is not None:
                source.detach(self)


class Source:
    """A source of audio for any number of consumers.

    Attributes:
        name: its name for operators, for example ``tone/busy``.
        format: the format that it gives.
        on_end: called once, when the source has no more audio.
        error: the reason why the audio ended early, empty if it did not.
        ended: whether the source has ended.
        loose: whether it belongs to no endpoint, and so closes with its last consumer.
    """

    def __init__(self, name: str, format: Format = SLIN) -> None:
        self.name = name
        self.format = format
        self.on_end: Callable[[], None] | None = None
        self.error = ""
        self.ended = False
        self.loose = False
        self._feeds: dict[Consumer, Conversion | None] = {}

    @property
    def consumers(self) -> tuple[Consumer, ...]:
        """The consumers that the source feeds."""
        return tuple(self._feeds)

    def attach(self, consumer: Consumer, override: bool = False) -> None:
        """Feed `consumer` in the place of its present source.

        Args:
            consumer: the consumer.
            override: whether the present source stays, and is heard again afterwards.
        """
        before = consumer.override if override else consumer.source
        if before is not None:
            before.detach(consumer)
        consumer.offered(self.format)
        if override:
            consumer.override = self
        else:
            consumer.source = self
        self._feeds[consumer] = conversion(self.format, consumer.format)
        self.attached()

    def detach(self, consumer: Consumer) -> None:
        """Stop feeding `consumer`."""
        self._feeds.pop(consumer, None)
        if consumer.source is self:
            consumer.source = None
        if consumer.override is self:
            consumer.override = None
        if not self._feeds and not self.ended:
            if self.loose:
                self.close()
            else:
                self.alone()

    def alone(self) -> None:
        """Called when the last consumer was detached."""

    def attached(self) -> None:
        """Called when a consumer was attached."""

    def forward(self, data: bytes) -> None:
        """Give a frame to all consumers that hear this source at present."""
        for consumer, change in tuple(self._feeds.items()):
            if consumer.override is None or consumer.override is self:
                frame = data if change is None else change.convert(data)
                if frame:
                    consumer.consume(frame)

    def end(self) -> None:
        """End the source, which has given all its audio."""
        if self.ended:
            return
        for consumer, change in tuple(self._feeds.items()):
            rest = change.rest() if change is not None else b""
            if rest:
                consumer.consume(rest)
        self.close()
        if self.on_end is not None:
            self.on_end()

    def close(self) -> None:
        """End the source without calling `on_end`."""
        self.ended = True
        for consumer in tuple(self._feeds):
            self.detach(consumer)


class Media:
    """The audio of an endpoint, or its data of another type.

    Attributes:
        source: the source of what the endpoint sends.
        consumer: the consumer of what it hears.
        call_record, peer_record: further consumers of what it sends, and of what it hears.
        sniffers: more consumers of what it sends, by their names.
    """

    __slots__ = ("call_record", "consumer", "peer_record", "sniffers", "source")

    def __init__(self) -> None:
        self.source: Source | None = None
        self.consumer: Consumer | None = None
        self.call_record: Consumer | None = None
        self.peer_record: Consumer | None = None
        self.sniffers: dict[str, Consumer] = {}


class Endpoint:
    """One end of a call. Its maker holds it, and has to release it.

    Args:
        bus: the engine's bus.
        ident: the id that messages use for it.

    Attributes:
        id: its id.
        peer: the other end, None while it is not connected.
        last_peer_id: the id that the last peer had when it was connected.
        alive: whether something holds it.
        commander: who had it made, None for a peer or the engine; its messages are on behalf of
            that commander.
    """

    def __init__(self, bus: Bus, ident: str) -> None:
        self.bus = bus
        self.id = ident
        self.peer: Endpoint | None = None
        self.last_peer_id = ""
        self.alive = True
        self.commander: Commander | None = None
        self._known_peer: Endpoint | None = None
        self._holds = 1
        self._media: dict[str, Media] = {}

    # Life

    def hold(self) -> None:
        """Keep the endpoint alive until `release`."""
        self._holds += 1

    def release(self) -> None:
        """Undo one `hold`; the endpoint ends with the last one."""
        self._holds -= 1
        if self._holds or not self.alive:
            return
        self.alive = False
        for kind in tuple(self._media):
            self.set_source(None, kind)
            self.set_consumer(None, kind)
            self.record(None, None, kind)
            for sniffer in self.media(kind).sniffers.values():
                sniffer.close()
        self.destroyed()

    def destroyed(self) -> None:
        """Called once, when nothing holds the endpoint any longer."""

    def send(self, message: Message) -> None:
        """Enqueue a message with the endpoint as user data, held until the end of its dispatch."""
        message.userdata = self
        if message.commander is None:
            message.commander = self.commander
        self.hold()
        dispatcher = self.bus.dispatcher
        dispatcher.enqueue(Dispatch(dispatcher, message, lambda _: self.release()))

    # Connection

    def connect(self, peer: Endpoint, reason: str = "") -> bool:
        """Connect with `peer`, after both are disconnected from their present peers.

        Returns:
            False if one of the two has ended, or both are the same.
        """
        if peer is self.peer:
            return True
        if peer is self or not (self.alive and peer.alive):
            return False
        self.hold()
        peer.hold()
        self.disconnect(reason)
        peer.disconnect(reason)
        self.peer, peer.peer = peer, self
        for kind in {*self._media, *peer._media}:
            _link(self.media(kind), peer.media(kind))
        peer.connected(reason)
        self.connected(reason)
        return True

    def disconnect(self, reason: str = "", params: Mapping[str, str] | None = None) -> bool:
        """Disconnect from the peer.

        Args:
            reason: the reason, for the peer's ``chan.disconnected``.
            params: further parameters for that message.

        Returns:
            False if there was no peer.
        """
        peer = self.peer
        if peer is None:
            return False
        self.peer = peer.peer = None
        self._known_peer = peer._known_peer = None
        for kind in {*self._media, *peer._media}:
            _unlink(self.media(kind), peer.media(kind))
        peer.disconnected(reason, params or {})
        peer.release()
        self.release()
        return True

    def connected(self, reason: str) -> None:
        """Called when a peer was connected."""
        if self.peer is not None:
            self._known_peer = self.peer
            self.last_peer_id = self.peer.id

    def disconnected(self, reason: str, params: Mapping[str, str]) -> None:
        """Called when the peer was disconnected, before the endpoint may end."""

    def peer_id(self) -> str:
        """Return the id that the peer had when it was connected, empty without a peer."""
        if self.peer is None:
            return ""
        return self.last_peer_id if self.peer is self._known_peer else self.peer.id

    # Audio

    def media(self, kind: str = AUDIO) -> Media:
        """Return the endpoint's data of a type."""
        found = self._media.get(kind)
        if found is None:
            found = self._media[kind] = Media()
        return found

    def set_source(self, source: Source | None, kind: str = AUDIO) -> None:
        """Send from `source` from now on, and close the source before it."""
        own = self.media(kind)
        before, own.source = own.source, source
        if before is not None and before is not source:
            before.close()
        if source is None:
            return
        if self.peer is not None:
            peer = self.peer.media(kind)
            _attach(source, peer.consumer)
            _attach(source, peer.peer_record)
        for consumer in (own.call_record, *own.sniffers.values()):
            _attach(source, consumer)

    def set_consumer(self, consumer: Consumer | None, kind: str = AUDIO) -> None:
        """Hear with `consumer` from now on, and close the consumer before it."""
        own = self.media(kind)
        before, own.consumer = own.consumer, consumer
        _close(before, consumer)
        if self.peer is not None:
            _attach(self.peer.media(kind).source, consumer)

    def record(self, call: Consumer | None, peer: Consumer | None, kind: str = AUDIO) -> None:
        """Record with `call` what the endpoint sends, and with `peer` what it hears."""
        own = self.media(kind)
        if call is not own.call_record:
            _close(own.call_record, call)
            own.call_record = call
            _attach(own.source, call)
        if peer is not own.peer_record:
            _close(own.peer_record, peer)
            own.peer_record = peer
            if self.peer is not None:
                _attach(self.peer.media(kind).source, peer)

    def add_sniffer(self, sniffer: Consumer, kind: str = AUDIO) -> None:
        """Have `sniffer` hear what the endpoint sends, until its end."""
        own = self.media(kind)
        own.sniffers[sniffer.name] = sniffer
        _attach(own.source, sniffer)

    def clear(self, node: Source | Consumer, kind: str = AUDIO) -> bool:
        """Remove `node` if it is the source, the consumer or a record; return whether it is."""
        own = self.media(kind)
        if own.source is node:
            self.set_source(None, kind)
        elif own.consumer is node:
            self.set_consumer(None, kind)
        elif own.call_record is node:
            self.record(None, own.peer_record, kind)
        elif own.peer_record is node:
            self.record(own.call_record, None, kind)
        else:
            return False
        return True


def _attach(source: Source | None, consumer: Consumer | None) -> None:
    if source is not None and consumer is not None and not source.ended:
        try:
            source.attach(consumer)
        except SoundError as error:
            # The call goes on without this direction of its audio.
            source.error = str(error)
            logger.warning("%s: %s", safe(source.name), error)


def _detach(source: Source | None, consumer: Consumer | None) -> None:
    if source is not None and consumer is not None and consumer.source is source:
        source.detach(consumer)


def _close(before: Consumer | None, after: Consumer | None) -> None:
    if before is not None and before is not after:
        before.close()


def _link(first: Media, second: Media) -> None:
    for sender, hearer in ((first, second), (second, first)):
        _attach(sender.source, hearer.consumer)
        _attach(sender.source, hearer.peer_record)


def _unlink(first: Media, second: Media) -> None:
    for sender, hearer in ((first, second), (second, first)):
        _detach(sender.source, hearer.consumer)
        _detach(sender.source, hearer.peer_record)
