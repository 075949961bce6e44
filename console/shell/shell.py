"""The interactive shell: one line that is edited while everything else appears above it.

One prompt_toolkit application runs from start to end, also while a command is carried out, so
the terminal never leaves raw mode and no output can meet a half-typed line.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any

from yext.console import gctuning
from yext.console.link import Link
from yext.console.shell import banner
from yext.console.shell.terminal import Capabilities, Terminal, wants_vi
from yext.log import logger, safe, split_lines

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.shortcuts import PromptSession

    from yext.console.shell.history import SessionHistory


async def run(link: Link, capabilities: Capabilities, *, plain: bool) -> int:
    """Run the shell that the terminal allows until the session ends; return the exit code.

    Args:
        plain: whether replies are shown in Yate's own words.
    """
    if not capabilities.editing:
        from yext.console.shell.dumb import DumbShell

        gctuning.resume()
        return await DumbShell(link, capabilities).run()
    terminal = Terminal(capabilities, os.environ.get("TERM", ""), vi=wants_vi())
    shell = Shell(link, terminal, plain=plain)
    gctuning.resume()
    return await shell.run()


class Shell:
    """The shell on one link.

    Commands are carried out one after the other in the order they were given, and more can be
    typed meanwhile. ^C stops waiting for the running one and forgets the others.
    """

    def __init__(self, link: Link, terminal: Terminal, *, plain: bool) -> None:
        from yext.console.shell.bottomline import BottomLine
        from yext.console.shell.commandqueue import CommandQueue
        from yext.console.shell.presenter import Presenter
        from yext.console.shell.screen import Screen

        self._link = link
        self._terminal = terminal
        self._screen = Screen(terminal, self._leave)
        self._presenter = Presenter(link, self._screen, plain=plain)
        self._commands = CommandQueue(
            self._execute, begun=self._echo, ended=self._report, slow=self._redraw
        )
        self._bottom = BottomLine(link, self._screen, self._commands, self.typed)
        history = terminal.history(link.secrets)
        self._session = self._make_session(history)
        self._screen.attach(self._session.app, self._is_typing, link.secrets)
        link.show_on(self._screen, history.lines())

    async def run(self) -> int:
        """Run until the operator or the engine ends the session; return the exit code."""
        loop = asyncio.get_running_loop()
        if self._terminal.owns_process:
            loop.set_exception_handler(self._show_unhandled)
            loop.add_signal_handler(signal.SIGINT, self._interrupt)
        unsubscribe = self._link.subscribe(self._presenter.event)
        tasks = [
            loop.create_task(self._work()),
            loop.create_task(self._leave_with_engine()),
            loop.create_task(self._bottom.measure(self._redraw)),
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
            self._presenter.close()
            await self._screen.close()
            if self._terminal.owns_process:
                loop.remove_signal_handler(signal.SIGINT)
                loop.set_exception_handler(None)
        for result in results:
            if isinstance(result, Exception):
                raise result
        return self._link.exit_code()

    def typed(self) -> str:
        """Return the line as far as it was typed."""
        return self._session.default_buffer.text

    def _is_typing(self) -> bool:
        """Return whether the operator has gone on to the next line."""
        return bool(self.typed() or self._commands.waiting)

    def drained(self) -> None:
        """Go on writing: a terminal that was stuck has taken what waited."""
        self._screen.drained()

    def resized(self) -> None:
        """Draw the line again for a new size; a terminal of this process needs no call."""
        self._screen.resized()

    def end_program(self) -> None:
        """End the program that has the screen, if there is one."""
        self._screen.end_program()

    # The line

    def _make_session(self, history: SessionHistory) -> PromptSession[None]:
        from prompt_toolkit.application.current import create_app_session
        from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
        from prompt_toolkit.enums import EditingMode
        from prompt_toolkit.shortcuts import PromptSession

        from yext.console.shell import prompt
        from yext.console.shell.completer import LinkCompleter
        from yext.console.shell.history import search_by_characters

        terminal, capabilities = self._terminal, self._terminal.capabilities
        output = prompt.make_output(self._screen.output, capabilities, terminal.term)
        with create_app_session(input=terminal.input, output=output):
            session: PromptSession[None] = PromptSession(
                self._message,
                completer=LinkCompleter(self._link),
                complete_while_typing=False,
                auto_suggest=AutoSuggestFromHistory(),
                history=history,
                bottom_toolbar=self._bottom_text,
                enable_suspend=terminal.owns_process,
                key_bindings=self._keys(),
                style=prompt.style(capabilities, lambda: self._screen.preferences.theme),
                input_processors=[prompt.SecretProcessor(self._link.secrets)],
                include_default_pygments_style=False,
                editing_mode=EditingMode.VI if terminal.vi else EditingMode.EMACS,
                erase_when_done=True,
            )
        session.default_buffer.accept_handler = self._accept
        search_by_characters(session.default_buffer)
        # SIGWINCH reports a new size; prompt_toolkit would also ask for it twice a second.
        session.app.terminal_size_polling_interval = None
        return session

    def _message(self) -> StyleAndTextTuples:
        """Return what stands before the line: live text, and a prompt if no command runs."""
        from prompt_toolkit.formatted_text import ANSI, to_formatted_text

        live = self._screen.live_text
        above = to_formatted_text(ANSI(f"{live}\n")) if live else []
        if self._commands.running:
            return above
        return [*above, ("class:node", f"{safe(self._link.node)}> ")]

    def _bottom_text(self) -> StyleAndTextTuples:
        """Return the bottom line; while words are offered, how many there are."""
        state, count = self._session.default_buffer.complete_state, self._offered()
        if state is None or count < 2:
            return self._bottom.text()
        at = state.complete_index
        where = f"{count} words" if at is None else f"word {at + 1} of {count}"
        return [("", f" {where}: TAB goes on, Enter takes one, letters narrow them")]

    def _offered(self) -> int:
        """Return how many words the menu offers, 0 without it."""
        state = self._session.default_buffer.complete_state
        return len(state.completions) if state is not None else 0

    def _keys(self) -> KeyBindings:
        from prompt_toolkit import search
        from prompt_toolkit.filters import Condition, completion_is_selected, is_searching
        from prompt_toolkit.key_binding import KeyBindings

        keys = KeyBindings()
        empty = Condition(lambda: not self.typed())
        live = Condition(lambda: self._screen.is_live)
        several = Condition(lambda: self._offered() > 1)

        @keys.add("c-c")
        def _interrupt(event: KeyPressEvent) -> None:
            if is_searching():
                search.stop_search()
            self._interrupt()

        @keys.add("c-d", filter=empty)
        def _end(event: KeyPressEvent) -> None:
            self._leave()

        @keys.add("enter", filter=completion_is_selected & several & ~live)
        def _take(event: KeyPressEvent) -> None:
            # It is in the line already; what was only looked at is not carried out.
            event.current_buffer.complete_state = None

        @keys.add("enter", filter=is_searching)
        def _run_found(event: KeyPressEvent) -> None:
            search.accept_search()
            event.app.current_buffer.validate_and_handle()

        @keys.add("<any>", filter=live)
        @keys.add("enter", filter=live)
        @keys.add("c-d", filter=live)
        def _end_live(event: KeyPressEvent) -> None:
            self._screen.end_live()

        return keys

    def _interrupt(self) -> None:
        """End live text, or the wait for a command, or clear the line (^C)."""
        if self._screen.paging:
            return  # The key was meant for the pager, or for the program that has the screen.
        if self._screen.is_live:
            self._screen.end_live()
        elif not self._commands.interrupt():
            self._echo(f"{self.typed()}^C")
            self._session.default_buffer.reset()

    def _accept(self, buffer: Buffer) -> bool:
        """Queue the line that was typed, or the lines that were pasted, and empty the buffer."""
        lines = [line.strip() for line in split_lines(buffer.text) if line.strip()]
        for line in lines:
            self._commands.put(line)
        if not lines and not self._commands.running:
            self._echo("")
        return False

    def _echo(self, text: str) -> None:
        """Leave a line as it was typed above, and begin a new one."""
        bold, normal = ("\x1b[1m", "\x1b[m") if self._screen.color else ("", "")
        shown = safe(self._link.secrets.hide(text))
        self._screen.reply(f"{bold}{safe(self._link.node)}>{normal} {shown}".rstrip())
        self._screen.flush()

    def _redraw(self) -> None:
        self._session.app.invalidate()

    def _leave(self) -> None:
        """End the shell; what runs in the engine is stopped with the engine."""
        self._screen.end_program()
        app = self._session.app
        if app.is_running and not app.is_done:
            app.exit()

    # Commands

    async def _work(self) -> None:
        """Carry out commands until the session ends."""
        while not self._link.closing:
            await self._commands.run_next()
            self._screen.flush()
            self._redraw()
        self._leave()

    async def _introduce(self) -> None:
        """Show the banner."""
        link = self._link
        overview, page = await link.overview(), self._presenter.page()
        text = banner.text(link.node, overview, link.counts(), page)
        self._screen.reply(text)
        self._screen.flush()

    async def _execute(self, line: str) -> None:
        reply = await self._link.run(line)
        await self._presenter.reply(line, reply)

    def _report(self, line: str, task: asyncio.Task[None]) -> None:
        """Show why there is no reply: the wait was given up, or yext has an error."""
        line = self._link.secrets.hide(line)
        if task.cancelled():
            self._screen.reply(f"{line}: not waited for any more")
        elif (error := task.exception()) is not None:
            self._show_error(f"{line} failed", error)

    def _show_unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Show an error that nothing caught above the line, which goes on."""
        self._show_error(str(context.get("message", "")), context.get("exception"))

    def _show_error(self, what: str, error: BaseException | None) -> None:
        logger.error("%s: %r", what, error, exc_info=error)
        self._screen.stream(safe(f"error in yext: {what}: {error!r}"))

    async def _leave_with_engine(self) -> None:
        await self._link.ended()
        self._leave()
