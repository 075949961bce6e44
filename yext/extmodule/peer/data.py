"""Data connections: sockets that carry the audio of a channel instead of lines.

``%%>connect:play:ID`` has what the program sends played by the channel called ID, ``record``
has it sent what that channel hears, ``playrec`` both. What follows the line is linear audio, as
on the descriptors of a channel script; a further ``:TYPE`` names another type of data, which is
passed on as it comes. Yate documents this (docs/extmodule.html, "connect") without doing it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from yext.bus import Bus
from yext.extmodule.peer.peer import Peer
from yext.telephony.audio.clock import BEAT, Clock
from yext.telephony.audio.formats import SLIN
from yext.telephony.endpoint import AUDIO, Consumer, Endpoint, Source
from yext.telephony.shared import telephony

_FRAME: Final = SLIN.frame_bytes(0)
_AHEAD: Final = 50 * _FRAME
"""Bytes that are read ahead of what was played, a second of audio: then the program waits."""


class SocketSource(Source):
    """What a program sends, played as it is due."""

    def __init__(self, name: str, clock: Clock | None, connection: DataConnection) -> None:
        super().__init__(name)
        self._connection = connection
        self._clock = clock
        self._ahead = bytearray()
        self._complete = False
        if clock is not None:
            clock.add(self)

    def feed(self, data: bytes) -> bool:
        """Takes what has come; whether more may come at once."""
        if self._clock is None:
            self.forward(data)
            return True
        self._ahead += data
        return len(self._ahead) < _AHEAD

    def finish(self) -> None:
        """No more is to come: the source ends with what it has."""
        self._complete = True
        if self._clock is None:
            self.end()

    def beat(self) -> None:
        """Gives out the next frame."""
        if len(self._ahead) >= _FRAME or (self._complete and len(self._ahead) > 1):
            data = bytes(self._ahead[:_FRAME])
            del self._ahead[:_FRAME]
            if len(self._ahead) < _AHEAD:
                self._connection.go_on()
            self.forward(data[: len(data) & ~1])
        elif self._complete:
            self.end()

    def close(self) -> None:
        super().close()
        if self._clock is not None:
            self._clock.remove(self)
        self._connection.part_over()


class SocketConsumer(Consumer):
    """What a program is sent; what it does not take is kept for so many milliseconds.

    Attributes:
        frames: frames that were written.
        dropped: frames that were dropped, the oldest first.
    """

    def __init__(self, name: str, limit: int, connection: DataConnection) -> None:
        super().__init__(name)
        self.frames = self.dropped = 0
        self.held_up = False
        self._connection = connection
        self._waiting: deque[bytes] = deque()
        self._limit = max(1, int(limit / 1000 / BEAT))

    def consume(self, data: bytes) -> None:
        if not self.held_up:
            self.frames += 1
            self._connection.write(data)
            return
        self._waiting.append(data)
        if len(self._waiting) > self._limit:
            self._waiting.popleft()
            self.dropped += 1

    def resume(self) -> None:
        """The program has caught up."""
        self.held_up = False
        while self._waiting and not self.held_up:
            self.consume(self._waiting.popleft())

    def close(self) -> None:
        super().close()
        self._connection.part_over()


class DataConnection(asyncio.Protocol):
    """The connection: a source of its channel, a consumer, or both."""

    def __init__(self, bus: Bus, channel: Endpoint, role: str, kind: str, name: str, limit: int):
        self._channel = channel
        self._kind = kind
        self._transport: asyncio.Transport | None = None
        self._source: SocketSource | None = None
        self._consumer: SocketConsumer | None = None
        if role in ("play", "playrec"):
            clock = telephony(bus).clock if kind == AUDIO else None
            self._source = SocketSource(name, clock, self)
        if role in ("record", "playrec"):
            self._consumer = SocketConsumer(name, limit, self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=4 * _FRAME)
        if self._source is not None:
            self._channel.set_source(self._source, self._kind)
        if self._consumer is not None:
            self._channel.set_consumer(self._consumer, self._kind)

    def data_received(self, data: bytes) -> None:
        source = self._source
        if source is not None and not source.ended and not source.feed(data):
            assert self._transport is not None
            self._transport.pause_reading()

    def go_on(self) -> None:
        """What was read ahead has been played."""
        if self._transport is not None:
            self._transport.resume_reading()

    def write(self, data: bytes) -> None:
        """Sends `data` to the program."""
        if self._transport is not None:
            self._transport.write(data)

    def pause_writing(self) -> None:
        if self._consumer is not None:
            self._consumer.held_up = True

    def resume_writing(self) -> None:
        if self._consumer is not None:
            self._consumer.resume()

    def eof_received(self) -> bool:
        """The program sends no more; it may go on to hear."""
        if self._source is not None:
            self._source.finish()
        return self._transport is not None

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._source is not None:
            self._source.finish()
        if self._consumer is not None:
            self._channel.clear(self._consumer, self._kind)

    def part_over(self) -> None:
        """The source or the consumer is no longer in use; with the last one the connection ends."""
        source, consumer = self._source, self._consumer
        playing = source is not None and not source.ended
        media = self._channel.media(self._kind)
        hearing = consumer is not None and media.consumer is consumer
        if not (playing or hearing) and self._transport is not None:
            self._transport.close()
            self._transport = None


def begin(peer: Peer, role: str, ident: str, limit: int) -> bool:
    """Make the connection of a peer a data connection.

    Args:
        role: ``play``, ``record`` or ``playrec``.
        ident: ``ID[:TYPE]``, the channel and the type of data.
        limit: the milliseconds of audio that may wait for a program that does not read it.

    Returns:
        False if no channel has that id.
    """
    name, _, kind = ident.partition(":")
    channel = telephony(peer.bus).endpoints.get(name)
    if channel is None or peer.connection is None:
        return False
    label = f"external/{peer.label}"
    data = DataConnection(peer.bus, channel, role, kind or AUDIO, label, limit)
    peer.connection.hand_off(data)
    return True
