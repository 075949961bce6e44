"""The operator's console over telnet: the same shell, on a connection in place of a terminal."""

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

from console.commands import TABLE
from console.commands.interpreter import Interpreter
from console.link import Counts, LocalLink, Overview, Word, words_of
from console.server.writer import Outlet
from console.session.authority import Authority
from console.session.session import Session
from console.shell.history import FileHistory
from console.shell.seat import Seat
from console.shell.shell import Shell
from console.shell.terminal import UNSENT_MAX, Abilities, Terminal
from yext import Engine
from yext.log import Event

RESIZE_SECONDS = 0.05
"""The least time between two redraws for a window that is resized."""

_SIZES = (range(10, 501), range(3, 201))
"""The columns and rows that a window may have; a client can claim any."""

_DUMB = ("dumb", "unknown", "network", "")


def abilities(terminal: str) -> Abilities:
    """What a terminal of that name can do; telnet does not tell more."""
    plain = terminal.startswith("vt")
    return Abilities(
        editing=terminal.partition("-")[0] not in _DUMB, color=not plain, unicode=not plain
    )


class RemoteInput(Input):
    """What is typed at the other end of a connection, as prompt_toolkit reads it."""

    def __init__(self) -> None:
        self._keys: list[KeyPress] = []
        self._parser = Vt100Parser(self._keys.append)
        self._callback: Callable[[], None] | None = None
        self._context = contextvars.copy_context()
        self._closed = False
        self.undelivered = 0

    def feed(self, text: str) -> None:
        """Takes in what was typed; `undelivered` counts what has not become a key yet."""
        self._parser.feed(text)
        self.undelivered = 0 if self._keys else self.undelivered + len(text)
        if self._callback is not None:
            # prompt_toolkit finds its application in the context: not that of the connection.
            self._context.run(self._callback)

    def fileno(self) -> int:
        raise OSError("a connection's input has no descriptor of its own")

    def typeahead_hash(self) -> str:
        return f"remote-{id(self)}"

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
        self._context = contextvars.copy_context()
        # What was typed before the line was there is not forgotten.
        asyncio.get_running_loop().call_soon(input_ready_callback)
        try:
            yield
        finally:
            self._callback = before

    @contextlib.contextmanager
    def detach(self) -> Iterator[None]:
        before, self._callback = self._callback, None
        try:
            yield
        finally:
            self._callback = before

    def close(self) -> None:
        self._closed = True


class RemoteTerminal(Terminal):
    """The terminal at the other end of a connection."""

    def __init__(self, outlet: Outlet, size: Callable[[], tuple[int, int]], encoding: str) -> None:
        self.encoding = encoding
        self.gone = False
        self._outlet = outlet
        self._size = size
        self._text: list[str] = []
        self._dropped = False
        self._held = 0

    @property
    def busy(self) -> bool:
        return not self._outlet.drained.is_set()

    def fileno(self) -> int:
        raise OSError("a connection's terminal has no descriptor")

    def size(self) -> tuple[int, int]:
        return self._size()

    def write(self, text: str) -> int:
        if self.busy and self._outlet.waiting() > UNSENT_MAX:
            self._dropped = True
            return len(text)
        self._text.append(text)
        if not self._held:
            self._begin()
        return len(text)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            if not self._held:
                self._begin()

    def _begin(self) -> None:
        text = "".join(self._text).replace("\r\n", "\n").replace("\n", "\r\n")
        self._text.clear()
        self._outlet.write(text.encode(self.encoding, "replace").decode(self.encoding))

    async def drained(self) -> None:
        await self._outlet.drained.wait()

    async def close(self) -> None:
        """The connection sends what waits, or is given up."""


class RemoteHistory(FileHistory):
    """The lines of one session, kept by nobody."""

    def __init__(self) -> None:
        super(FileHistory, self).__init__()
        self._usable = False


