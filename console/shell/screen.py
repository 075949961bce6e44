"""Output above the line being typed: in batches, bounded, and never waiting for the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt_toolkit.application import Application

    from console.session.view import Draw
    from console.shell.seat import Seat

BATCH_SECONDS = 0.05
"""The least time between two batches: each costs a redraw of the line."""

WAITING_MAX = 500
"""Lines that wait for the next batch; more are left out, and counted."""

READABLE = 50
"""Lines of engine output a second that a person can follow; more are left out, and counted."""

_BURST = 100
"""Lines that may come at once before that."""

_TELL_SECONDS = 1.0
"""How often it is told how many lines were left out."""


class Screen:
    """What is shown of a session on a terminal: its `console.session.view.View`.

    Lines are gathered and written at most every `BATCH_SECONDS`: the line being typed is
    erased, the batch is written, and the line is drawn again, all in one write.

    Attributes:
        app: the application that draws the line being typed, once there is one.
        left_out: how many lines were left out so far.
        live_text: what is drawn just above the line being typed, and changes there.
        paging: whether the terminal is the pager's.
    """

    interactive = True

    def __init__(self, seat: Seat, on_gone: Callable[[], None]) -> None:
        self.color = seat.able.color
        self.unicode = seat.able.unicode
        self._may_page = seat.own_process
        self.app: Application[None] | None = None
        self.left_out = 0
        self.live_text = ""
        self.paging = False
        self.terminal = seat.terminal(self._drained, on_gone)
        self._loop = asyncio.get_running_loop()
        self._batch: list[str] = []
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None
        self._next_batch = 0.0
        self._allowance = float(_BURST)
        self._allowed_at = self._loop.time()
        self._untold = 0
        self._teller: asyncio.TimerHandle | None = None
        self._live: asyncio.Event | None = None

    @property
    def width(self) -> int:
        return self.terminal.size()[0]

    @property
    def height(self) -> int:
        return self.terminal.size()[1]

    # Lines above

    def show(self, text: str) -> None:
        """Shows whole lines; past `WAITING_MAX` that wait, they are left out and counted."""
        lines = text.count("\n") + (not text.endswith("\n"))
        if self._waiting + lines > WAITING_MAX and self._batch:
            self._leave_out(lines)
            return
        self._waiting += lines
        self._add(text)

    def stream(self, text: str) -> None:
        """Shows one line of a flood that nobody asked for: `READABLE` a second, no more."""
        now = self._loop.time()
        self._allowance = min(_BURST, self._allowance + (now - self._allowed_at) * READABLE)
        self._allowed_at = now
        if self._allowance < 1:
            self._leave_out(1)
            return
        self._allowance -= 1
        self.show(text)

    def reply(self, text: str) -> None:
        """Shows what the operator asked for, all of it."""
        if text:
            self._add(text)

    async def page(self, text: str) -> None:
        """Shows what the operator asked for: through the pager where it does not fit.

        Output of the engine waits meanwhile, as far as `WAITING_MAX` allows.
        """
        pager = self._pager() if self._rows(text) > self.height - 2 else []
        if not pager or self.app is None:
            self.reply(text)
            return
        from prompt_toolkit.application import in_terminal
        from prompt_toolkit.application.current import set_app

        self.flush()
        await self.terminal.drained()
        self.paging = True
        try:
            with set_app(self.app):
                async with in_terminal():
                    with self.terminal.lent():
                        await _run_pager(pager, text.encode(self.terminal.encoding, "replace"))
        finally:
            self.paging = False
            self.flush()

    def _rows(self, text: str) -> int:
        """How many rows the text takes, about: bytes that only colour it are counted too."""
        return sum(1 + max(0, len(line) - 1) // self.width for line in text.splitlines())

    def _pager(self) -> list[str]:
        """The pager of PAGER, or less; nothing where there is none, or the terminal is not ours
        to give to it."""
        if not self._may_page:
            return []
        words = shlex.split(os.environ.get("PAGER", "less"))
        return words if words and shutil.which(words[0]) else []

    def _leave_out(self, lines: int) -> None:
        self.left_out += lines
        self._untold += lines
        if self._teller is None:
            self._teller = self._loop.call_later(_TELL_SECONDS, self._tell_left_out)

    def _tell_left_out(self) -> None:
        self._teller = None
        if self._untold:
            dots = "…" if self.unicode else "..."
            self._add(f"{dots} {self._untold:,} lines left out, {READABLE} a second are shown")
            self._untold = 0

    def _add(self, text: str) -> None:
        self._batch.append(text if text.endswith("\n") else f"{text}\n")
        if self._timer is None:
            when = max(self._next_batch, self._loop.time())
            self._timer = self._loop.call_at(when, self.flush)

    def flush(self) -> None:
        """Writes the batch now, unless the terminal has not taken the one before."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._batch or self.terminal.busy or self.paging:
            return
        text = "".join(self._batch)
        self._batch.clear()
        self._waiting = 0
        self._next_batch = self._loop.time() + BATCH_SECONDS
        app = self.app
        if app is None or not app.is_running:
            self.terminal.write(text)
            return
        with self.terminal.together():
            app.renderer.erase()
            self.terminal.write(text)
            # Not `invalidate`, which would draw later: the line would be seen to vanish.
            app._redraw()

    def _drained(self) -> None:
        """The terminal takes more: what it missed of the line is drawn anew."""
        if self.terminal.take_dropped() and self.app is not None:
            self.app.renderer.reset()
            self.terminal.write("\r\x1b[J")
            self.app.invalidate()
        self.flush()

    # Live text

    async def live(self, draw: Draw, seconds: float) -> None:
        """Shows what `draw` gives just above the line, and leaves the last of it there."""
        self._live = ended = asyncio.Event()
        text = ""
        try:
            while not ended.is_set():
                # The prompt and the bottom line need their rows too.
                text = (await draw(self.width, max(1, self.height - 3))).rstrip("\n")
                self.live_text = text
                if self.app is not None and not self.terminal.busy:
                    self.app.invalidate()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), seconds)
        finally:
            self._live = None
            self.live_text = ""
            self.reply(text)

    def clear(self) -> None:
        """Empties the screen."""
        if self.app is not None:
            self.app.renderer.clear()

    @property
    def is_live(self) -> bool:
        """Whether live text is shown."""
        return self._live is not None

    def end_live(self) -> None:
        """Ends the live text."""
        if self._live is not None:
            self._live.set()

    async def close(self) -> None:
        """Writes what is left, if the terminal takes it soon."""
        for timer in (self._timer, self._teller):
            if timer is not None:
                timer.cancel()
        self._tell_left_out()
        self.flush()
        if self._timer is not None:
            self._timer.cancel()
        await self.terminal.close()


async def _run_pager(words: list[str], data: bytes) -> None:
    """Runs the pager on `data` and waits for its end; it may end before it has read all."""
    # What git gives less: quit if it fits, pass colours on, leave the screen as it is.
    environ = {"LESS": "FRX"} | os.environ
    pager = await asyncio.create_subprocess_exec(*words, stdin=asyncio.subprocess.PIPE, env=environ)
    try:
        await pager.communicate(data)
    finally:
        if pager.returncode is None:
            pager.terminate()
            await pager.wait()
