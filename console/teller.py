"""What is shown of replies and events on a screen: which of them, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yext import Reply
from yext.log import Event, safe

if TYPE_CHECKING:
    from console.link import Link
    from console.screen import Screen


class Teller:
    """Shows replies and events of a link on a screen.

    Args:
        plain: whether replies are shown in Yate's own words.
    """

    def __init__(self, link: Link, screen: Screen, *, plain: bool) -> None:
        self._link = link
        self._screen = screen
        self._plain = plain

    async def reply(self, command: str, reply: Reply) -> None:
        """Shows what became of a command."""
        from console import render

        screen = self._screen
        if self._plain:
            screen.reply(render.plain(reply))
            return
        screen.reply(render.render(reply, command, screen.width, screen.color, screen.unicode))

    def tell(self, event: Event) -> None:
        """Shows an event, if it is for this session."""
        screen = self._screen
        if event.kind == "notice":
            if event.session in ("", self._link.session):
                from console import render

                screen.show(render.notice(event.lines, screen.width, screen.color, screen.unicode))
        elif self._link.wants(event):
            screen.stream(safe(event.line(), keep="\t"))
