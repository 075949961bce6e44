"""The change from the plain conversation to the shell, once the client has a terminal."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from yext.console.session.authority import Authority
from yext.console.telnet import ECHO, ERASE_LINE, Negotiation

if TYPE_CHECKING:
    from yext.console.server.conversation import Conversation
    from yext.console.server.telnetshell import TelnetShell
    from yext.console.server.writer import Writer
    from yext.console.session.session import Session


class ShellUpgrade:
    """Replaces the plain conversation by the shell once the client has negotiated a terminal.

    A guest stays in the plain conversation: the shell takes a thousand times the work for a key.

    Args:
        limit_reading: called when more may be read.
        begun: called when the shell has begun.
        ended: called when the shell has ended.
    """

    def __init__(
        self,
        session: Session,
        conversation: Conversation,
        writer: Writer,
        *,
        limit_reading: Callable[[], None],
        begun: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        self._session = session
        self._conversation = conversation
        self._writer = writer
        self._limit_reading = limit_reading
        self._begun = begun
        self._ended = ended
        self._shell: TelnetShell | None = None
        self._starting: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._asked_to_log_in = False

    @property
    def done(self) -> bool:
        """Whether the shell has begun."""
        return self._shell is not None

    def negotiated(self, telnet: Negotiation) -> None:
        """Resize the shell, or start it if the client has agreed to all that it needs.

        Called after each command, too: it may have been `auth`.
        """
        self._idle.set()
        if self._shell is not None:
            self._shell.resize(telnet.columns, telnet.rows)
            return
        if not telnet.ours.in_force(ECHO) or not telnet.columns:
            return
        self._writer.write_bytes(telnet.ask_terminal())
        if telnet.terminal is None and not telnet.no_terminal:
            return
        if self._session.authority is Authority.GUEST:
            self._ask_to_log_in()
        elif self._starting is None:
            starting = self._start(telnet, telnet.terminal or "vt100")
            self._starting = asyncio.get_running_loop().create_task(starting)

    async def _start(self, telnet: Negotiation, term: str) -> None:
        """Start the shell, unless the terminal `term` is too dumb for it."""
        # The first import takes a quarter of a second, which must not stop the others.
        await asyncio.to_thread(importlib.import_module, "yext.console.server.telnetshell")
        from yext.console.server.telnetshell import TelnetShell, capabilities_of

        if not capabilities_of(term).editing:
            return
        while self._conversation.running:
            # It ends in the plain conversation, where it was begun.
            self._idle.clear()
            await self._idle.wait()
        if self._writer.closed or self._session.closing:
            return
        shell = TelnetShell(
            self._session,
            self._writer,
            term,
            longest=self._conversation.longest,
            limit_reading=self._limit_reading,
            ended=self._ended,
        )
        self._writer.write(ERASE_LINE)
        self._shell = shell
        self._conversation.left = True
        shell.start(telnet.columns, telnet.rows)
        self._begun()

    def _ask_to_log_in(self) -> None:
        if not self._asked_to_log_in:
            self._asked_to_log_in = True
            self._conversation.show_line("Not authenticated: auth PASSWORD lets you in.")

    @property
    def full(self) -> bool:
        """Whether so much waits to be typed at the shell that no more should be read."""
        return self._shell is not None and self._shell.full

    def feed(self, text: str) -> None:
        """Pass on what was typed at the terminal."""
        if self._shell is not None:
            self._shell.feed(text)

    def drained(self) -> None:
        """Let the shell go on writing."""
        if self._shell is not None:
            self._shell.drained()

    def leave(self) -> None:
        """End the shell."""
        if self._shell is not None:
            self._shell.leave()

    async def wait(self) -> None:
        """Wait until nothing of a shell runs any more that was left."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        if self._shell is not None:
            await self._shell.wait()
