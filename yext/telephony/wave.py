"""Sound files: ``wave/play/FILE`` and ``wave/record/FILE`` (Yate's module wavefile).

Both are channels, and can be attached to other channels. With ``-`` for the file, nothing is
played, and audio is counted instead of recorded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar, Final

from yext import conf, log
from yext.command import commander_of
from yext.commander import check_file
from yext.errors import FileNotAllowedError, SoundError
from yext.message import Message
from yext.telephony.attach import attach_sources, endpoint_of
from yext.telephony.audio.clock import Clock
from yext.telephony.audio.formats import SLIN, Format, parse_format
from yext.telephony.channel import Channel, flag
from yext.telephony.driver import Driver
from yext.telephony.endpoint import Consumer, Endpoint, Source
from yext.telephony.outgoing import attach_param, call_out, called_by
from yext.telephony.registry import ChannelRegistry

_PLAY: Final = "wave/play/"
_RECORD: Final = "wave/record/"


class PlayedSource(Source):
    """A source that reports when something else takes its place. By itself it is silent.

    Attributes:
        on_replaced: called once, if it is stopped before its end.
    """

    on_replaced: Callable[[], None] | None = None

    def close(self) -> None:
        super().close()
        replaced, self.on_replaced = self.on_replaced, None
        if replaced is not None:
            replaced()


class WaveSource(PlayedSource):
    """A source that plays a sound file, from when somebody first listens.

    Args:
        path: the file, which is opened.
        clock: the clock that paces it.
        repeat: whether it starts again at the end.

    Raises:
        SoundError: the file cannot be played.
    """

    def __init__(self, path: str, clock: Clock, repeat: bool = False) -> None:
        from yext.telephony.audio.readahead import ReadAhead
        from yext.telephony.audio.soundfile import Reader

        reader = Reader(path)
        super().__init__(_PLAY + path, reader.format)
        self._sound = ReadAhead(reader, repeat)
        self._clock = clock
        self._number = 0

    def attached(self) -> None:
        self._clock.add(self)

    def beat(self) -> None:
        """Give the next frame, unless the disk is late; the last one may be short."""
        size = self.format.frame_bytes(self._number)
        try:
            data = self._sound.read(size)
        except OSError as error:
            self.error, data = error.strerror or "error", b""
        if data is None:
            return
        self._number += 1
        whole = len(data) - len(data) % self.format.sample_bytes
        if whole:
            self.forward(data[:whole])
        else:
            self.on_replaced = None
            self.end()

    def close(self) -> None:
        self._clock.remove(self)
        self._sound.close()
        super().close()


class WaveConsumer(Consumer):
    """A consumer that records into a sound file.

    Args:
        path: the file, which is opened; ``-`` counts the audio only.
        format: the format, None for the one that the file's name or the first source has.
        append: whether the audio is added to the file.
        most: the number of bytes after which the recording ends, 0 for no limit.

    Attributes:
        on_full: called once, when the limit is reached.
        taken: the number of bytes taken.

    Raises:
        SoundError: the file cannot be written.
    """

    def __init__(self, path: str, format: Format | None, append: bool, most: int) -> None:
        from yext.telephony.audio.soundfile import Writer
        from yext.telephony.audio.writebehind import WriteBehind

        self._writer = None if path == "-" else WriteBehind(Writer(path, format, append))
        super().__init__(_RECORD + path, self._writer.format if self._writer else SLIN)
        self.on_full: Callable[[], None] | None = None
        self.taken = 0
        self._most = most

    def offered(self, format: Format) -> None:
        writer = self._writer
        if writer is not None and not writer.fixed and not self.taken:
            self.format = writer.format = format

    def consume(self, data: bytes) -> None:
        self.taken += len(data)
        if self._writer is not None:
            try:
                self._writer.write(data)
            except OSError as error:
                log.logger.warning("%s: %s", self.name, error.strerror)
                self._end_file()
        if self._most and self.taken >= self._most:
            self._most = 0
            self._end_file()
            if self.on_full is not None:
                self.on_full()

    def _end_file(self) -> None:
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            writer.close()
        except OSError as error:
            log.logger.warning("%s: %s", self.name, error.strerror)

    def close(self) -> None:
        super().close()
        self._end_file()


class WaveChannel(Channel):
    """A channel that plays a file to its peer, or records its peer.

    Args:
        registry: the driver's channels.
        file: plays or records; None for a channel that plays nothing.
        message: the ``call.execute``, which may name another source or consumer to attach.
        on_error: called with a source that ended because the file could not be read on.
    """

    def __init__(
        self,
        registry: ChannelRegistry[Channel],
        file: WaveSource | WaveConsumer | None,
        message: Message,
        on_error: Callable[[Source], None],
    ) -> None:
        super().__init__(registry)
        self._on_error = on_error
        if isinstance(file, WaveConsumer):
            file.on_full = self._recorded
            self.set_consumer(file)
            attach_param(self, message, "source")
            return
        if file is not None:
            file.on_end = self._played
            self.set_source(file)
        attach_param(self, message, "consumer")

    def _recorded(self) -> None:
        self.disconnect()

    def _played(self) -> None:
        source = self.media().source
        failed = source is not None and bool(source.error)
        if source is not None and failed:
            self._on_error(source)
        self.set_source(None)
        self.disconnect("error" if failed else "eof")


class WaveDriver(Driver):
    """The module ``wavefile``."""

    name = "wave"
    title = "WaveFile"
    targets: ClassVar = {
        "wave/play/": "plays a sound file",
        "wave/record/": "records to a sound file",
    }

    def load(self) -> None:
        super().load()
        self.handle("chan.attach", self._attach, 100)
        self.handle("chan.record", self._record, 100)

    # Calls

    def execute(self, message: Message, target: str) -> bool | Awaitable[bool]:
        method, slash, path = target.partition("/")
        if not slash or method not in ("play", "record"):
            self.debug(log.WARN, f"'{method}' is neither play nor record")
            return False
        if self.stopped(message):
            return False
        caller = message.userdata
        if isinstance(caller, Endpoint):
            return called_by(caller, message, self._channel(method, path, message))
        return call_out(self, message, target, lambda: self._channel(method, path, message))

    def _channel(self, method: str, path: str, message: Message) -> WaveChannel | None:
        make = self.make_source if method == "play" else self.make_consumer
        file = make(path, message)
        if file is None and path != "-":
            message.params.setdefault("error", "failure")
            return None
        return WaveChannel(self.channels, file, message, self._log_error)

    # Files

    def make_source(self, path: str, message: Message) -> WaveSource | None:
        """Make a source that plays a file.

        Returns:
            The source. None for ``-``, and for a file that cannot be played: `message` then has
            the ``reason``.
        """
        if path == "-":
            return None
        try:
            check_file(commander_of(message), path)
            return WaveSource(path, self.telephony.clock, flag(message, "autorepeat", False))
        except (SoundError, FileNotAllowedError) as error:
            self._failed(message, error)
            return None

    def make_consumer(self, path: str, message: Message) -> WaveConsumer | None:
        """Make a consumer that records to a file.

        Returns:
            The consumer. None for a file that cannot be written: `message` then has the
            ``reason``.
        """
        format = parse_format(message.get("format"))
        most = conf.parse_int(message.get("maxlen")) or 0
        try:
            if path != "-":
                check_file(commander_of(message), path)
            return WaveConsumer(path, format, flag(message, "append", False), max(0, most))
        except (SoundError, FileNotAllowedError) as error:
            self._failed(message, error)
            return None

    def _failed(self, message: Message, error: SoundError | FileNotAllowedError) -> None:
        message["reason"] = str(error)
        if isinstance(error, FileNotAllowedError):
            message.params.update(error.params())
        self.debug(log.WARN, str(error))

    def _log_error(self, source: Source) -> None:
        self.debug(log.WARN, f"{source.name}: {source.error}")

    # chan.attach and chan.record

    def _attach(self, message: Message) -> bool:
        wanted = [key for key in ("source", "consumer", "override", "replace") if key in message]
        handled = attach_sources(self, message, _PLAY, self._open)
        channel = endpoint_of(message)
        path = message.get("consumer")
        if path.startswith(_RECORD) and channel is not None:
            consumer = self._recorder(channel, message, "consumer", path)
            channel.set_consumer(consumer)
            handled = consumer is not None and flag(message, "single", False)
        return handled and not any(key in message for key in wanted)

    def _open(self, path: str, message: Message, key: str, owner: Endpoint | None) -> Source | None:
        target = message.get(f"notify_{key}") or message.get("notify")
        source: PlayedSource | None
        if path == "-":
            source = PlayedSource(_PLAY + path)
        else:
            source = self._open_file(path, message, target, owner)
        if source is not None:
            source.on_replaced = lambda: self._notify(message, target, None, "replaced")
        elif key == "source":
            # As in Yate: the channel loses its source, and the sender is notified of the error.
            return Source("")
        return source

    def _open_file(
        self, path: str, message: Message, target: str, owner: Endpoint | None
    ) -> WaveSource | None:
        source = self.make_source(path, message)
        if source is None:
            self._notify(message, target, owner, "error")
        else:
            source.on_end = lambda: self._played(source, message, target, owner)
        return source

    def _played(
        self, source: WaveSource, order: Message, target: str, owner: Endpoint | None
    ) -> None:
        if source.error:
            self._log_error(source)
        self._notify(order, target, owner, "error" if source.error else "eof")

    def _record(self, message: Message) -> bool:
        paths = {key: message.get(key) for key in ("call", "peer") if message.get(key)}
        channel = endpoint_of(message)
        wanted = [key for key, path in paths.items() if path.startswith(_RECORD)]
        if not wanted or channel is None:
            return False
        media = channel.media()
        now: dict[str, Consumer | None] = {"call": media.call_record, "peer": media.peer_record}
        now.update({key: self._recorder(channel, message, key, paths[key]) for key in wanted})
        channel.record(now["call"], now["peer"])
        return len(wanted) == len(paths) and all(now[key] is not None for key in wanted)

    def _recorder(
        self, channel: Endpoint, message: Message, key: str, path: str
    ) -> WaveConsumer | None:
        consumer = self.make_consumer(path.removeprefix(_RECORD), message)
        if consumer is None:
            return None
        target = message.get(f"notify_{key}") or message.get("notify")
        if key == "consumer":
            del message[key]

        def full() -> None:
            if not target:
                channel.disconnect()
                return
            channel.clear(consumer)
            self._notify(message, target, channel, "maxlen")

        consumer.on_full = full
        return consumer

    def _notify(self, order: Message, target: str, channel: Endpoint | None, reason: str) -> None:
        """Send ``chan.notify`` to a target that asked for it; an empty target did not."""
        if not target:
            return
        message = order.derive("chan.notify")
        if channel is not None:
            message["id"] = channel.id
        message["targetid"] = target
        message["reason"] = reason
        if channel is None or not channel.alive:
            self.bus.enqueue(message)
        else:
            channel.send(message)

    # Status

    def status_params(self) -> str:
        media = [channel.media() for channel in self.channels.values()]
        playing = sum(isinstance(found.source, WaveSource) for found in media)
        recording = sum(isinstance(found.consumer, WaveConsumer) for found in media)
        return f"play={playing},record={recording},{super().status_params()}"
