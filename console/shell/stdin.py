"""Command lines from standard input, read without blocking."""

from __future__ import annotations

import asyncio
import os

_READ_SIZE = 65536

LINE_MAX = 1024 * 1024
"""Bytes of one command line; a longer one ends the input."""


class LineReader:
    """Reads lines from a descriptor without a thread, which a stop would have to wait for."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._ended = False
        self._pollable = True

    async def readline(self) -> str | None:
        """Return the next line without its end, None at the end of the input."""
        while b"\n" not in self._buffer and not self._ended:
            if self._pollable:
                await self._readable()
            data = os.read(self._descriptor, _READ_SIZE)
            self._buffer += data
            self._ended = not data or len(self._buffer) > LINE_MAX
        if not self._buffer:
            return None
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode("utf-8", "surrogateescape").rstrip("\r")

    async def _readable(self) -> None:
        """Wait until there is something to read.

        The descriptor is watched no longer than that: input that arrives while a command is
        carried out would keep the loop from coming to rest.
        """
        arrived = asyncio.Event()
        try:
            self._loop.add_reader(self._descriptor, arrived.set)
        except PermissionError:
            # A regular file: epoll(7) does not take it, and it is always readable.
            self._pollable = False
            return
        try:
            await arrived.wait()
        finally:
            self._loop.remove_reader(self._descriptor)
