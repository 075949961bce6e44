"""Audio from and to a script, over a pipe or a socket: linear, 8000 Hz, in frames of 20 ms."""

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
"""Frames by which a script may be late and still catch up."""


class PipeSource(Source):
    """What a script plays.

    A frame is read when one is due, so a script that writes ahead waits, as with any pipe, and
    loses nothing. Frames that come late, by up to `_CATCH_UP`, are made up for, so that a
    busy machine does not add to the delay of a call for good; after a longer gap the pace begins
    anew. What is less than a frame is kept until the rest of it comes, or the end.

    Attributes:
        frames: frames that were read.
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
        """Reads the frame that is due and gives it out, and those that came too late before."""
        self._owed = 1 if self._paused else self._owed + 1
        while self._owed and self._play():
            self._owed -= 1
            self._paused = False
        self._paused = self._paused or self._owed > _CATCH_UP

    def _play(self) -> bool:
        """Gives out a frame, the last one may be short; False where there is none."""
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
        """Whoever wrote is gone: plays what is left, then calls `then`."""
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
    """What a script hears.

    What does not fit into the pipe waits here, at most so many milliseconds of it: then the
    oldest is dropped.

    Attributes:
        frames: frames that were written.
        dropped: frames that were dropped.
        on_drop: called with the first of them.
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
        """Writes a frame, whole (pipe(7): less than PIPE_BUF is never cut); whether it went."""
        try:
            os.write(self._descriptor, data)
        except BlockingIOError:
            return False
        except OSError:
            self._shut()
            return False
        self.frames += 1
        return True

    def _writable(self) -> None:
        while self._waiting and self._write(self._waiting[0]):
            self._waiting.popleft()
        if not self._waiting and self._descriptor >= 0:
            self._loop.remove_writer(self._descriptor)

    def _shut(self) -> None:
        """The script closed its end, or the call is over."""
        self._waiting.clear()
        if self._descriptor >= 0:
            self._loop.remove_writer(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def close(self) -> None:
        super().close()
        self._shut()