class RemoteSeat(Seat):
    """A terminal behind a connection."""

    own_process = False

    def __init__(self, term: str, outlet: Outlet) -> None:
        self.able = abilities(term)
        self.term = term
        self.vi = False
        self.input = self.keys = RemoteInput()
        self.columns, self.rows = 80, 24
        self.on_drained: Callable[[], None] = lambda: None
        self._outlet = outlet

    def terminal(self, on_drained: Callable[[], None], on_gone: Callable[[], None]) -> Terminal:
        self.on_drained = on_drained
        encoding = "utf-8" if self.able.unicode else "ascii"
        return RemoteTerminal(self._outlet, lambda: (self.columns, self.rows), encoding)

    def history(self) -> FileHistory:
        return RemoteHistory()


class RemoteLink(LocalLink):
    """The engine as a session sees it that may not have authenticated yet."""

    async def overview(self) -> Overview:
        if self.own.authority is Authority.ADMIN:
            return await super().overview()
        return Overview(self.engine.run_params["version"])

    def counts(self) -> Counts:
        return Counts() if self.locked else super().counts()

    async def complete(self, line: str) -> list[Word]:
        if not self.locked:
            return await super().complete(line)
        partline, _, partword = line.lstrip().rpartition(" ")
        return words_of(self.interpreter.complete_own(partline.strip(), partword))

    def subscribe(self, subscriber: Callable[[Event], None]) -> Callable[[], None]:
        return super().subscribe(lambda event: None if self.locked else subscriber(event))


class RemoteShell:
    """One operator's shell on a connection.

    Args:
        term: the name of the client's terminal.
        longest: how many characters a line may have, at the time it is asked.
        ended: called when the shell has ended.
    """

    def __init__(
        self,
        engine: Engine,
        session: Session,
        outlet: Outlet,
        term: str,
        *,
        longest: Callable[[], int],
        ended: Callable[[], None],
    ) -> None:
        session.machine = session.echo = False
        self._seat = RemoteSeat(term, outlet)
        self._shell = Shell(RemoteLink(Interpreter(session, TABLE)), self._seat, plain=False)
        self._longest = longest
        self._ended = ended
        self._after_cr = False
        self._resizing: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[int] | None = None

    def start(self, columns: int, rows: int) -> None:
        """Begins, in a window of that size."""
        self._set_size(columns, rows)
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._done)

    async def _run(self) -> int:
        # Each shell has a session of prompt_toolkit's to itself: what is typed at one must never
        # reach the application of another.
        with create_app_session(input=self._seat.keys):
            return await self._shell.run()

    def feed(self, text: str) -> None:
        """Takes in what was typed; an end of line is CR NUL or CR LF in telnet."""
        if self._after_cr and text[:1] in ("\0", "\n"):
            text = text[1:]
        self._after_cr = text.endswith("\r")
        text = text.replace("\r\0", "\r").replace("\r\n", "\r")
        if not text:
            return
        keys = self._seat.keys
        keys.feed(text)
        if keys.undelivered + len(self._shell.typed()) > self._longest():
            self.leave()

    def resize(self, columns: int, rows: int) -> None:
        """The client's window has another size."""
        self._set_size(columns, rows)
        if self._resizing is None:
            loop = asyncio.get_running_loop()
            self._resizing = loop.call_later(RESIZE_SECONDS, self._resized)

    def _set_size(self, columns: int, rows: int) -> None:
        asked = (columns or 80, rows or 24)
        self._seat.columns, self._seat.rows = (
            max(allowed[0], min(allowed[-1], one))
            for one, allowed in zip(asked, _SIZES, strict=True)
        )

    def _resized(self) -> None:
        self._resizing = None
        self._shell.resized()

    def drained(self) -> None:
        """The connection takes more."""
        self._seat.on_drained()

    def leave(self) -> None:
        """Ends the shell."""
        if self._resizing is not None:
            self._resizing.cancel()
        if self._task is not None and not self._task.done():
            self._task.cancel()

    async def wait(self) -> None:
        """Waits until nothing of the shell runs any more."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def _done(self, task: asyncio.Task[int]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a shell over telnet failed", "exception": error}
            )
        self._ended()
