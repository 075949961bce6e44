"""Sound files read ahead, in threads: a slow disk delays the sound of its file and nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from time import monotonic
from typing import Final, NamedTuple

from yext.telephony.audio.soundfile import Reader

_SECONDS: Final = 1.0
"""The sound that is read at a time, in seconds; twice as much at most is kept of a file."""

_THREADS: Final = 4
"""How many files are read or written at once."""

_PATIENCE: Final = _SECONDS / 2
"""How old, in seconds, a read must be to count as late; only a clock that is faster than time
needs what was asked for before."""


@cache
def threads() -> ThreadPoolExecutor:
    """Return the threads that read and write sound files."""
    return ThreadPoolExecutor(_THREADS, "yext-sound")


class _Chunk(NamedTuple):
    """A piece of a file; the last one of a round is shorter than asked for, perhaps empty."""

    data: bytes
    last: bool


class ReadAhead:
    """A sound file that is read a second ahead of what is played.

    Args:
        reader: the file. From now on it is this object's to read and to close.
        repeat: whether it starts again at the end.
    """

    def __init__(self, reader: Reader, repeat: bool) -> None:
        self._reader = reader
        self._repeat = repeat
        self._size = int(reader.format.rate * _SECONDS) * reader.format.sample_bytes
        self._ready = b""
        self._last = False
        self._asked_at = 0.0
        # It is there by the first frame, 20 ms later, unless the disk is slow.
        self._next = threads().submit(self._read)

    def read(self, size: int) -> bytes | None:
        """Return the next `size` bytes of sound.

        Returns:
            Fewer bytes at the end of a round, none after the last one; None while the disk is
            late.

        Raises:
            OSError: the file cannot be read on.
        """
        data = self._piece(size)
        return self._piece(size) if data == b"" and self._repeat else data

    def _piece(self, size: int) -> bytes | None:
        if self._last and not self._ready:
            if not self._repeat:
                return b""
            self._last = False
        while len(self._ready) < size and not self._last:
            chunk = self._take()
            if chunk is None:
                return None
            self._ready += chunk.data
            self._last = chunk.last
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def _take(self) -> _Chunk | None:
        """Take the chunk that was read ahead, and have the next one read."""
        left = self._asked_at + _PATIENCE - monotonic()
        try:
            found = self._next.result(max(0.0, left))
        except TimeoutError:
            return None
        if not found.last or self._repeat:
            self._asked_at = monotonic()
            self._next = threads().submit(self._read)
        return found

    def _read(self) -> _Chunk:
        """Read a piece; after the last one of a round the next round begins."""
        data = self._reader.read(self._size)
        last = len(data) < self._size
        if last:
            self._reader.rewind()
        return _Chunk(data, last)

    def close(self) -> None:
        """Close the file, once a read that goes on has ended."""
        reader, pending = self._reader, self._next
        if not pending.cancel():
            pending.add_done_callback(lambda _: reader.close())
        else:
            reader.close()
