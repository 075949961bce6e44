"""The bottom line: a hint for the command being typed, or the state of the engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from yext.log import safe

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from yext.console.link import Link
    from yext.console.shell.commandqueue import CommandQueue
    from yext.console.shell.screen import Screen


class BottomLine:
    """The text of the bottom line, with the rate of messages.

    Args:
        typed: returns the line as far as it was typed.
    """

    def __init__(
        self, link: Link, screen: Screen, commands: CommandQueue, typed: Callable[[], str]
    ) -> None:
        self._link = link
        self._screen = screen
        self._commands = commands
        self._typed = typed
        self._rate = 0

    def text(self) -> StyleAndTextTuples:
        """Return the usage of the command being typed, else what runs, failed and flows."""
        link = self._link
        hint = link.usage(self._typed())
        if hint:
            return [("", f" {safe(hint)}"[: self._screen.width])]
        counts = link.counts()
        left_out = f", {self._screen.left_out:,} lines left out" if self._screen.left_out else ""
        others = f" + {counts.others()}" if counts.nodes is not None else ""
        running, *bad = counts.programs()
        between = ", " if counts.silent else " "  # Two numbers need no more than their colours.
        return [
            ("", f" {safe(link.node)}{others} | {running}"),
            ("class:failed", "".join(f"{between}{one}" for one in bad)),
            ("", f" | {self._rate} msg/s | {safe(link.flow())}{left_out}{self._slow_command()}"),
        ]

    def _slow_command(self) -> str:
        commands = self._commands
        if not commands.is_slow:
            return ""
        running = safe(self._link.secrets.hide(commands.running))
        if self._screen.is_live:
            return f" | {running}: any key ends it"
        more = f", {commands.waiting} more wait" if commands.waiting else ""
        return f" | {running}{more}: ^C stops waiting"

    async def measure(self, redraw: Callable[[], None]) -> None:
        """Count messages a second until cancelled; call `redraw` when the text has changed."""
        shown = self.text()
        before, then = self._link.counts().messages, time.time()
        while True:
            await asyncio.sleep(1.0)
            after, now = self._link.counts().messages, time.time()
            # The engine's own timer, one at each full second, does not count.
            self._rate = max(0, after - before - (int(now) - int(then)))
            before, then = after, now
            if shown != (shown := self.text()) and not self._screen.output.busy:
                redraw()
