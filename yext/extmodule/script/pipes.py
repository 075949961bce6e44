"""A script's pipes: standard input and output for its connection, standard error by lines."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
import termios
from collections.abc import Callable, Iterator

from yext.extmodule.peer.connection import Connection

_READ = 16384
"""How much of standard output is read in one turn, in bytes: perhaps a thousand short lines."""

_READ_ERRORS = 4096
"""How much of standard error is read in one turn, in bytes: each line of it is logged."""

_HIGH_WATER = 65536
"""How much may wait for a script, in bytes, before its standard output is no longer read."""

_LINE_MAX = 4096
"""How much of a line on standard error is kept, in bytes."""


class Pipes:
    """A script's standard input and output, as a transport for its connection.

    Args:
        connection: the connection of the peer that the script is.
        stdin, stdout: the engine's ends of the pipes, owned by this object.
        on_read: called after each read until it returns False.
    """

    def __init__(
        self, connection: Connection, stdin: int, stdout: int, on_read: Callable[[], bool]
    ) -> None:
        self._connection = connection
        self._on_read: Callable[[], bool] | None = on_read
        self._loop = asyncio.get_running_loop()
        self._stdin = stdin
        self._stdout = stdout
        self._unsent = bytearray()
        self._closing = False
        self._paused = False
        self._warned = False
        os.set_blocking(stdin, False)
        os.set_blocking(stdout, False)
        self._loop.add_reader(stdout, self._readable)

    def write(self, data: bytes) -> None:
        """Write as much as the pipe takes now, and the rest when it takes more."""
        if self._stdin < 0:
            return
        if not self._unsent:
            try:
                data = data[os.write(self._stdin, data) :]
            except BlockingIOError:
                pass
            except OSError:
                self._broken()
                return
            if not data:
                return
            self._loop.add_writer(self._stdin, self._writable)
        self._unsent += data
        if len(self._unsent) > _HIGH_WATER and not self._paused:
            self._paused = True
            self._warn_of_backlog()
            self._connection.pause_writing()

    def _warn_of_backlog(self) -> None:
        """Log, once in a script's life, that it does not read fast enough."""
        if not self._warned:
            self._warned = True
            self._connection.warn(
                f"does not read fast enough: {len(self._unsent)} bytes wait,"
                " and its own output waits until it has read them"
            )

    def _writable(self) -> None:
        try:
            sent = os.write(self._stdin, self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self._broken()
            return
        del self._unsent[:sent]
        if self._paused and len(self._unsent) <= _HIGH_WATER // 4:
            self._paused = False
            self._connection.resume_writing()
        if not self._unsent:
            self._loop.remove_writer(self._stdin)
            if self._closing:
                self._close_stdin()

    def _broken(self) -> None:
        self._unsent.clear()
        self._close_stdin()
        self._connection.warn("closed its standard input: messages skip it")
        self._connection.write_failed()

    def _readable(self) -> None:
        data = _read(self._stdout, _READ)
        if data is None:
            return
        if data:
            self._receive(data)
            return
        self._loop.remove_reader(self._stdout)
        self._connection.eof_received()

    def _receive(self, data: bytes) -> None:
        self._connection.data_received(data)
        if self._on_read is not None and not self._on_read():
            self._on_read = None

    def drain(self) -> None:
        """Read what a script that has ended left in its pipe."""
        for data in _left_in(self._stdout):
            if self._connection.peer.ended:
                return
            self._receive(data)

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait for the script to read them."""
        return len(self._unsent)

    def unread(self) -> int:
        """Return how many bytes the script has been sent and has not read yet."""
        return len(self._unsent) + waiting(self._stdin)

    def pause_reading(self) -> None:
        """Stop reading until `resume_reading`."""
        if self._stdout >= 0:
            self._loop.remove_reader(self._stdout)

    def resume_reading(self) -> None:
        """Go on reading."""
        if self._stdout >= 0 and not self._closing:
            self._loop.add_reader(self._stdout, self._readable)

    def close(self) -> None:
        """Stop reading, and close the script's input once all output is written to it."""
        self._closing = True
        self.pause_reading()
        if not self._unsent:
            self._close_stdin()

    def close_all(self) -> None:
        """Close both pipes now."""
        self._closing = True
        self._close_stdin()
        self.pause_reading()
        if self._stdout >= 0:
            os.close(self._stdout)
            self._stdout = -1

    def _close_stdin(self) -> None:
        if self._stdin >= 0:
            self._loop.remove_writer(self._stdin)
            os.close(self._stdin)
            self._stdin = -1


class ErrorOutput:
    """A script's standard error.

    Args:
        descriptor: the engine's end of the pipe, owned by this object.
        on_line: called with each line.
    """

    def __init__(self, descriptor: int, on_line: Callable[[str], None]) -> None:
        self._descriptor = descriptor
        self._on_line = on_line
        self._rest = b""
        self._loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._readable)

    def _readable(self) -> None:
        data = _read(self._descriptor, _READ_ERRORS)
        if data is None:
            return
        if data:
            self._receive(data)
        else:
            self._loop.remove_reader(self._descriptor)

    def _receive(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LINE_MAX:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._pass(line)

    def _pass(self, line: bytes) -> None:
        self._on_line(line[:_LINE_MAX].decode("utf-8", "surrogateescape").rstrip("\r"))

    def close(self) -> None:
        """Read what is left, and close the pipe."""
        for data in _left_in(self._descriptor):
            self._receive(data)
        if self._rest:
            self._pass(self._rest)
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)


def _read(descriptor: int, most: int) -> bytes | None:
    """Read at most some bytes.

    Returns:
        None if there is nothing to read now; no bytes at the end, or for a broken pipe.
    """
    try:
        return os.read(descriptor, most)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _left_in(descriptor: int) -> Iterator[bytes]:
    """Yield what is in a pipe now, and no more: another process may go on writing to it."""
    left = waiting(descriptor)
    while left > 0 and (data := _read(descriptor, left)):
        left -= len(data)
        yield data


def waiting(descriptor: int) -> int:
    """Return how many bytes can be read now; 0 for a closed descriptor (-1)."""
    if descriptor < 0:
        return 0
    counted = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
    return int.from_bytes(counted, sys.byteorder)
