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
        self._waits = True

    async def next(self) -> str | None:
        """The next line without its end, None where there are no more."""
        while b"\n" not in self._rest and not self._ended:
            if self._waits:
                await self._ready()
            data = os.read(self._descriptor, _READ)
            self._rest += data
            self._ended = not data or len(self._rest) > LINE_MAX
        if not self._rest:
            return None
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode("utf-8", "surrogateescape").rstrip("\r")

    async def _ready(self) -> None:
        """Waits until there is something to be read.

        The descriptor is watched no longer than that: with input that nobody reads yet, while a
        command is carried out, the loop would never come to rest.
        """
        arrived = asyncio.Event()
        try:
            self._loop.add_reader(self._descriptor, arrived.set)
        except PermissionError:
            # A file on a disk: epoll(7) does not take it, and it is always ready.
            self._waits = False
            return
        try:
            await arrived.wait()
        finally:
            self._loop.remove_reader(self._descriptor)
