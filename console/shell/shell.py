"""The interactive shell: one line that is edited while everything else appears above it.

One prompt_toolkit application runs from start to end, also while a command is carried out, so
the terminal never leaves raw mode and no output can meet a half-typed line.
"""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING, Any

from console import gctuning
from console.link import Link
from console.server.lineedit import hidden
from console.shell import banner
from console.shell.terminal import Abilities
from yext.log import logger, safe

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.shortcuts import PromptSession

    from console.shell.history import FileHistory
    from console.shell.seat import Seat

_SLOW_SECONDS = 0.5
"""A command that takes longer is named in the bottom line."""


async def run(link: Link, able: Abilities, *, plain: bool) -> int:
    """Run the shell that the terminal allows until the session ends; return the exit code.

    Args:
        plain: whether replies are shown in Yate's own words.
    """
    if not able.editing:
        from console.shell.dumb import DumbShell

        gctuning.resume()
        return await DumbShell(link, able).run()
    from console.shell.seat import Seat

    shell = Shell(link, Seat(able), plain=plain)
    gctuning.resume()
    return await shell.run()


class Shell:
    """The shell on one link.

    Commands are carried out one after the other in the order they were given; more can be
    typed meanwhile. ^C gives up waiting for the running one and forgets those that wait.
    """

    def __init__(self, link: Link, seat: Seat, *, plain: bool) -> None:
        from console.shell.presenter import Teller
        from console.shell.screen import Screen

        self._link = link
        self._seat = seat
        self.screen = Screen(seat, self._leave)
        self._teller = Teller(link, self.screen, plain=plain)
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._running = ""
        self._slow = False
        self._task: asyncio.Task[None] | None = None
        self._rate = 0
        history = seat.history()
        self._session = self._make_session(history)
        self.screen.app = self._session.app
        link.show_on(self.screen, history.lines())

    async def run(self) -> int:
        """Runs until the operator or the engine ends it; returns the exit code."""
        loop = asyncio.get_running_loop()
        if self._seat.own_process:
            loop.set_exception_handler(self._failed)
            loop.add_signal_handler(signal.SIGINT, self._interrupt)
        unsubscribe = self._link.subscribe(self._teller.tell)
        tasks = [
            loop.create_task(self._work()),
            loop.create_task(self._until_ended()),
            loop.create_task(self._measure()),
        ]
        try:
            await self._introduce()
            await self._session.app.run_async(set_exception_handler=False, handle_sigint=False)
        except EOFError:
            pass  # The terminal was closed.
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            unsubscribe()
            self._teller.close()
            await self.screen.close()
            if self._seat.own_process:
                loop.remove_signal_handler(signal.SIGINT)
                loop.set_exception_handler(None)
        for result in results:
            if isinstance(result, Exception):
                raise result
        return self._link.exit_code()

    # The line

    def _make_session(self, history: FileHistory) -> PromptSession[None]:
        from prompt_toolkit.application.current import create_app_session
        from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
        from prompt_toolkit.enums import EditingMode
        from prompt_toolkit.shortcuts import PromptSession

        from console.shell import prompt
        from console.shell.completer import LinkCompleter

        seat = self._seat
        output = prompt.make_output(self.screen.terminal, seat.able, seat.term)
        with create_app_session(input=seat.input, output=output):
            session: PromptSession[None] = PromptSession(
                self._message,
                completer=LinkCompleter(self._link),
                complete_while_typing=False,
                auto_suggest=AutoSuggestFromHistory(),
                history=history,
                bottom_toolbar=self._bottom,
                key_bindings=self._keys(),
                style=prompt.style(seat.able),
                input_processors=[prompt.SecretProcessor()],
                include_default_pygments_style=False,
                editing_mode=EditingMode.VI if seat.vi else EditingMode.EMACS,
                erase_when_done=True,
            )
        session.default_buffer.accept_handler = self._accept
        # The size is told by SIGWINCH; prompt_toolkit would also ask for it twice a second.
        session.app.terminal_size_polling_interval = None
        return session

    def _message(self) -> StyleAndTextTuples:
        """What stands before the line: live text, and the prompt when a command is welcome."""
        from prompt_toolkit.formatted_text import ANSI, to_formatted_text

        live = self.screen.live_text
        above = to_formatted_text(ANSI(f"{live}\n")) if live else []
        if self._running:
            return above
        return [*above, ("class:node", f"{self._link.node}> ")]

    def _bottom(self) -> StyleAndTextTuples:
        """The bottom line: what runs, what failed, how much flows; or how to go on typing."""
        hint = self._link.usage(self._session.default_buffer.text)
        if hint:
            return [("", f" {hint}"[: self.screen.width])]
        if self._link.locked:
            return [("", f" {self._link.node} | not authenticated")]
        counts = self._link.counts()
        left_out = f", {self.screen.left_out:,} lines left out" if self.screen.left_out else ""
        failed = f" {counts.failed} failed" if counts.failed else ""
        return [
            ("", f" {self._link.node} | {counts.running} running"),
            ("class:failed", failed),
            ("", f" | {self._rate} msg/s | {self._link.flow()}{left_out}{self._busy()}"),
        ]

    def _busy(self) -> str:
        if not self._slow:
            return ""
        if self.screen.is_live:
            return f" | {self._running}: any key ends it"
        more = f", {self._lines.qsize()} more wait" if not self._lines.empty() else ""
        return f" | {self._running}{more}: ^C stops waiting"

    def _keys(self) -> KeyBindings:
        from prompt_toolkit.filters import Condition
        from prompt_toolkit.key_binding import KeyBindings

        keys = KeyBindings()
        empty = Condition(lambda: not self._session.default_buffer.text)
        live = Condition(lambda: self.screen.is_live)

        @keys.add("c-c")
        def _interrupt(event: KeyPressEvent) -> None:
            self._interrupt()

        @keys.add("c-d", filter=empty)
        def _end(event: KeyPressEvent) -> None:
            self._leave()

        @keys.add("<any>", filter=live)
        @keys.add("enter", filter=live)
        @keys.add("c-d", filter=live)
        def _end_live(event: KeyPressEvent) -> None:
            self.screen.end_live()

        return keys

    def _interrupt(self) -> None:
        """^C: ends live text, or the wait for a command, or clears the line."""
        if self.screen.paging:
            return  # It was meant for the pager.
        if self.screen.is_live:
            self.screen.end_live()
        elif self._task is not None:
            while not self._lines.empty():
                self._lines.get_nowait()
            self._task.cancel()
        else:
            self._echo(self._session.default_buffer.text + "^C")
            self._session.default_buffer.reset()

    def _accept(self, buffer: Buffer) -> bool:
        """Takes the line that was typed; it is empty afterwards."""
        lines = [line.strip() for line in buffer.text.splitlines() if line.strip()]
        for line in lines:  # More than one were pasted.
            self._lines.put_nowait(line)
        if not lines and not self._running:
            self._echo("")
        return False

    def _echo(self, text: str) -> None:
        """Leaves the line as typed above, and begins a new one."""
        bold, normal = ("\x1b[1m", "\x1b[m") if self._seat.able.color else ("", "")
        self.screen.reply(f"{bold}{self._link.node}>{normal} {safe(hidden(text))}".rstrip())
        self.screen.flush()

    def typed(self) -> str:
        """The line as far as it was typed."""
        return self._session.default_buffer.text

    def resized(self) -> None:
        """The terminal has another size; that of this process tells so itself."""
        if self._session.app.is_running:
            self._session.app._on_resize()

    def _leave(self) -> None:
        """Ends the shell; what runs is stopped by whoever started the engine."""
        app = self._session.app
        if app.is_running and not app.is_done:
            app.exit()

    # Commands

    async def _work(self) -> None:
        """Carries out the lines in their order."""
        while not self._link.closing:
            line = await self._lines.get()
            self._running = line
            self._echo(line)
            slow = asyncio.get_running_loop().call_later(_SLOW_SECONDS, self._show_slow)
            self._task = asyncio.create_task(self._carry_out(line))
            try:
                await asyncio.wait({self._task})
                self._tell_outcome(self._task)
            finally:
                slow.cancel()
                self._task.cancel()
                self._task, self._running, self._slow = None, "", False
            self.screen.flush()
            self._session.app.invalidate()
        self._leave()

    async def _introduce(self) -> None:
        """Shows what an operator wants to know first."""
        link = self._link
        overview, page = await link.overview(), self._teller.page()
        self.screen.reply(banner.text(link.node, overview, link.counts(), page, locked=link.locked))
        self.screen.flush()

    async def _carry_out(self, line: str) -> None:
        was_locked = self._link.locked
        reply = await self._link.run(line)
        await self._teller.reply(line, reply)
        if was_locked and not self._link.locked:
            await self._introduce()

    def _tell_outcome(self, task: asyncio.Task[None]) -> None:
        """Says what the reply could not: that it is not waited for, or that yext has an error."""
        if task.cancelled():
            self.screen.reply(f"{self._running}: not waited for any more")
        elif (error := task.exception()) is not None:
            self._tell_error(f"{self._running} failed", error)

    def _show_slow(self) -> None:
        self._slow = True
        self._session.app.invalidate()

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An error that nobody caught: told above the line, which goes on."""
        self._tell_error(str(context.get("message", "")), context.get("exception"))

    def _tell_error(self, what: str, error: object) -> None:
        logger.error("%s: %r", what, error, exc_info=_exc_info(error))
        self.screen.stream(safe(f"error in yext: {what}: {error!r}"))

    async def _until_ended(self) -> None:
        await self._link.ended()
        self._leave()

    async def _measure(self) -> None:
        """Counts messages a second, and redraws the bottom line when it has changed."""
        shown = self._bottom()
        before, then = self._link.counts().messages, time.time()
        while True:
            await asyncio.sleep(1.0)
            after, now = self._link.counts().messages, time.time()
            # One engine.timer at each full second is not what flows.
            self._rate = max(0, after - before - (int(now) - int(then)))
            before, then = after, now
            if shown != (shown := self._bottom()) and not self.screen.terminal.busy:
                self._session.app.invalidate()


def _exc_info(error: object) -> BaseException | None:
    return error if isinstance(error, BaseException) else None
