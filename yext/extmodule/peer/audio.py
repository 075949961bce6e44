"""The audio of a script, on pipes: linear, 8000 Hz, in frames of 20 ms."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from typing import Final

from yext.telephony.audio.clock import BEAT, Clock
from yext.telephony.audio.formats import SLIN
from yext.telephony.endpoint import Consumer, Source

_FRAME: Final = SLIN.frame_bytes(0)

_CATCH_UP: Final = 10
"""The number of late frames that are still played."""


class PipeSource(Source):
    """The audio that a script plays.

    A frame is read when it is due: a script that writes ahead waits, as with any pipe, and loses
    nothing. Up to `_CATCH_UP` frames that are late are played at once, so that a busy machine does
    not delay a call for good; after a longer gap the pace begins anew. A part of a frame waits for
    the rest of it, or for the end.

    Args:
        name: the name that is shown to operators.
        descriptor: the reading end of the pipe, owned by the source.
        clock: the clock that paces the audio.

    Attributes:
        frames: the number of frames that were read.
    """

    def __init__(self, name: str, descriptor: int, clock: Clock) -> None:
        super().__init__(name)
        self.frames = 0
        self._descriptor = descriptor
        self._clock = clock
        self._begun = b""
        self._owed = 0
        self._paused = False
        self._finished: Callable[[], None] | None = None
        os.set_blocking(descriptor, False)
        clock.add(self)

    def beat(self) -> None:
        """Play the frame that is due, and the frames that were late before."""
        self._owed = 1 if self._paused else self._owed + 1
        while self._owed and self._play():
            self._owed -= 1
            self._paused = False
        self._paused = self._paused or self._owed > _CATCH_UP

    def _play(self) -> bool:
        """Play a frame, the last of which may be short; return False if there is none."""
        if self._descriptor < 0:
            return False
        try:
            data = os.read(self._descriptor, _FRAME - len(self._begun))
        except BlockingIOError:
            if self._finished is not None:
                self.end()
            return False
        except OSError:
            data = b""
        begun = self._begun + data
        if data and len(begun) < _FRAME:
            self._begun = begun
            return False
        self._begun = b""
        if begun:
            self.frames += 1
            self.forward(begun[: len(begun) & ~1])
        if not data:
            self.end()
        return bool(data)

    def finish(self, then: Callable[[], None]) -> None:
        """Play what is left in the pipe, whose script has ended, then call `then`."""
        self._finished = then
        if self.ended:
            then()

    def close(self) -> None:
        super().close()
        if self._descriptor >= 0:
            self._clock.remove(self)
            os.close(self._descriptor)
            self._descriptor = -1
            if self._finished is not None:
                self._finished()


class PipeConsumer(Consumer):
    """The audio that a script hears. What does not fit into the pipe waits; past a limit, the
    oldest frame is dropped.

    Args:
        name: the name that is shown to operators.
        descriptor: the writing end of the pipe, owned by the consumer.
        limit: the milliseconds of audio that may wait.

    Attributes:
        frames: the number of frames that were written.
        dropped: the number of frames that were dropped.
        on_drop: called when the first frame is dropped.
    """

    def __init__(self, name: str, descriptor: int, limit: int) -> None:
        super().__init__(name)
        self.frames = 0
        self.dropped = 0
        self.on_drop: Callable[[], None] | None = None
        self._descriptor = descriptor
        self._waiting: deque[bytes] = deque()
        self._limit = max(1, int(limit / 1000 / BEAT))
        self._loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)

    def consume(self, data: bytes) -> None:
        if self._descriptor < 0:
            return
        if not self._waiting:
            if self._write(data):
                return
            if self._descriptor >= 0:
                self._loop.add_writer(self._descriptor, self._writable)
        self._waiting.append(data)
        if len(self._waiting) > self._limit:
            self._waiting.popleft()
            self.dropped += 1
            if self.dropped == 1 and self.on_drop is not None:
                self.on_drop()

    def _write(self, data: bytes) -> bool:
        """Write a frame; return False if it does not fit.

        It is written whole: pipe(7) never cuts what is shorter than PIPE_BUF.
        """
        try:
            os.write(self._descriptor, data)
        except BlockingIOError:
            return False
        except OSError:
            self._close_pipe()
            return False
        self.frames += 1
        return True

    def _writable(self) -> None:
        while self._waiting and self._write(self._waiting[0]):
            self._waiting.popleft()
        if not self._waiting and self._descriptor >= 0:
            self._loop.remove_writer(self._descriptor)

    def _close_pipe(self) -> None:
        """Close the pipe: the script has closed its end, or the call is over."""
        self._waiting.clear()
        if self._descriptor >= 0:
            self._loop.remove_writer(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def close(self) -> None:
        super().close()
        self._close_pipe()
