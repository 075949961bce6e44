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
"""Bytes of standard output that are read in one turn: they may be a thousand short lines."""

_READ_ERRORS = 4096
"""Bytes of standard error that are read in one turn: each line of it goes to the log."""

_HIGH_WATER = 65536
"""Bytes that wait for a script before what it asks for is no longer read."""

_LINE_MAX = 4096
"""Bytes of one line on standard error that are kept."""


class Pipes:
    """A script's standard input and output as a transport for its connection.

    Owns both descriptors. `heard` is called after each read until it returns False.
    """

    def __init__(
        self, connection: Connection, stdin: int, stdout: int, heard: Callable[[], bool]
    ) -> None:
        self._connection = connection
        self._heard: Callable[[], bool] | None = heard
        self._loop = asyncio.get_running_loop()
        self._stdin = stdin
        self._stdout = stdout
        self._unsent = bytearray()
        self._closing = False
        self._paused = False
        self._told_paused = False
        os.set_blocking(stdin, False)
        os.set_blocking(stdout, False)
        self._loop.add_reader(stdout, self._readable)

    def write(self, data: bytes) -> None:
        """Writes what the pipe takes at once, and the rest when it takes more."""
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
            self._tell_paused()
            self._connection.pause_writing()

    def _tell_paused(self) -> None:
        """Tells the log, once in a script's life, that it does not keep up."""
        if not self._told_paused:
            self._told_paused = True
            self._connection.warn(
                f"does not read fast enough: {len(self._unsent)} bytes wait,"
                " and what it sends waits until it has read them"
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
        self._connection.warn("closed its standard input: messages pass it by")
        self._connection.write_failed()

    def _readable(self) -> None:
        data = _read(self._stdout, _READ)
        if data is None:
            return
        if data:
            self._take(data)
            return
        self._loop.remove_reader(self._stdout)
        self._connection.eof_received()

    def _take(self, data: bytes) -> None:
        self._connection.data_received(data)
        if self._heard is not None and not self._heard():
            self._heard = None

    def drain(self) -> None:
        """Reads what a script that has ended left in its pipe."""
        for data in _left_in(self._stdout):
            if self._connection.peer.ended:
                return
            self._take(data)

    def get_write_buffer_size(self) -> int:
        """Bytes that wait for the script to read."""
        return len(self._unsent)

    def pause_reading(self) -> None:
        """Stops reading until `resume_reading`."""
        if self._stdout >= 0:
            self._loop.remove_reader(self._stdout)

    def resume_reading(self) -> None:
        """Reads again."""
        if self._stdout >= 0 and not self._closing:
            self._loop.add_reader(self._stdout, self._readable)

    def close(self) -> None:
        """Ends the script's input once it has what was written; its output is read no more."""
        self._closing = True
        self.pause_reading()
        if not self._unsent:
            self._close_stdin()

    def close_all(self) -> None:
        """Closes both pipes at once."""
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
    """A script's standard error, read line by line; `told` gets each. Owns the descriptor."""

    def __init__(self, descriptor: int, told: Callable[[str], None]) -> None:
        self._descriptor = descriptor
        self._told = told
        self._rest = b""
        self._loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._readable)

    def _readable(self) -> None:
        data = _read(self._descriptor, _READ_ERRORS)
        if data is None:
            return
        if data:
            self._take(data)
        else:
            self._loop.remove_reader(self._descriptor)

    def _take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LINE_MAX:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._tell(line)

    def _tell(self, line: bytes) -> None:
        self._told(line[:_LINE_MAX].decode("utf-8", "surrogateescape").rstrip("\r"))

    def close(self) -> None:
        """Reads what is there, and closes."""
        for data in _left_in(self._descriptor):
            self._take(data)
        if self._rest:
            self._tell(self._rest)
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)


def _read(descriptor: int, most: int) -> bytes | None:
    """What is there; nothing at the end, or of a broken pipe, and None where more may come."""
    try:
        return os.read(descriptor, most)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _left_in(descriptor: int) -> Iterator[bytes]:
    """What is in a pipe now, and no more: who else holds it may go on writing."""
    left = waiting(descriptor)
    while left > 0 and (data := _read(descriptor, left)):
        left -= len(data)
        yield data


def waiting(descriptor: int) -> int:
    """How many bytes may be read at once; 0 for a closed descriptor (-1)."""
    if descriptor < 0:
        return 0
    counted = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
    return int.from_bytes(counted, sys.byteorder)
