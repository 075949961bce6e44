"""The two ends of a call, and the audio that goes from one to the other.

Modelled on Yate's CallEndpoint, DataSource and DataConsumer (yatephone.h): what keeps an endpoint
alive is counted, and it ends with the last of it: its maker, its peer, each message that
carries it as user data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from yext.dispatcher import Dispatch
from yext.message import Message
from yext.telephony.audio.formats import SLIN, Conversion, Format, conversion

if TYPE_CHECKING:
    from yext.bus import Bus

AUDIO: Final = "audio"
"""The type of data that an endpoint has when none is named."""


class Consumer:
    """Takes audio.

    Attributes:
        name: what an operator is shown, ``wave/record/x.au`` for example.
        format: what it takes.
        source: what feeds it.
        override: what feeds it instead for a while.
    """

    def __init__(self, name: str, format: Format = SLIN) -> None:
        self.name = name
        self.format = format
        self.source: Source | None = None
        self.override: Source | None = None

    def consume(self, data: bytes) -> None:
        """Takes a frame, in the consumer's format."""

    def offered(self, format: Format) -> None:
        """A source of that format is about to feed it, which may suit it better."""

    def close(self) -> None:
        """Nothing more is to come: nobody holds the consumer any longer."""
        for source in (self.source, self.override):
            if source is not None:
                source.detach(self)


class Source:
    """Gives audio to any number of consumers.

    Attributes:
        name: what an operator is shown, ``tone/busy`` for example.
        format: what it gives.
        on_end: called once, when the source has given all it had, or can give no more.
        error: why it can give no more, empty where that was all.
        loose: whether it is no endpoint's, and so closes with its last consumer.
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
        """Who is fed."""
        return tuple(self._feeds)

    def attach(self, consumer: Consumer, override: bool = False) -> None:
        """Feeds `consumer`, alone: what fed it before does no more.

        With `override` the consumer's source stays its source, and is heard again after.
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
        """Ends what `attach` began."""
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
        """The last consumer was detached."""

    def attached(self) -> None:
        """A consumer was attached."""

    def forward(self, data: bytes) -> None:
        """Gives a frame to all consumers that hear this source now."""
        for consumer, change in tuple(self._feeds.items()):
            if consumer.override is None or consumer.override is self:
                frame = data if change is None else change.convert(data)
                if frame:
                    consumer.consume(frame)

    def end(self) -> None:
        """The source has given all it had."""
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
        """Gives no more; nobody is told."""
        self.ended = True
        for consumer in tuple(self._feeds):
            self.detach(consumer)


@dataclass(slots=True, eq=False)
class Media:
    """One type of data of an endpoint.

    Attributes:
        source: what the endpoint sends into the call.
        consumer: what takes what it hears.
        call_record, peer_record: what else takes what it sends, and what it hears.
    """

    source: Source | None = None
    consumer: Consumer | None = None
    call_record: Consumer | None = None
    peer_record: Consumer | None = None


class Endpoint:
    """One end of a call. It is made with one hold, its maker's, to be released.

    Attributes:
        id: what messages call it.
        peer: the other end, None while there is none.
        last_peer_id: what the last peer was called when they were connected.
        alive: False once nothing held it any longer.
    """

    def __init__(self, bus: Bus, ident: str) -> None:
        self.bus = bus
        self.id = ident
        self.peer: Endpoint | None = None
        self.last_peer_id = ""
        self.alive = True
        self._known_peer: Endpoint | None = None
        self._holds = 1
        self._media: dict[str, Media] = {}

    # Life

    def hold(self) -> None:
        """Keeps the endpoint until a `release`."""
        self._holds += 1

    def release(self) -> None:
        """Ends one hold; with the last one the endpoint ends."""
        self._holds -= 1
        if self._holds or not self.alive:
            return
        self.alive = False
        for kind in tuple(self._media):
            self.set_source(None, kind)
            self.set_consumer(None, kind)
            self.record(None, None, kind)
        self.destroyed()

    def destroyed(self) -> None:
        """Nothing holds the endpoint any longer."""

    def carried(self, message: Message, enqueue: bool = True) -> Message:
        """Puts the endpoint in `message` as user data, which holds it until the dispatch is over;
        the message is enqueued unless the caller does so."""
        message.userdata = self
        if enqueue:
            self.hold()
            dispatcher = self.bus.dispatcher
            dispatcher.enqueue(Dispatch(dispatcher, message, lambda _: self.release()))
        return message

    # Connection

    def connect(self, peer: Endpoint, reason: str = "") -> bool:
        """Connects with `peer`; both are disconnected first from whom they had."""
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
        """Parts from the peer, which is told; whether there was one.

        `params` is what the peer is to pass on in its own ``chan.disconnected``.
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
        """A peer is there."""
        if self.peer is not None:
            self._known_peer = self.peer
            self.last_peer_id = self.peer.id

    def disconnected(self, reason: str, params: Mapping[str, str]) -> None:
        """The peer has gone; the endpoint ends unless something holds it."""

    def peer_id(self) -> str:
        """What the peer was called when they were connected, empty where there is none."""
        if self.peer is None:
            return ""
        return self.last_peer_id if self.peer is self._known_peer else self.peer.id

    # Audio

    def media(self, kind: str = AUDIO) -> Media:
        """The endpoint's data of that type."""
        found = self._media.get(kind)
        if found is None:
            found = self._media[kind] = Media()
        return found

    def set_source(self, source: Source | None, kind: str = AUDIO) -> None:
        """Sends from `source` from now on; what was the source before is closed."""
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
        _attach(source, own.call_record)

    def set_consumer(self, consumer: Consumer | None, kind: str = AUDIO) -> None:
        """Hears with `consumer` from now on; what was the consumer before is closed."""
        own = self.media(kind)
        before, own.consumer = own.consumer, consumer
        _close(before, consumer)
        if self.peer is not None:
            _attach(self.peer.media(kind).source, consumer)

    def record(self, call: Consumer | None, peer: Consumer | None, kind: str = AUDIO) -> None:
        """Has what the endpoint sends taken by `call`, and what it hears by `peer`."""
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

    def clear(self, node: Source | Consumer, kind: str = AUDIO) -> bool:
        """Takes `node` out if it is the source, the consumer or a record; whether it was."""
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
        source.attach(consumer)


def _detach(source: Source | None, consumer: Consumer | None) -> None:
    if source is not None and consumer is not None and consumer.source is source:
        source.detach(consumer)


def _close(before: Consumer | None, after: Consumer | None) -> None:
    if before is not None and before is not after:
        before.close()


def _link(one: Media, other: Media) -> None:
    for sender, hearer in ((one, other), (other, one)):
        _attach(sender.source, hearer.consumer)
        _attach(sender.source, hearer.peer_record)


def _unlink(one: Media, other: Media) -> None:
    for sender, hearer in ((one, other), (other, one)):
        _detach(sender.source, hearer.consumer)
        _detach(sender.source, hearer.peer_record)
