"""The operator's terminal: what it can show, and output to it that never waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import locale
import os
import re
import sys
import termios
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yext.console.session.secrets import Secrets
from yext.console.session.view import is_utf8

if TYPE_CHECKING:
    from prompt_toolkit.input import Input

    from yext.console.shell.history import SessionHistory

UNSENT_MAX = 256 * 1024
"""Bytes that may wait for a terminal to take them; further output is left out."""

_TYPED_MAX = 4096
"""Bytes of what was typed that are read at once: a terminal keeps no more."""

_LAST_SECONDS = 0.5
"""How long the end of the shell waits for a terminal that takes nothing."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a terminal can do.

    Attributes:
        editing: a line can be edited: input and output are a terminal, and not a dumb one.
        color: SGR colours may be used.
        unicode: more than ASCII may be used.
    """

    editing: bool
    color: bool
    unicode: bool


def detect_capabilities(environ: Mapping[str, str] = os.environ) -> Capabilities:
    """Return what standard input and output can do, by their kind, TERM, NO_COLOR and locale.

    NO_COLOR as on no-color.org: any value but an empty one turns colour off.
    """
    dumb = environ.get("TERM", "") in ("", "dumb", "unknown")
    editing = not dumb and sys.stdin.isatty() and sys.stdout.isatty()
    utf8 = is_utf8(locale.getpreferredencoding(False))
    return Capabilities(editing, editing and not environ.get("NO_COLOR"), utf8 and not dumb)


@contextlib.contextmanager
def without_echo(capabilities: Capabilities) -> Iterator[None]:
    """Keep the terminal from showing keys that come before the line editor takes them.

    The keys are not lost: the editor reads them. Shown by the terminal, they would move its
    cursor, and the editor would draw its line in the wrong column. Entered as soon as it is
    known that a line will be edited, and left when the shell has ended.
    """
    if not capabilities.editing:
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    local_modes = 3  # The index in the list, see termios(3).
    quiet = [*before]
    quiet[local_modes] &= ~termios.ECHO
    termios.tcsetattr(sys.stdin, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):  # The terminal may be gone.
            termios.tcsetattr(sys.stdin, termios.TCSANOW, before)


def wants_vi() -> bool:
    """Return whether the operator edits lines with vi keys.

    That is ``set editing-mode vi`` in the file of INPUTRC or ``~/.inputrc``, as for programs
    that use readline.
    """
    path = os.environ.get("INPUTRC") or os.path.expanduser("~/.inputrc")
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return False
    modes = re.findall(r"^\s*set\s+editing-mode\s+(vi|emacs)\s*$", text, re.MULTILINE)
    return bool(modes) and modes[-1] == "vi"


def print_now(text: str) -> None:
    """Write a line to the terminal on standard output without waiting for it.

    What the terminal does not take at once is lost; without a terminal, nothing is written.
    """
    if not sys.stdout.isatty():
        return
    with contextlib.suppress(OSError):
        descriptor = _open_nonblocking(sys.stdout.fileno())
        try:
            os.write(descriptor, f"{text}\n".encode())
        finally:
            os.close(descriptor)


def _open_nonblocking(descriptor: int) -> int:
    """Open the terminal of a descriptor again, as O_NONBLOCK holds for all who share that."""
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    return os.open(f"/proc/self/fd/{descriptor}", flags)


def take_typed(descriptor: int) -> bytes:
    """Read what was typed at the terminal of a descriptor and not read yet, without waiting."""
    before = termios.tcgetattr(descriptor)
    at_once = termios.tcgetattr(descriptor)
    at_once[3] &= ~(termios.ICANON | termios.ECHO)
    at_once[6][termios.VMIN] = at_once[6][termios.VTIME] = 0
    termios.tcsetattr(descriptor, termios.TCSANOW, at_once)
    try:
        return os.read(descriptor, _TYPED_MAX)
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


class TerminalOutput(ABC):
    """A text file for prompt_toolkit, written to a terminal as far as that takes it at once.

    A stuck terminal must not hold up the engine: the rest waits up to `UNSENT_MAX`, and what
    is written beyond that is dropped.

    Attributes:
        encoding: the name of the terminal's encoding.
        gone: whether the terminal does not exist any more.
    """

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.gone = False
        self._held = False
        self._text: list[str] = []
        self._dropped = False

    def write(self, text: str) -> int:
        """Write text, or drop it; return its length, as files do."""
        if self.gone or self._full():
            self._dropped = True
        else:
            self._text.append(text)
            if not self._held:
                self.release()
        return len(text)

    def hold(self) -> None:
        """Keep what is written until `release`, so that it appears at once, without flicker."""
        self._held = True

    def release(self) -> None:
        """Send what was kept since `hold`."""
        self._held = False
        if self._text:
            text = "".join(self._text)
            self._text.clear()
            self._send(text)

    def take_dropped(self) -> bool:
        """Return whether anything was dropped since the last call."""
        dropped, self._dropped = self._dropped, False
        return dropped

    def fileno(self) -> int:
        """Raise `io.UnsupportedOperation`: prompt_toolkit would make a descriptor blocking."""
        raise io.UnsupportedOperation("a terminal's output has no descriptor to give away")

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        """Send what was written, except between `hold` and `release`."""
        if not self._held:
            self.release()

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """Leave the terminal to another program while the context is entered."""
        yield

    @property
    @abstractmethod
    def busy(self) -> bool:
        """Whether something waits for the terminal to take it."""

    @abstractmethod
    def size(self) -> tuple[int, int]:
        """Return columns and rows."""

    @abstractmethod
    def _full(self) -> bool:
        """Return whether more than `UNSENT_MAX` waits for the terminal."""

    @abstractmethod
    def _send(self, text: str) -> None:
        """Send text to the terminal."""

    @abstractmethod
    async def drained(self) -> None:
        """Wait until the terminal has taken everything."""

    @abstractmethod
    async def close(self) -> None:
        """End the output, after what waits if the terminal takes that soon."""


class StandardOutput(TerminalOutput):
    """Output to the terminal on standard output.

    Where the terminal may not be opened again, as after ``sudo -u``, its descriptor is shared
    and made non-blocking until the end.

    Args:
        on_drained: called when the terminal has taken what waited.
        on_gone: called when the terminal has vanished.
    """

    def __init__(
        self, encoding: str, on_drained: Callable[[], None], on_gone: Callable[[], None]
    ) -> None:
        super().__init__(encoding)
        self._loop = asyncio.get_running_loop()
        self._on_drained = on_drained
        self._on_gone = on_gone
        self._unsent = bytearray()
        self._empty = asyncio.Event()
        self._empty.set()
        self._shared = False
        try:
            self._descriptor = _open_nonblocking(sys.stdout.fileno())
        except OSError:
            self._shared = True
            self._descriptor = os.dup(sys.stdout.fileno())
            os.set_blocking(self._descriptor, False)

    @property
    def busy(self) -> bool:
        return not self._empty.is_set()

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """Let another program find the terminal blocking, as it expects it to be."""
        if self._shared:
            os.set_blocking(self._descriptor, True)
        try:
            yield
        finally:
            if self._shared:
                os.set_blocking(self._descriptor, False)

    def size(self) -> tuple[int, int]:
        """Return columns and rows; 80 and 24 where the terminal does not know."""
        try:
            columns, rows = os.get_terminal_size(sys.stdout.fileno())
        except OSError:
            columns = rows = 0
        return columns or 80, rows or 24

    def _full(self) -> bool:
        return len(self._unsent) > UNSENT_MAX

    def _send(self, text: str) -> None:
        self._unsent += text.encode(self.encoding, "replace")
        if self._empty.is_set():
            self._write()
            if self._unsent:
                self._empty.clear()
                self._loop.add_writer(self._descriptor, self._writable)

    def _write(self) -> None:
        try:
            sent = os.write(self._descriptor, self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self.gone = True
            self._unsent.clear()
            self._loop.call_soon(self._on_gone)
            return
        del self._unsent[:sent]

    def _writable(self) -> None:
        self._write()
        if not self._unsent:
            self._loop.remove_writer(self._descriptor)
            self._empty.set()
            if not self.gone:
                self._on_drained()

    async def drained(self) -> None:
        await self._empty.wait()

    async def close(self) -> None:
        try:
            await asyncio.wait_for(self._empty.wait(), _LAST_SECONDS)
        except TimeoutError:
            self._loop.remove_writer(self._descriptor)
        if self._shared:
            os.set_blocking(self._descriptor, True)
        os.close(self._descriptor)


class Terminal:
    """The terminal of this process, which a shell runs on.

    Args:
        capabilities: what the terminal can do.
        term: the terminal's name, as in TERM.
        vi: whether lines are edited with vi keys.

    Attributes:
        owns_process: whether the process serves this terminal alone, so that signals and the
            pager are the operator's.
        input: what prompt_toolkit reads from, None for standard input.
    """

    owns_process = True
    input: Input | None = None

    def __init__(self, capabilities: Capabilities, term: str, *, vi: bool) -> None:
        self.capabilities = capabilities
        self.term = term
        self.vi = vi

    @property
    def encoding(self) -> str:
        """The name of the encoding for what the terminal can show."""
        return "utf-8" if self.capabilities.unicode else "ascii"

    def open_output(
        self, on_drained: Callable[[], None], on_gone: Callable[[], None]
    ) -> TerminalOutput:
        """Open the terminal for output.

        Args:
            on_drained: called when a stuck terminal has taken what waited.
            on_gone: called when the terminal has vanished.
        """
        return StandardOutput(self.encoding, on_drained, on_gone)

    def history(self, secrets: Secrets) -> SessionHistory:
        """Return the history of earlier sessions, which also keeps this one's lines."""
        from yext.console.shell.history import FileHistory, history_path

        return FileHistory(history_path(), secrets)
