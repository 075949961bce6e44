"""Command lines from standard input, as they come."""

from __future__ import annotations

import asyncio
import os

_READ = 65536

LINE_MAX = 1024 * 1024
"""Bytes of one command line; a longer one ends the input."""


class Lines:
    """Lines of a descriptor, read without a thread, which a stop would have to wait for."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._rest = b""
        self._ended = False
        self._arrived = asyncio.Event()
        try:
            self._loop.add_reader(descriptor, self._arrived.set)
            self._waits = True
        except PermissionError:
            # A file on a disk: epoll(7) does not take it, and it is always ready.
            self._waits = False

    async def next(self) -> str | None:
        """The next line without its end, None where there are no more."""
        while b"\n" not in self._rest and not self._ended:
            if self._waits:
                await self._arrived.wait()
                self._arrived.clear()
            data = os.read(self._descriptor, _READ)
            self._rest += data
            self._ended = not data or len(self._rest) > LINE_MAX
        if not self._rest:
            return None
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode("utf-8", "surrogateescape").rstrip("\r")

    def close(self) -> None:
        """Stops reading."""
        if self._waits:
            self._loop.remove_reader(self._descriptor)
