"""Data connections: sockets that carry the audio of a channel instead of lines.

After ``%%>connect:play:ID`` the channel ID plays what the program sends, after ``record`` the
program is sent what that channel hears, and ``playrec`` is both. What follows the line is linear
audio, as on the descriptors of a channel script. A further ``:TYPE`` names another type of data,
which is passed on as it comes. Yate documents this (docs/extmodule.html, "connect") but does not
do it.
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
"""Bytes of audio, for a second, that are read before they are played; then the program waits."""


class SocketSource(Source):
    """The audio that a program sends, played at its pace.

    Args:
        name: the name that is shown to operators.
        clock: the clock that paces the audio, None for data that is passed on as it comes.
        connection: the data connection.
    """

    def __init__(self, name: str, clock: Clock | None, connection: DataConnection) -> None:
        super().__init__(name)
        self._connection = connection
        self._clock = clock
        self._ahead = bytearray()
        self._complete = False
        if clock is not None:
            clock.add(self)

    def feed(self, data: bytes) -> bool:
        """Take what has come; return False if no more is to be read now."""
        if self._clock is None:
            self.forward(data)
            return True
        self._ahead += data
        return len(self._ahead) < _AHEAD

    def finish(self) -> None:
        """End the source once all that has come was played."""
        self._complete = True
        if self._clock is None:
            self.end()

    def beat(self) -> None:
        """Play the next frame."""
        if len(self._ahead) >= _FRAME or (self._complete and len(self._ahead) > 1):
            data = bytes(self._ahead[:_FRAME])
            del self._ahead[:_FRAME]
            if len(self._ahead) < _AHEAD:
                self._connection.resume_reading()
            self.forward(data[: len(data) & ~1])
        elif self._complete:
            self.end()

    def close(self) -> None:
        super().close()
        if self._clock is not None:
            self._clock.remove(self)
        self._connection.close_if_unused()


class SocketConsumer(Consumer):
    """The audio that a program is sent. What the program does not read waits; past a limit, the
    oldest frame is dropped.

    Args:
        name: the name that is shown to operators.
        limit: the milliseconds of audio that may wait.
        connection: the data connection.

    Attributes:
        frames: the number of frames that were written.
        dropped: the number of frames that were dropped.
        paused: True while the program reads too slowly.
    """

    def __init__(self, name: str, limit: int, connection: DataConnection) -> None:
        super().__init__(name)
        self.frames = self.dropped = 0
        self.paused = False
        self._connection = connection
        self._waiting: deque[bytes] = deque()
        self._limit = max(1, int(limit / 1000 / BEAT))

    def consume(self, data: bytes) -> None:
        if not self.paused:
            self.frames += 1
            self._connection.write(data)
            return
        self._waiting.append(data)
        if len(self._waiting) > self._limit:
            self._waiting.popleft()
            self.dropped += 1

    def resume(self) -> None:
        """Write what waits: the program has caught up."""
        self.paused = False
        while self._waiting and not self.paused:
            self.consume(self._waiting.popleft())

    def close(self) -> None:
        super().close()
        self._connection.close_if_unused()


class DataConnection(asyncio.Protocol):
    """A connection that is a source of a channel, a consumer, or both.

    Args:
        bus: the bus.
        channel: the channel.
        role: ``play``, ``record`` or ``playrec``.
        kind: the type of data, ``audio`` for linear audio.
        name: the name that is shown to operators.
        limit: the milliseconds of audio that may wait for the program.
    """

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

    def resume_reading(self) -> None:
        """Read more from the program."""
        if self._transport is not None:
            self._transport.resume_reading()

    def write(self, data: bytes) -> None:
        """Send `data` to the program."""
        if self._transport is not None:
            self._transport.write(data)

    def pause_writing(self) -> None:
        if self._consumer is not None:
            self._consumer.paused = True

    def resume_writing(self) -> None:
        if self._consumer is not None:
            self._consumer.resume()

    def eof_received(self) -> bool:
        """End the source: the program sends no more, though it may go on reading."""
        if self._source is not None:
            self._source.finish()
        return self._transport is not None

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._source is not None:
            self._source.finish()
        if self._consumer is not None:
            self._channel.clear(self._consumer, self._kind)

    def close_if_unused(self) -> None:
        """Close the connection if neither its source nor its consumer is in use any more."""
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
