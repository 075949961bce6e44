"""The operator's shell over telnet, on a connection in place of a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import Input
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress

from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.link import GuardedLink
from yext.console.server.writer import Writer
from yext.console.session.secrets import Secrets
from yext.console.session.session import Session
from yext.console.shell.history import SessionHistory
from yext.console.shell.shell import Shell
from yext.console.shell.terminal import UNSENT_MAX, Capabilities, Terminal, TerminalOutput

KEYS_AT_ONCE = 4
"""Characters that are typed in one turn of the loop; a key may take a quarter of a millisecond."""

WAITING_MAX = 64 * 1024
"""Characters that may wait to be typed; no more are read until they are."""

RESIZE_SECONDS = 0.05
"""The least time between two redraws for a window that is resized."""

_COLUMNS = (10, 500)
_ROWS = (3, 200)
"""The least and the most that a window may have: a client can claim any size."""

_DUMB = ("dumb", "unknown", "network", "")


def capabilities_of(term: str) -> Capabilities:
    """Return what a terminal of that name can do; telnet transmits no more than the name."""
    plain = term.startswith("vt")
    return Capabilities(
        editing=term.partition("-")[0] not in _DUMB, color=not plain, unicode=not plain
    )


class TelnetInput(Input):
    """prompt_toolkit's input from what is typed at the other end of a connection.

    Attributes:
        undelivered: characters that have not become keys yet.
    """

    def __init__(self) -> None:
        self.undelivered = 0
        self._keys: list[KeyPress] = []
        self._parser = Vt100Parser(self._keys.append)
        self._callback: Callable[[], None] | None = None
        self._context = contextvars.copy_context()
        self._closed = False

    def feed(self, text: str) -> None:
        """Take in what was typed."""
        self._parser.feed(text)
        self.undelivered = 0 if self._keys else self.undelivered + len(text)
        if self._callback is not None:
            # prompt_toolkit finds its application by the context, not that of the connection.
            self._context.run(self._callback)

    def fileno(self) -> int:
        raise OSError("a connection's input has no descriptor of its own")

    def typeahead_hash(self) -> str:
        return f"telnet-{id(self)}"

    def read_keys(self) -> list[KeyPress]:
        keys, self._keys[:] = list(self._keys), []
        return keys

    def flush_keys(self) -> list[KeyPress]:
        self._parser.flush()
        return self.read_keys()

    @property
    def closed(self) -> bool:
        return self._closed

    def raw_mode(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def cooked_mode(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def attach(self, input_ready_callback: Callable[[], None]) -> Iterator[None]:
        before, self._callback = self._callback, input_ready_callback
        context, self._context = self._context, contextvars.copy_context()
        # Deliver what was typed before the line was there.
        asyncio.get_running_loop().call_soon(input_ready_callback)
        try:
            yield
        finally:
            self._callback, self._context = before, context

    @contextlib.contextmanager
    def detach(self) -> Iterator[None]:
        before, self._callback = self._callback, None
        try:
            yield
        finally:
            self._callback = before

    def close(self) -> None:
        self._closed = True


class TelnetOutput(TerminalOutput):
    """Output to the terminal at the other end of a connection.

    Args:
        size: returns columns and rows of the client's window.
    """

    def __init__(self, writer: Writer, size: Callable[[], tuple[int, int]], encoding: str) -> None:
        super().__init__(encoding)
        self._writer = writer
        self._size = size

    @property
    def busy(self) -> bool:
        return not self._writer.drained.is_set()

    def size(self) -> tuple[int, int]:
        return self._size()

    def _full(self) -> bool:
        return self.busy and self._writer.waiting() > UNSENT_MAX

    def _send(self, text: str) -> None:
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
        self._writer.write(text.encode(self.encoding, "replace").decode(self.encoding))

    async def drained(self) -> None:
        await self._writer.drained.wait()

    async def close(self) -> None:
        """Do nothing: the connection sends what waits, or cuts its client off."""


class TelnetTerminal(Terminal):
    """The terminal at the other end of a connection.

    Args:
        term: its name.

    Attributes:
        columns, rows: the size of its window.
    """

    owns_process = False

    def __init__(self, term: str, writer: Writer) -> None:
        super().__init__(capabilities_of(term), term, vi=False)
        self.input = self.keys = TelnetInput()
        self.columns, self.rows = 80, 24
        self._writer = writer

    def open_output(
        self, on_drained: Callable[[], None], on_gone: Callable[[], None]
    ) -> TerminalOutput:
        """Open the connection for output; it reports itself when it is drained or gone."""
        return TelnetOutput(self._writer, lambda: (self.columns, self.rows), self.encoding)

    def history(self, secrets: Secrets) -> SessionHistory:
        """Return a history that ends with the session."""
        return SessionHistory(secrets)

    def resize(self, columns: int, rows: int) -> None:
        """Set the size of the window as the client claims it, 0 for unknown, within bounds."""
        self.columns = min(max(columns or 80, _COLUMNS[0]), _COLUMNS[1])
        self.rows = min(max(rows or 24, _ROWS[0]), _ROWS[1])


class TelnetShell:
    """One operator's shell on a connection.

    Args:
        term: the name of the client's terminal.
        longest: returns how many characters a line may have at the moment.
        limit_reading: called when more may be read.
        ended: called when the shell has ended.
    """

    def __init__(
        self,
        session: Session,
        writer: Writer,
        term: str,
        *,
        longest: Callable[[], int],
        limit_reading: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        session.machine = session.echo = False
        self._terminal = TelnetTerminal(term, writer)
        link = GuardedLink(Interpreter(session, TABLE))
        self._shell = Shell(link, self._terminal, plain=False)
        self._longest = longest
        self._limit_reading = limit_reading
        self._ended = ended
        self._waiting = ""
        self._after_cr = True  # What is left of the line that `auth` was in.
        self._resizing: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[int] | None = None

    def start(self, columns: int, rows: int) -> None:
        """Start the shell in a window of that size."""
        self._terminal.resize(columns, rows)
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._done)

    async def _run(self) -> int:
        # Each shell has a prompt_toolkit session of its own: what is typed at one must never
        # reach the application of another.
        with create_app_session(input=self._terminal.keys):
            return await self._shell.run()

    def feed(self, text: str) -> None:
        """Take in what was typed; in telnet, a line ends with CR NUL or CR LF."""
        if self._after_cr and text[:1] in ("\0", "\n"):
            text = text[1:]
        self._after_cr = text.endswith("\r")
        text = text.replace("\r\0", "\r").replace("\r\n", "\r")
        if text and not self._waiting:
            asyncio.get_running_loop().call_soon(self._type)
        self._waiting += text

    @property
    def full(self) -> bool:
        """Whether so much waits to be typed that no more should be read."""
        return len(self._waiting) > WAITING_MAX

    def _type(self) -> None:
        """Type some of what waits, and the rest in later turns of the loop."""
        text, self._waiting = self._waiting[:KEYS_AT_ONCE], self._waiting[KEYS_AT_ONCE:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._type)
        else:
            self._limit_reading()
        keys = self._terminal.keys
        keys.feed(text)
        if keys.undelivered + len(self._shell.typed()) > self._longest():
            self.leave()

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window."""
        self._terminal.resize(columns, rows)
        if self._resizing is None:
            loop = asyncio.get_running_loop()
            self._resizing = loop.call_later(RESIZE_SECONDS, self._resized)

    def _resized(self) -> None:
        self._resizing = None
        self._shell.resized()

    def drained(self) -> None:
        """Go on writing: the client has read what waited."""
        self._shell.drained()

    def leave(self) -> None:
        """End the shell."""
        if self._resizing is not None:
            self._resizing.cancel()
        if self._task is not None and not self._task.done():
            # The line that is edited would wait for the program that has the screen.
            self._shell.end_program()
            self._task.cancel()

    async def wait(self) -> None:
        """Wait until nothing of the shell runs any more."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def _done(self, task: asyncio.Task[int]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a shell over telnet failed", "exception": error}
            )
        self._ended()
