"""The shell without line editing: commands from standard input, plain text to standard output.

Not one escape byte is written.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from collections.abc import Iterable

from yext.console.link import Link
from yext.console.replies import render
from yext.console.replies.draw import Page
from yext.console.replies.reply import framed_notice, framed_reply
from yext.console.session.view import PlainView
from yext.console.shell import banner
from yext.console.shell.stdin import LineReader
from yext.console.shell.terminal import Capabilities
from yext.log import Event, EventKind, safe


class DumbShell:
    """The shell on one link, without a terminal or on a dumb one."""

    def __init__(self, link: Link, capabilities: Capabilities) -> None:
        self._link = link
        columns = shutil.get_terminal_size().columns
        self._page = Page(columns, color=False, unicode=capabilities.unicode)
        self._prompt = f"{safe(link.node)}> " if sys.stdin.isatty() else ""
        link.show_on(PlainView(sys.stdout, unicode=capabilities.unicode), ())

    async def run(self) -> int:
        """Run until the input, the session or the engine ends; return the exit code."""
        loop = asyncio.get_running_loop()
        overview = await self._link.overview()
        self._write(banner.text(self._link.node, overview, self._link.counts(), self._page))
        unsubscribe = self._link.subscribe(self._show)
        work = loop.create_task(self._work())
        ended = loop.create_task(self._link.ended())
        loop.add_signal_handler(signal.SIGINT, work.cancel)
        try:
            await asyncio.wait({work, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            for task in (work, ended):
                task.cancel()
            results = await asyncio.gather(work, ended, return_exceptions=True)
            unsubscribe()
        for result in results:
            if isinstance(result, Exception):
                raise result
        return self._link.exit_code()

    async def _work(self) -> None:
        reader = LineReader(sys.stdin.fileno())
        while not self._link.closing:
            self._write(self._prompt)
            line = await reader.readline()
            if line is None:
                return
            if line.strip():
                reply = await self._link.run(line)
                text = render.plain(reply)
                if not self._link.frame:
                    self._write(text)
                if not self._link.closing:
                    await self._link.settle()
                if self._link.frame:
                    # What a start has led to is in notices that come with its reply.
                    self._write(framed_reply(self._link.frame, text, ok=reply.ok))

    def _show(self, event: Event) -> None:
        if event.kind is EventKind.NOTICE:
            if event.is_for(self._link.session):
                self._write(framed_notice(self._link.frame, _shown(event.lines)))
        elif self._link.wants(event):
            self._write(_shown((event.line(),)))

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def _shown(lines: Iterable[str]) -> str:
    return "".join(safe(line, keep="\t") + "\n" for line in lines)
