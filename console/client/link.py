"""The link to an engine behind a remote manager, yext's or Yate's.

Commands, completion and output use one plain connection, the message flow another one
(`console.client.recorder`). The remote engine runs the commands, except for those that only look at
what is on this side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from functools import partial

from console.client.connection import ConnectError, ManagerClient, completions
from console.client.events import event_of
from console.client.hosts import Host, HostError
from console.client.login import LoginError, Password, log_in
from console.client.recorder import RemoteRecorder
from console.commands import TABLE
from console.commands.command import SessionCommand
from console.commands.interpreter import Interpreter, descriptions
from console.link import Counts, Overview, SessionLink, Word, words_of
from console.replies.forms import Commands, Facts, ModuleStatus, Statuses
from console.replies.parse import parse, reply_of
from console.session.session import Session
from yext import Reply
from yext.bus import Bus
from yext.engine.status import RELEASE
from yext.log import Event

FIRST_WAIT = 0.5
"""Seconds before the first attempt to connect again; doubled after each that fails."""

LONGEST_WAIT = 30.0
"""The most seconds between two attempts to connect."""

COMPLETION_SECONDS = 2.0
"""The time that a completion may take."""

LOCAL_COMMANDS = ("flow", "history", "!", "watch", "clear", "source")
"""Session commands that are run on this side."""

_SCRIPTS = "scripts"
"""The parameter in the status of a module that counts its scripts."""

_STATUS_LINES = ("name=", "%%+status", "%%-status")


class RemoteInterpreter(Interpreter):
    """An interpreter that sends most command lines to a remote engine.

    Args:
        session, table: as of `Interpreter`.
        send: runs a command line there.

    Attributes:
        is_yext: True once it is known that the remote engine is a yext, and not a Yate.
    """

    def __init__(
        self,
        session: Session,
        table: Iterable[SessionCommand],
        send: Callable[[str], Awaitable[Reply]],
    ) -> None:
        super().__init__(session, table)
        self.is_yext = False
        self._send = send

    async def run(self, line: str) -> Reply:
        line = line.strip()
        word = "!" if line.startswith("!") else line.partition(" ")[0]
        return await (super().run(line) if word in LOCAL_COMMANDS else self._send(line))

    async def look_up(self, line: str) -> Reply | None:
        # Yate takes a sub-command that it does not know for the name of a script to start.
        return await self._send(line) if self.is_yext else None


class AttachedLink(SessionLink):
    """The link to an engine behind a remote manager.

    Its session is on a bus of its own, without handlers, that holds the log and the record of what
    comes from there.

    Args:
        host: the remote manager.
        password: its password.

    Attributes:
        refused: True once the remote manager has refused a new login, which ends the link.
    """

    def __init__(self, host: Host, password: Password) -> None:
        bus = Bus()
        self._recorder = bus.recorder = RemoteRecorder(
            partial(log_in, host, password), self._notice
        )
        session = Session(bus, f"attach {host.where}", output=True)
        self._interpreter = RemoteInterpreter(session, TABLE, self._send)
        super().__init__(self._interpreter)
        self.refused = False
        self._host = host
        self._password = password
        self._client: ManagerClient | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._node = host.where
        self._version = "?"
        self._script_modules: list[str] = []
        self._running = 0

    # The connection

    async def connect(self) -> None:
        """Connect and log in.

        Raises:
            ConnectError: the manager cannot be reached.
            LoginError: it refuses the password, or there is none to give.
            HostError: a file of the host's cannot be used.
        """
        self._client = await log_in(
            self._host, self._password, self._line_received, self._connection_lost
        )

    async def introduce(self) -> None:
        """Turn the session's output on, and ask which engine this is and what it runs.

        Raises:
            ConnectError: the connection was lost.
        """
        client = self._client
        if client is None:
            return
        await client.command("output on")
        for module in await self._statuses(client, "status engine"):
            head = dict(module.head)
            self._node = str(head.get("nodename", self._node))
            self._version = str(head.get("version", self._version))
        version = parse("version", "\n".join(await client.command("version")))
        release = dict(version.pairs).get("release") if isinstance(version, Facts) else None
        self._interpreter.is_yext = release == RELEASE
        modules = await self._statuses(client, "status overview")
        counted = [module for module in modules if _SCRIPTS in dict(module.params)]
        self._script_modules = [module.name for module in counted]
        self._running = _scripts(counted)

    def _connection_lost(self, reason: str) -> None:
        before, self._client = self._client, None
        if before is None or self.closing:
            return
        self._notice(f"Connection to {self._host.where} lost: {reason}", "connecting again")
        self._start(self._connect_again())

    async def _connect_again(self) -> None:
        wait = FIRST_WAIT
        while not self._ended.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), wait)
                return
            try:
                await self.connect()
                await self.introduce()
            except ConnectError as error:
                wait = min(LONGEST_WAIT, wait * 2)
                self._notice(f"{self._host.where}: {error}", f"next try in {wait:g} s")
            except (LoginError, HostError) as error:
                self.refused = True
                self._notice(f"{self._host.where}: {error}", "not trying again")
                self._ended.set()
            else:
                self._notice(f"Connected to {self._host.where} again")
                self._recorder.resume()
                return

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End both connections, and the tasks that wait for something."""
        self._ended.set()
        self.own.close()
        if self._client is not None:
            self._client.send_last("quit")
            self._client.close()
        await self._recorder.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Events

    def _line_received(self, line: str) -> None:
        event = event_of(line)
        if event is not None:
            self.own.engine.log.emit(event)
        elif line.strip():
            self._notice(line)

    def _notice(self, *lines: str) -> None:
        self.own.engine.log.notice(lines, self.session)

    def wants(self, event: Event) -> bool:
        return True

    # Commands

    async def _send(self, line: str) -> Reply:
        """Run a command line on the remote engine; a lost connection makes a failed reply."""
        if self._client is None:
            text = f"Not connected to {self._host.where}"
            return Reply(False, f"{text}\r\n", {"reason": text, "error": "notconnected"})
        word = line.partition(" ")[0]
        if word in ("quit", "stop", "restart"):
            self.own.closing = word == "quit"
        try:
            reply = reply_of(await self._client.command(line))
        except ConnectError as error:
            if self.own.closing:
                return Reply(True, "Goodbye!\r\n")
            text = f"Connection lost before the answer: {error}"
            hint = "it may have been carried out all the same"
            params = {"reason": text, "error": "notconnected", "hint": hint}
            return Reply(False, f"{text}\r\n", params)
        if self._script_modules and word not in descriptions(TABLE):
            # A command of a module may start and end scripts. Its reply does not wait for the
            # number of them: what is shown next must come after the reply.
            self._start(self._count())
        return reply

    async def _count(self) -> None:
        client = self._client
        if client is None:
            return
        with suppress(ConnectError):
            running = 0
            for name in self._script_modules:
                running += _scripts(await self._statuses(client, f"status overview {name}"))
            self._running = running

    async def _statuses(self, client: ManagerClient, command: str) -> list[ModuleStatus]:
        """Run a ``status`` command; return what it says, nothing if it fails.

        Raises:
            ConnectError: the connection was lost.
        """
        lines = await client.command(command)
        if not reply_of(lines).ok:
            return []
        # Output that comes meanwhile looks like part of the reply.
        for line in lines:
            if not line.startswith(_STATUS_LINES):
                self._line_received(line)
        parsed = parse(command, "\n".join(lines))
        return list(parsed.modules) if isinstance(parsed, Statuses) else []

    async def complete(self, line: str) -> list[Word]:
        line = self.interpreter.innermost(line)
        word, blank, _ = line.partition(" ")
        if blank and word in LOCAL_COMMANDS:
            partline, _, partword = line.rpartition(" ")
            return words_of(self.interpreter.complete_own(partline.strip(), partword))
        client = self._client
        if client is None or self.secrets.holds(line):
            return []
        with suppress(ConnectError, TimeoutError):
            async with asyncio.timeout(COMPLETION_SECONDS):
                if not line.strip():
                    return await self._remote_commands(client)
                found = completions(line, await client.complete(line))
                if blank:
                    return [Word(text) for text in found]
                found += [name for name in LOCAL_COMMANDS if name.startswith(word)]
                described = descriptions(TABLE)
                return [Word(text, described.get(text, "")) for text in dict.fromkeys(found)]
        return []

    async def _remote_commands(self, client: ManagerClient) -> list[Word]:
        """The commands that the remote engine lists, each with the rest of its usage line."""
        listed = parse("help", "\n".join(await client.command("help")))
        if not isinstance(listed, Commands):
            return []
        usages = (usage.partition(" ") for usage in listed.usages)
        return words_of({name: usage.strip() for name, _, usage in usages})

    async def described(self) -> Mapping[str, str]:
        return descriptions(TABLE)

    def usage(self, line: str) -> str:
        name, blank, _ = (self.interpreter.innermost(line) or line).lstrip().partition(" ")
        return self.interpreter.usage(name) if blank else ""

    # State

    @property
    def node(self) -> str:
        return self._node

    @property
    def closing(self) -> bool:
        return self.own.closing or self._ended.is_set()

    async def overview(self) -> Overview:
        return Overview(self._version)

    def counts(self) -> Counts:
        return Counts(self._running)

    def flow(self) -> str:
        state = "attached" if self._client is not None else "not connected"
        return f"{state} to {self._host.where} | {super().flow()}"

    async def ended(self) -> None:
        await self._ended.wait()

    def exit_code(self) -> int:
        return 0


def _scripts(modules: Iterable[ModuleStatus]) -> int:
    """The number of scripts in the status of some modules."""
    counts = (dict(module.params).get(_SCRIPTS) for module in modules)
    return sum(count for count in counts if isinstance(count, int))
