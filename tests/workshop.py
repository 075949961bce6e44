"""An engine in this process, with scripts in a temporary folder, for tests."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from yext import Engine, Message, Reply, log
from yext.extmodule.module import ExtModule
from yext.extmodule.script.script import Script
from yext.log import Event, logger

TIMEOUT = 20.0
"""Timeout, in seconds, for things that should happen at once."""

SHELL = "#!/bin/sh\n"

CANARY = """echo '%%>setlocal:timeout:10000'
echo '%%>install:50:canary'
echo '%%>output:the canary sings'
while IFS=: read -r head id rest; do
    case $head in '%%>message') echo "%%<message:$id:true::" ;; esac
done
"""
"""A script that handles the message ``canary``."""

IDLE = "while read -r line; do :; done\n"
"""A script that does nothing until its input ends."""


class Workshop:
    """The folder, with ``conf/`` and ``scripts/``, and the engine once it has started.

    Attributes:
        events: all events that the engine has logged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Event] = []
        self._waiters: list[tuple[str, str, asyncio.Future[Event]]] = []
        (folder / "conf").mkdir()
        (folder / "scripts").mkdir()
        self.configure()

    def script(self, name: str, body: str, head: str = SHELL) -> Path:
        """Write an executable script."""
        path = self.folder / "scripts" / name
        path.write_text(head + body)
        path.chmod(0o755)
        return path

    def configure(self, general: str = "", rest: str = "") -> None:
        """Write extmodule.conf: lines of ``[general]``, then `rest`."""
        text = f"[general]\nscripts_dir={self.folder}/scripts/\n{general}\n{rest}\n"
        (self.folder / "conf" / "extmodule.conf").write_text(text)

    @asynccontextmanager
    async def running(self, *, quiet: bool = False) -> AsyncIterator["Workshop"]:
        """Start and stop the engine; the events of a `quiet` one are not kept."""
        self.engine = Engine(self.folder / "conf", node="workshop")
        if quiet:
            self.engine.log.level = log.WARN
        else:
            self.engine.log.subscribe(self._record)
        # pytest would keep every line of the log in memory.
        logger.propagate = False
        try:
            async with self.engine:
                yield self
        finally:
            logger.propagate = True

    @property
    def module(self) -> ExtModule:
        module = self.engine.modules["extmodule"]
        assert isinstance(module, ExtModule)
        return module

    def of(self, name: str, parameter: str | None = None) -> Script:
        """Find the script of that name, and parameter if given: a running one, or the last."""
        script = self.module.supervisor.find_script(name, parameter)
        assert script is not None
        return script

    async def do(self, line: str) -> Reply:
        """Run a command."""
        return await asyncio.wait_for(self.engine.command(line), TIMEOUT)

    async def start(self, line: str) -> Script:
        """Start a script; the start must succeed."""
        reply = await self.do(f"external start {line}")
        assert reply.ok, reply
        name, _, parameter = line.partition(" ")
        return self.of(name, parameter)

    async def start_canary(self) -> Script:
        """Start the canary script and wait until it answers."""
        script = await self.start("canary.sh")
        await self.event("^the canary sings$")
        return script

    async def send(self, name: str, **params: str) -> tuple[bool, Message]:
        """Dispatch a message; return whether it was handled, and the message."""
        message = Message(name, params)
        return await asyncio.wait_for(self.engine.dispatch(message), TIMEOUT), message

    # Events

    def clear_events(self) -> None:
        """Clear the events, here and in the engine."""
        self.events.clear()
        self.engine.log.captured.clear()

    def _record(self, event: Event) -> None:
        self.events.append(event)
        for waiter in list(self._waiters):
            pattern, kind, found = waiter
            if not found.done() and _fits(event, pattern, kind):
                found.set_result(event)
                self._waiters.remove(waiter)

    def find_events(self, pattern: str, kind: str = "") -> list[Event]:
        """List the events so far that match the pattern."""
        return [event for event in self.events if _fits(event, pattern, kind)]

    async def event(self, pattern: str, kind: str = "") -> Event:
        """Wait for an event that matches, unless there is one already."""
        before = self.find_events(pattern, kind)
        if before:
            return before[0]
        return await self.next_event(pattern, kind)

    async def next_event(self, pattern: str, kind: str = "") -> Event:
        """Wait for the next event that matches."""
        found: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._waiters.append((pattern, kind, found))
        try:
            return await asyncio.wait_for(found, TIMEOUT)
        except TimeoutError:
            last = "\n".join(event.line()[:200] for event in self.events[-40:])
            raise AssertionError(f"no event matches {pattern!r}; the last ones:\n{last}") from None


def _fits(event: Event, pattern: str, kind: str) -> bool:
    return kind in ("", event.kind) and re.search(pattern, event.line()) is not None


async def gone(pid: int) -> None:
    """Wait until a process is dead."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(pidfd, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), TIMEOUT)
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)


def alive(pid: int) -> bool:
    """True if a process runs; a zombie does not count."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"
