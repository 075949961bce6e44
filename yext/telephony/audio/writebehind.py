"""Sound files written in threads: a slow disk delays its own recording and nothing else."""

from __future__ import annotations

import errno
import threading
from concurrent.futures import Future
from typing import Final

from yext.telephony.audio.formats import Format
from yext.telephony.audio.readahead import threads
from yext.telephony.audio.soundfile import Writer

_SECONDS: Final = 10.0
"""The sound that may wait for the disk, in seconds; a recording that has more has failed."""

_PATIENCE: Final = 0.1
"""How long, in seconds, the end of a recording waits for the disk: what is told of the end is told
once the file is complete, unless the disk hangs."""


class WriteBehind:
    """A sound file that is written in a thread, in the order of its sound.

    Args:
        writer: the file. From now on it is this object's to write and to close.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._lock = threading.Lock()
        self._waiting = bytearray()
        self._writing: Future[None] | None = None
        self._error: OSError | None = None
        self._ended = False

    @property
    def format(self) -> Format:
        """The format of the sound."""
        return self._writer.format

    @format.setter
    def format(self, format: Format) -> None:
        self._writer.format = format

    @property
    def fixed(self) -> bool:
        """Whether the format is determined; otherwise the first sound determines it."""
        return self._writer.fixed

    def write(self, data: bytes) -> None:
        """Have sound written.

        Raises:
            OSError: something could not be written, or the disk is too slow.
        """
        with self._lock:
            if self._error is not None:
                raise self._error
            most = int(self.format.rate * _SECONDS) * self.format.sample_bytes
            if len(self._waiting) > most:
                raise OSError(errno.ETIMEDOUT, f"the disk has taken nothing for {_SECONDS:g} s")
            self._waiting += data
            if self._writing is None:
                self._writing = threads().submit(self._work)

    def close(self) -> None:
        """Complete and close the file once all is written; wait a moment for that.

        Raises:
            OSError: something could not be written, as far as is known by then.
        """
        with self._lock:
            if self._ended:
                return
            self._ended = True
            if self._writing is None:
                self._writing = threads().submit(self._work)
            writing = self._writing
        try:
            writing.result(_PATIENCE)
        except TimeoutError:
            return
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        """Write until nothing waits; in a thread."""
        while True:
            with self._lock:
                data = bytes(self._waiting)
                self._waiting.clear()
                if not data and not self._ended:
                    self._writing = None
                    return
            try:
                if not data:
                    self._writer.close()
                    return
                if self._error is None:
                    self._writer.write(data)
            except OSError as error:
                self._error = error
                if not data:
                    return
