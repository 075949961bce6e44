"""A command repeated on a live view, with what has changed since the last time marked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from console.draw import Page
from console.render import render, whole
from yext import Reply

if TYPE_CHECKING:
    from console.session import Session
    from console.view import View

_COLORS = re.compile(r"\x1b\[[\d;]*m")


class Watching:
    """What `watch` draws.

    Attributes:
        last: the newest reply.
    """

    def __init__(self, session: Session, view: View, command: str) -> None:
        self._session = session
        self._view = view
        self._command = command
        self._before: list[str] = []
        self.last = Reply(True)

    async def draw(self, width: int, height: int) -> str:
        """The reply as it is now; a ``*`` stands before each line that has changed."""
        self.last = await self._session.run(self._command)
        page = Page(width - 2, self._view.color, self._view.unicode)
        reply, command = await whole(self.last, self._command, self._session.run)
        lines = render(reply, command, page).splitlines()
        bare = [_COLORS.sub("", line) for line in lines]
        before, self._before = self._before, bare
        shown = [
            _marked(line, self._view.color)
            if before and before[at : at + 1] != bare[at : at + 1]
            else f"  {line}"
            for at, line in enumerate(lines)
        ]
        if len(shown) > height:
            left = len(shown) - height + 1
            shown[height - 1 :] = [f"  ({left} more lines)"]
        return "\n".join(shown)


def _marked(line: str, color: bool) -> str:
    return f"\x1b[1m* {line}\x1b[m" if color else f"* {line}"
