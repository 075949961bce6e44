"""The operator's terminal: what it can show, and writing to it without ever waiting for it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import locale
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from console.session.view import is_utf8

UNSENT_MAX = 256 * 1024
"""Bytes that wait for a terminal that does not take them; more output is then left out."""

_LAST_SECONDS = 0.5
"""How long a terminal that takes nothing is waited for when the shell ends."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the terminal can do.

    Attributes:
        editing: a line can be edited on it: both ends are a terminal, and not a dumb one.
        color: SGR colours may be used.
        unicode: more than ASCII may be used.
    """

    editing: bool
    color: bool
    unicode: bool


def abilities(environ: Mapping[str, str] = os.environ) -> Abilities:
    """What standard input and output can do, by their kind, TERM, NO_COLOR and the locale.

    NO_COLOR as on no-color.org: any value but an empty one turns colour off.
    """
    dumb = environ.get("TERM", "") in ("", "dumb", "unknown")
    editing = not dumb and sys.stdin.isatty() and sys.stdout.isatty()
    utf8 = is_utf8(locale.getpreferredencoding(False))
    return Abilities(editing, editing and not environ.get("NO_COLOR"), utf8 and not dumb)


def print_now(text: str) -> None:
    """Writes a line to the terminal on standard output as far as it takes it at once; nothing
    where there is none."""
    if not sys.stdout.isatty():
        return
    with contextlib.suppress(OSError):
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        descriptor = os.open(f"/proc/self/fd/{sys.stdout.fileno()}", flags)
        try:
            os.write(descriptor, f"{text}\n".encode())
        finally:
            os.close(descriptor)


class Terminal:
    """Writes to the terminal on standard output as far as it takes it at once, and the rest
    when it takes more: a stuck terminal must not hold up the engine.

    The terminal is opened anew for that, because O_NONBLOCK on standard output holds for every
    process that shares it. Where it may not be opened, as after ``sudo -u``, it is shared all
    the same, and left as it was. It is what prompt_toolkit takes for a text file.

    Attributes:
        gone: whether the terminal is no more.
    """

    def __init__(
        self, encoding: str, on_drained: Callable[[], None], on_gone: Callable[[], None]
    ) -> None:
        self.encoding = encoding
        self._loop = asyncio.get_running_loop()
        self._on_drained = on_drained
        self._on_gone = on_gone
        self._unsent = bytearray()
        self._empty = asyncio.Event()
        self._empty.set()
        self.gone = False
        self._dropped = False
        self._held = 0
        self._shared = False
        self._descriptor = self._open()

    @property
    def busy(self) -> bool:
        """Whether something waits for the terminal to take it."""
        return not self._empty.is_set()

    def _open(self) -> int:
        """A descriptor of the terminal that takes at once what it takes, and no more."""
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            return os.open(f"/proc/self/fd/{sys.stdout.fileno()}", flags)
        except OSError:
            self._shared = True
            descriptor = os.dup(sys.stdout.fileno())
            os.set_blocking(descriptor, False)
            return descriptor

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """Another program has the terminal inside, as it expects it to be."""
        if self._shared:
            os.set_blocking(self._descriptor, True)
        try:
            yield
        finally:
            if self._shared:
                os.set_blocking(self._descriptor, False)

    def fileno(self) -> int:
        """There is none to be had: prompt_toolkit would turn waiting on for it."""
        raise io.UnsupportedOperation

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        """There is nothing to flush: what the terminal takes has been written."""

    def size(self) -> tuple[int, int]:
        """Columns and rows; 80 and 24 where the terminal does not tell."""
        try:
            columns, rows = os.get_terminal_size(sys.stdout.fileno())
        except OSError:
            columns = rows = 0
        return columns or 80, rows or 24

    def write(self, text: str) -> int:
        """Writes text; past `UNSENT_MAX` of what waits, it is dropped."""
        if self.gone or len(self._unsent) > UNSENT_MAX:
            self._dropped = True
            return len(text)
        self._unsent += text.encode(self.encoding, "replace")
        if not self._held and self._empty.is_set():
            self._begin()
        return len(text)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Has all that is written inside leave in one piece, so that nothing flickers."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            if not self._held and self._empty.is_set():
                self._begin()

    def take_dropped(self) -> bool:
        """Whether anything was dropped since this was asked last."""
        dropped, self._dropped = self._dropped, False
        return dropped

    def _begin(self) -> None:
        self._send()
        if self._unsent:
            self._empty.clear()
            self._loop.add_writer(self._descriptor, self._writable)

    def _send(self) -> None:
        try:
            sent = os.write(self._descriptor, self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self._lost()
            return
        del self._unsent[:sent]

    def _writable(self) -> None:
        self._send()
        if not self._unsent:
            self._loop.remove_writer(self._descriptor)
            self._empty.set()
            if not self.gone:
                self._on_drained()

    def _lost(self) -> None:
        self.gone = True
        self._unsent.clear()
        self._loop.call_soon(self._on_gone)

    async def drained(self) -> None:
        """Waits until the terminal has taken everything."""
        await self._empty.wait()

    async def close(self) -> None:
        """Ends the writing, after what waits if the terminal takes it soon."""
        try:
            await asyncio.wait_for(self._empty.wait(), _LAST_SECONDS)
        except TimeoutError:
            self._loop.remove_writer(self._descriptor)
        if self._shared:
            os.set_blocking(self._descriptor, True)
        os.close(self._descriptor)
