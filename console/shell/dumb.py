"""The shell where no line can be edited: commands a line each from standard input, plain text
to standard output, not one escape byte."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys

from console.link import Link
from console.replies import render
from console.replies.draw import Page
from console.session.view import PlainView
from console.shell import banner
from console.shell.stdin import Lines
from console.shell.terminal import Abilities
from yext.log import Event, safe


class DumbShell:
    """The shell on one link, without a terminal or on a dumb one."""

    def __init__(self, link: Link, able: Abilities) -> None:
        self._link = link
        columns = shutil.get_terminal_size().columns
        self._page = Page(columns, color=False, unicode=able.unicode)
        self._prompt = f"{link.node}> " if sys.stdin.isatty() else ""
        link.show_on(PlainView(sys.stdout, unicode=able.unicode), ())

    async def run(self) -> int:
        """Runs until its input ends, ``quit``, or the engine's end; returns the exit code."""
        loop = asyncio.get_running_loop()
        overview = await self._link.overview()
        self._write(banner.text(self._link.node, overview, self._link.counts(), self._page))
        unsubscribe = self._link.subscribe(self._tell)
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
        lines = Lines(sys.stdin.fileno())
        while not self._link.closing:
            self._write(self._prompt)
            line = await lines.next()
            if line is None:
                return
            if line.strip():
                reply = await self._link.run(line)
                self._write(render.plain(reply))

    def _tell(self, event: Event) -> None:
        if event.kind == "notice":
            if event.session in ("", self._link.session):
                self._say("\n".join(safe(line, keep="\t") for line in event.lines))
        elif self._link.wants(event):
            self._say(safe(event.line(), keep="\t"))

    def _say(self, text: str) -> None:
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
