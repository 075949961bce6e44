"""Replies and events as they are shown on a screen."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from yext import Reply
from yext.console.commands.lines import pipeline
from yext.log import Event, EventKind, safe

if TYPE_CHECKING:
    from yext.console.link import Link
    from yext.console.replies.draw import Page
    from yext.console.shell.screen import Screen

_HOLD_SECONDS = 0.2
"""How long a line of a script's standard error is held back: if the script ends because of
that error, the notice about its end has the line."""


_NOTICES_MAX = 100
"""Notices that are remembered until the next reply."""

_NEWEST_LAST = ("events", "logview", "external log", "flow last", "history")
"""Commands that show the newest at the end."""


def _newest_last(command: str) -> bool:
    return f"{' '.join(command.split())} ".startswith(tuple(f"{one} " for one in _NEWEST_LAST))


class Presenter:
    """Shows replies and events of a link on a screen.

    Args:
        plain: whether replies are shown in Yate's own words.
    """

    def __init__(self, link: Link, screen: Screen, *, plain: bool) -> None:
        self._link = link
        self._screen = screen
        self._plain = plain
        self._held: list[Event] = []
        self._holding: asyncio.TimerHandle | None = None
        self._noticed: deque[str] = deque(maxlen=_NOTICES_MAX)

    async def reply(self, command: str, reply: Reply) -> None:
        """Show the reply to a command."""
        from yext.console.replies import render

        if not reply.ok:
            self._screen.ring()
        if self._plain:
            await self._screen.page(render.plain(reply))
            return
        # Handlers on the bus are asked for it, so only if it is needed.
        described = await self._link.described() if command.strip() in render.HELP else {}
        reply = self._without_noticed(reply)
        text = await render.draw(reply, command, self.page(), self._link.look_up, described)
        await self._screen.page(text, always=pipeline.pages(command), at_end=_newest_last(command))

    def _without_noticed(self, reply: Reply) -> Reply:
        """Shorten the lines of a reply that repeat a notice which has just been shown."""
        noticed = set(self._noticed)
        self._noticed.clear()
        if noticed.isdisjoint(reply.text.splitlines()):
            return reply
        lines = (
            f"{line.partition(':')[0]}: see above" if line in noticed else line
            for line in reply.text.splitlines()
        )
        return reply._replace(text="".join(f"{line}\r\n" for line in lines))

    def page(self) -> Page:
        """Return the page that replies are drawn on, by the terminal's size now."""
        from yext.console.replies.draw import Page

        return Page(self._screen.width, self._screen.color, self._screen.unicode)

    def event(self, event: Event) -> None:
        """Show an event, if this session wants it."""
        if event.kind is EventKind.NOTICE:
            if event.is_for(self._link.session):
                self._notice(event)
        elif not self._link.wants(event):
            return
        elif event.kind is EventKind.STDERR:
            self._held.append(event)
            if self._holding is None:
                loop = asyncio.get_running_loop()
                self._holding = loop.call_later(_HOLD_SECONDS, self._show_held)
        else:
            self._stream(event)

    def _notice(self, event: Event) -> None:
        from yext.console.replies import render

        # Lines of standard error that the notice has, or its kind had, are not shown twice.
        repeated = render.is_repeat(event.lines)
        self._held = [
            held
            for held in self._held
            if safe(held.text, keep="\t") not in event.lines
            and not (repeated and event.text.startswith(f"{held.source.partition('[')[0]} "))
        ]
        self._noticed.append("; ".join(event.lines))
        self._screen.show(render.notice(event.lines, self.page()))

    def _show_held(self) -> None:
        held, self._held, self._holding = self._held, [], None
        for event in held:
            self._stream(event)

    def _stream(self, event: Event) -> None:
        from yext.console.replies.draw import folded

        self._screen.stream(folded(safe(event.line(), keep="\t"), self.page()))

    def close(self) -> None:
        """Show what is held back."""
        if self._holding is not None:
            self._holding.cancel()
        self._show_held()
