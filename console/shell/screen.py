"""Output above the line being typed: in batches, bounded, and never waiting for the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from yext.console.session.preferences import Preferences, preferences_path
from yext.console.shell.floodlimit import READABLE, FloodLimit
from yext.console.shell.terminal import take_typed
from yext.log import split_lines

if TYPE_CHECKING:
    from prompt_toolkit.application import Application

    from yext.console.session.program import Program
    from yext.console.session.secrets import Secrets
    from yext.console.session.view import Draw
    from yext.console.shell.fullscreen import FullScreen
    from yext.console.shell.terminal import Terminal

BATCH_SECONDS = 0.05
"""The least time between two batches: each costs a redraw of the line."""

WAITING_MAX = 500
"""Lines that may wait for the next batch; further ones are left out, and counted."""


class Screen:
    """The view (`console.session.view.View`) of a session on a terminal.

    Lines are gathered and written at most every `BATCH_SECONDS`: the line being typed is
    erased, the batch is written, and the line is drawn again, all in one write.

    Args:
        terminal: where the session is shown.
        on_gone: called when the terminal has vanished.

    Attributes:
        live_text: text just above the line being typed, which changes in place.
        paging: whether the pager has the terminal.
    """

    interactive = True

    def __init__(self, terminal: Terminal, on_gone: Callable[[], None]) -> None:
        self._colored = terminal.capabilities.color
        self.unicode = terminal.capabilities.unicode
        self.live_text = ""
        self.paging = False
        self.output = terminal.open_output(self.drained, on_gone)
        self._may_page = terminal.owns_process
        self._app: Application[None] | None = None
        self._typing: Callable[[], bool] = bool
        self._secrets: Secrets | None = None
        self._program: FullScreen | None = None
        self._loop = asyncio.get_running_loop()
        self._batch: list[str] = []
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None
        self._next_batch = 0.0
        self._resized = False
        self.preferences = Preferences(preferences_path() if terminal.owns_process else "")
        self._copy: Callable[[str], None] | None = None
        self._flood = FloodLimit(self._report_left_out)
        self._live: asyncio.Event | None = None

    def attach(
        self,
        app: Application[None],
        typing: Callable[[], bool] = bool,
        secrets: Secrets | None = None,
    ) -> None:
        """Write above the line that `app` draws, from now on.

        Args:
            app: draws the line.
            typing: returns whether the operator has gone on to the next line.
            secrets: finds passwords in what is typed.
        """
        self._app = app
        self._typing = typing
        self._secrets = secrets
        app.before_render += self._before_render
        app.after_render += self._after_render

    @property
    def color(self) -> bool:
        return self._colored and self.preferences.theme != "plain"

    @property
    def width(self) -> int:
        return self.preferences.columns or self.output.size()[0]

    @property
    def height(self) -> int:
        return self.output.size()[1]

    # Lines above

    def show(self, text: str) -> None:
        """Show whole lines; leave them out, and count them, when `WAITING_MAX` wait already."""
        lines = text.count("\n") + (not text.endswith("\n"))
        if self._waiting + lines > WAITING_MAX and self._batch:
            self._flood.leave_out(lines)
            return
        self._waiting += lines
        self._add(text)

    def stream(self, text: str) -> None:
        """Show a line that was not asked for, unless too many of them come."""
        if self._flood.allows():
            self.show(text)

    def ring(self) -> None:
        """Ring the terminal's bell, if the operator wants that."""
        if self.preferences.bell:
            self.output.write("\a")

    def reply(self, text: str) -> None:
        """Show what the operator asked for, all of it."""
        if text:
            self._add(text)

    async def page(self, text: str, *, always: bool = False, at_end: bool = False) -> None:
        """Show what the operator asked for, through the pager if it does not fit, or `always`.

        Output of the engine waits meanwhile, as far as `WAITING_MAX` allows. Whoever has gone on
        typing gets no pager, which would take the keys for its own commands.

        Args:
            text: whole lines.
            always: whether the pager is opened for what fits, too.
            at_end: whether the newest is last, so that less is opened there.
        """
        pager = self._pager() if always or self._rows(text) > self.height - 2 else []
        if at_end and pager and os.path.basename(pager[0]) == "less":
            pager = [*pager, "+G"]
        if pager:
            await self.output.drained()
        if not pager or self._app is None or self._typing():
            self.reply(text)
            return
        self.paging = True
        try:
            typed = await self._open_pager(self._app, pager, text)
        finally:
            self.paging = False
            self.flush()
        if typed:
            from yext.console.shell.prompt import type_in

            self.reply(text)
            type_in(self._app, typed)
        elif self._copy is not None:
            self._copy(text)

    async def _open_pager(self, app: Application[None], pager: list[str], text: str) -> str:
        """Give the terminal to the pager until it ends.

        Returns:
            What was typed before it could be opened, which keeps it from being opened.
        """
        from prompt_toolkit.application import in_terminal
        from prompt_toolkit.application.current import set_app

        with set_app(app):
            async with in_terminal():
                self.output.write(self._take_batch())
                await self.output.drained()
                with self.output.lent():
                    typed = take_typed(sys.stdin.fileno())
                    if not typed:
                        await _run_pager(pager, text.encode(self.output.encoding, "replace"))
        return typed.decode(self.output.encoding, "replace")

    # A program on the whole screen

    async def run_program(self, make: Callable[[], Program]) -> None:
        """Leave the screen to a program; what is shown meanwhile follows it."""
        if self._app is None or self._secrets is None:
            return
        from prompt_toolkit.application import in_terminal
        from prompt_toolkit.application.current import set_app

        from yext.console.shell.fullscreen import FullScreen

        await self.output.drained()
        self.paging = True
        try:
            with set_app(self._app):
                async with in_terminal():
                    self.output.write(self._take_batch())
                    self._program = FullScreen(
                        make(), self._app, self.output, self._secrets,
                        color=self.color, unicode=self.unicode,
                    )  # fmt: skip
                    await self._program.run()
        finally:
            self._program = None
            self.paging = False
            self.flush()

    def end_program(self) -> None:
        """End the program that has the screen, if there is one."""
        if self._program is not None:
            self._program.leave()

    def _rows(self, text: str) -> int:
        """Return about how many rows the text takes: bytes that only colour it count too."""
        return sum(1 + max(0, len(line) - 1) // self.width for line in split_lines(text))

    def _pager(self) -> list[str]:
        """Return the command line of PAGER, by default less; empty where none may be run."""
        if not self._may_page:
            return []
        words = shlex.split(os.environ.get("PAGER", "less"))
        return words if words and shutil.which(words[0]) else []

    @property
    def left_out(self) -> int:
        """How many lines were left out so far."""
        return self._flood.left_out

    def _report_left_out(self, lines: int) -> None:
        dots = "…" if self.unicode else "..."
        self._add(f"{dots} {lines:,} lines left out, {READABLE} a second are shown")

    def copy_to(self, add: Callable[[str], None]) -> None:
        """Call `add` with all lines that are shown from now on."""
        self._copy = add

    def _add(self, text: str) -> None:
        if self._copy is not None:
            self._copy(text)
        self._batch.append(text if text.endswith("\n") else f"{text}\n")
        if self._timer is None:
            when = max(self._next_batch, self._loop.time())
            self._timer = self._loop.call_at(when, self.flush)

    def flush(self) -> None:
        """Write the batch as soon as the terminal has taken the previous one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._batch or self.output.busy or self.paging:
            return
        if self._app is not None and self._app.is_running:
            self._app.invalidate()  # The batch is written when the line is rendered.
        else:
            self.output.write(self._take_batch())

    def resized(self) -> None:
        """Draw the line, or the program, again for another size of the terminal."""
        if self._program is not None:
            self._program.resized()
        elif self._app is not None:
            self._resized = True
            self._app.invalidate()

    def _take_batch(self) -> str:
        text = "".join(self._batch)
        self._batch.clear()
        self._waiting = 0
        self._next_batch = self._loop.time() + BATCH_SECONDS
        return text

    def _before_render(self, app: Application[None]) -> None:
        """Erase the line and write the batch in its place; the line follows in the same write."""
        self.output.hold()
        if self._resized or (self._batch and not self.output.busy):
            self._resized = False
            app.renderer.erase()
            self.output.write(self._take_batch())

    def _after_render(self, app: Application[None]) -> None:
        self.output.release()

    def drained(self) -> None:
        """Draw again what was dropped of the line while the terminal did not take it."""
        if self._program is not None:
            self._program.drained()
            return
        if self.output.take_dropped() and self._app is not None:
            self._app.renderer.reset()
            self.output.write("\r\x1b[J")
            self._app.invalidate()
        self.flush()

    # Live text

    async def live(self, draw: Draw, seconds: float) -> None:
        """Show what `draw` returns just above the line, and leave the last of it there."""
        self._live = ended = asyncio.Event()
        text = ""
        try:
            while not ended.is_set():
                # The prompt and the bottom line need their rows too.
                text = (await draw(self.width, max(1, self.height - 3))).rstrip("\n")
                self.live_text = text
                if self._app is not None and not self.output.busy:
                    self._app.invalidate()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), seconds)
        finally:
            self._live = None
            self.live_text = ""
            self.reply(text)

    def clear(self) -> None:
        """Empty the screen."""
        if self._app is not None:
            self._app.renderer.clear()

    @property
    def is_live(self) -> bool:
        """Whether live text is shown."""
        return self._live is not None

    def end_live(self) -> None:
        """End the live text."""
        if self._live is not None:
            self._live.set()

    async def close(self) -> None:
        """Write what is left, if the terminal takes it soon."""
        self._flood.flush()
        self.output.release()
        self.flush()
        if self._timer is not None:
            self._timer.cancel()
        await self.output.close()


async def _run_pager(words: list[str], data: bytes) -> None:
    """Run the pager on `data` until it ends, which may be before it has read everything."""
    # The flags that git gives less: quit if it fits, pass colours on, keep the screen.
    environ = {"LESS": "FRX"} | os.environ
    pager = await asyncio.create_subprocess_exec(*words, stdin=asyncio.subprocess.PIPE, env=environ)
    try:
        await pager.communicate(data)
    finally:
        if pager.returncode is None:
            pager.terminate()
            await pager.wait()
