"""A command repeated on a live view, with what has changed since the last time marked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from yext import Reply
from yext.console.replies.draw import Page
from yext.console.replies.render import draw

if TYPE_CHECKING:
    from yext.console.commands.interpreter import Interpreter
    from yext.console.session.view import View

_COLORS = re.compile(r"\x1b\[[\d;]*m")


class Watch:
    """Draws the reply to a command again and again, with the changed lines marked.

    Args:
        interpreter: runs the command.
        view: where the reply is shown.
        command: the command line.

    Attributes:
        last: the newest reply.
    """

    def __init__(self, interpreter: Interpreter, view: View, command: str) -> None:
        self._interpreter = interpreter
        self._view = view
        self._command = command
        self._before: list[str] = []
        self.last = Reply(True)

    async def draw(self, width: int, height: int) -> str:
        """Run the command and return its reply, with a ``*`` before each line that has changed."""
        self.last = await self._interpreter.run(self._command)
        page = Page(width - 2, self._view.color, self._view.unicode)
        text = await draw(self.last, self._command, page, self._interpreter.look_up)
        lines = text.splitlines()
        bare = [_COLORS.sub("", line) for line in lines]
        before, self._before = self._before, bare
        drawn = [
            _marked(line, self._view.color)
            if before and before[at : at + 1] != bare[at : at + 1]
            else f"  {line}"
            for at, line in enumerate(lines)
        ]
        if len(drawn) > height:
            left = len(drawn) - height + 1
            drawn[height - 1 :] = [f"  ({left} more lines)"]
        return "\n".join(drawn)


def _marked(line: str, color: bool) -> str:
    return f"\x1b[1m* {line}\x1b[m" if color else f"* {line}"
