"""The link to an engine behind a remote manager, yext's or Yate's.

A yext is spoken to by an interface of its own (`console.client.structured`), anything else by the
plain conversation (`console.client.plain`). The remote engine runs the commands, except for those
that only look at what is on this side.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from yext import Message, Reply
from yext.bus import Bus
from yext.console.client.bus import BusPeer
from yext.console.client.connection import ConnectError, LineError, ManagerClient
from yext.console.client.engine import RemoteEngine
from yext.console.client.events import event_of
from yext.console.client.hosts import Host, HostError
from yext.console.client.login import LoginError, Password, log_in
from yext.console.client.messagetop import TOP
from yext.console.client.outcome import Outcome
from yext.console.client.plain import LOADING, LOCAL_COMMANDS, SILENT, UNLOADING, PlainEngine
from yext.console.client.recorder import RemoteRecorder
from yext.console.client.structured import StructuredEngine
from yext.console.commands import TABLE
from yext.console.commands.command import SessionCommand
from yext.console.commands.interpreter import Interpreter
from yext.console.commands.lines import pipeline
from yext.console.link import Counts, Overview, SessionLink, Word
from yext.console.replies.reply import failed
from yext.console.session.session import Session
from yext.dispatcher import Handler
from yext.engine.status import RELEASE
from yext.log import Event, EventKind, Throttle, safe

FIRST_WAIT = 0.5
"""Seconds before the first attempt to connect again; doubled after each that fails."""

LONGEST_WAIT = 30.0
"""The most seconds between two attempts to connect."""

COMPLETION_SECONDS = 2.0
"""The time that a completion may take."""

_LINES_A_SECOND = 200
"""Lines that nobody asked for; what comes beyond them is left out, and counted."""

_OFFERED_MAX = 10_000
"""Completions that are remembered until the next line is given."""

_COMMANDS = [TOP if row.name == TOP.name else row for row in TABLE]
"""The session commands; ``top`` is that of a Yate, as a yext draws its own."""

_WITH_FILES = {"source": ("",), "transcript": ("",), "flow": ("save", "load")}
"""The commands that read or write files of this host, and their verbs."""


class RemoteInterpreter(Interpreter):
    """An interpreter that sends most command lines to a remote engine.

    Args:
        session, table: as of `Interpreter`.
        is_local: returns whether a command line is carried out on this side.
        send: runs a command line there.
        look_up: as `Interpreter.look_up`.
    """

    def __init__(
        self,
        session: Session,
        table: Iterable[SessionCommand],
        *,
        is_local: Callable[[str], bool],
        send: Callable[[str], Awaitable[Reply]],
        look_up: Callable[[str], Awaitable[Reply | None]],
    ) -> None:
        super().__init__(session, table)
        self._is_local = is_local
        self._send = send
        self._look_up = look_up

    async def run(self, line: str) -> Reply:
        line = line.strip()
        if not line:
            return Reply(True)
        if self.pipelines(line):
            return await super().run(line)
        if line.partition(" ")[0] == "alias" and not self._is_local(line):
            # It is carried out there; here it says what holds a password.
            await super().run(line)
        return await (super().run(line) if self._is_local(line) else self._send(line))

    async def look_up(self, line: str) -> Reply | None:
        return await self._look_up(line)


class Beside(NamedTuple):
    """What is used beside the remote manager of a Yate.

    Attributes:
        log: the path of its log on this host, empty for none.
        bus: the listener of role global that the console takes part through: ``HOST:PORT``, or the
            path of a UNIX socket; empty for none.
    """

    log: str = ""
    bus: str = ""


NOTHING_BESIDE = Beside()


class AttachedLink(SessionLink):
    """The link to an engine behind a remote manager.

    Its session is on a bus of its own, without handlers, that holds the log and the record of what
    comes from there.

    Args:
        host: the remote manager.
        password: its password.
        beside: what is used beside the remote manager.

    Attributes:
        refused: True once the remote manager has refused a new login, which ends the link.
        settling: how a batch waits for the programs that it starts: the longest wait in seconds,
            and whether those of the configuration count; None for no batch.
        failed: True if a program of the batch has ended badly, as far as that is known.
    """

    def __init__(self, host: Host, password: Password, beside: Beside = NOTHING_BESIDE) -> None:
        bus = Bus()
        self._recorder = bus.recorder = RemoteRecorder(
            partial(log_in, host, password), self._notice
        )
        session = Session(bus, f"attach {host.where}", output=True)
        super().__init__(
            RemoteInterpreter(
                session, _COMMANDS, is_local=self._is_local, send=self._send, look_up=self._look_up
            )
        )
        self.refused = self.failed = False
        self.settling: tuple[float, bool] | None = None
        self._host = host
        self._password = password
        self._client: ManagerClient | None = None
        self._beside = beside
        self._outcome: Outcome | None = None
        self._bus: BusPeer | None = None
        self._engine: RemoteEngine | None = None
        self._output = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._throttle = Throttle(self._left_out)
        self._forwarding: Handler | None = None
        self._counting = False
        self._node = host.where
        self._counts = Counts()
        self._offered: set[str] = set()
        self._asked = ""

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

    async def introduce(self, *, output: bool = True) -> None:
        """Ask which engine this is and what it runs, and agree with it on how to speak.

        Args:
            output: whether the engine's output is wanted.

        Raises:
            ConnectError: the connection was lost.
        """
        client = self._client
        if client is None:
            raise ConnectError("not connected")
        self._output = output
        self._recorder.own = (client.address(), self.session)
        plain = PlainEngine(client, self.interpreter, self._line_received, self._host.where)
        await plain.introduce(RELEASE)
        structured = None
        if plain.is_yext:
            structured = await StructuredEngine.agreed(
                client,
                plain,
                self.interpreter,
                event=self._event,
                show=self._show,
                recorder=self._recorder,
            )
        if client.lost.done():
            raise ConnectError(client.lost.result())
        self._engine = structured or plain
        self._recorder.take_from(structured.follow if structured is not None else None)
        self._recorder.fetch = structured.fetch if structured is not None else None
        self._outcome = Outcome(plain, self._beside.log) if not plain.is_yext else None
        if output or self._outcome is not None:
            # A Yate reports in its output which scripts end.
            await self._engine.show_output()
        self._node = self._engine.node
        if self._outcome is not None and self._beside.bus:
            await self._join_bus(plain)

    async def _join_bus(self, yate: PlainEngine) -> None:
        """Take part in the bus of a Yate, or say why not."""
        if self._bus is not None:
            self._bus.close()
            self._bus = None
        peer = BusPeer(self._beside.bus, self._bus_lost)
        try:
            await peer.connect()
        except ConnectError as error:
            self._notice(f"The bus at {self._beside.bus} cannot be used: {error}")
            return
        self._bus = peer
        yate.handlers = await yate.handled_names()
        bus = self.own.engine
        if self._forwarding is None:
            # The messages of the command `message` go on to the Yate, whose answer they get.
            self._forwarding = bus.install("", partial(self._forward), track=self.node)
        self._recorder.take_from(partial(self._measure, yate))

    async def _forward(self, message: Message) -> bool:
        if self._bus is None:
            raise ConnectError(f"not connected to the bus at {self._beside.bus}")
        return await self._bus.dispatch(message)

    def _measure(self, yate: PlainEngine, on: bool) -> None:
        """Have the messages of the bus measured that somebody follows, or no longer."""
        if self._bus is None:
            return
        with suppress(ConnectError):
            if on:
                wanted = [name for name in yate.handlers if self._recorder.wants(name)]
                self._bus.measure(wanted, self._recorder.measured)
            else:
                self._bus.stop_measuring()

    def _bus_lost(self, reason: str) -> None:
        self._bus = None
        if not self.closing:
            self._notice(f"Connection to the bus at {self._beside.bus} lost: {safe(reason)}")

    def _connection_lost(self, reason: str) -> None:
        before, self._client, self._engine = self._engine, None, None
        if before is None or self.closing:
            return  # Whoever waits for the introduction is told.
        self._notice(f"Connection to {self._host.where} lost: {safe(reason)}", "connecting again")
        self._start(self._connect_again(time.time(), before))

    async def _connect_again(self, lost: float, before: RemoteEngine) -> None:
        """Connect again, later and later.

        Args:
            lost: when the connection was lost, in seconds since 1970.
            before: the engine as it was spoken to before.
        """
        wait = FIRST_WAIT
        while not self._ended.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), wait)
                return
            try:
                await self.connect()
                await self.introduce(output=self._output)
            except ConnectError as error:
                self._drop()
                wait = min(LONGEST_WAIT, wait * 2)
                self._notice(f"{self._host.where}: {error}", f"next try in {wait:g} s")
            except (LoginError, HostError) as error:
                self.refused = True
                self._notice(f"{self._host.where}: {error}", "not trying again")
                self._ended.set()
            else:
                await self._resume(lost, before)
                return

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def _resume(self, lost: float, before: RemoteEngine) -> None:
        """Report what was missed, and go on with what was followed."""
        engine = self._engine
        missed = f"not seen: {time.time() - lost:.0f} s"
        if engine is not None:
            with suppress(ConnectError):
                missed = await engine.resume(lost, before) or missed
        self._notice(f"Connected to {self._host.where} again", missed)
        self._recorder.resume()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End both connections, and the tasks that wait for something."""
        self._ended.set()
        self.own.close()
        if self._client is not None:
            if self._engine is not None:
                self._engine.leave()
            self._client.close()
        if self._bus is not None:
            self._bus.close()
        await self._recorder.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Events

    def _line_received(self, line: str) -> None:
        """Show a line of a plain conversation that belongs to no reply."""
        if not line.strip() or not self._throttle.passes(_LINES_A_SECOND):
            return
        event = event_of(line)
        if event is None:
            self._notice(line)
            return
        self.own.engine.log.emit(event)
        if event.kind is EventKind.OUTPUT and event.text.startswith((LOADING, UNLOADING)):
            if isinstance(self._engine, PlainEngine):
                self._engine.heard(event.text)
            self._count_soon()
        elif SILENT in line:
            self._count_soon()

    def _event(self, event: Event) -> None:
        """Show an event that a yext has sent."""
        if self._throttle.passes(_LINES_A_SECOND):
            self.own.engine.log.emit(event)

    def _show(self, text: str) -> None:
        """Show lines of the message flow, in colour where the view has it."""
        view = self.own.view
        if view is not None and self._throttle.passes(_LINES_A_SECOND):
            view.show(text)

    def _left_out(self, lines: int) -> None:
        self._notice(f"{lines:,} lines of {self._node} left out")

    def _notice(self, *lines: str) -> None:
        self.own.engine.log.notice(lines, self.session)

    def wants(self, event: Event) -> bool:
        return True

    # Commands

    def _is_local(self, line: str) -> bool:
        if self._engine is not None:
            return self._engine.is_local(line)
        word = "!" if line.startswith("!") else line.partition(" ")[0]
        return word in LOCAL_COMMANDS

    async def run(self, line: str) -> Reply:
        line = line.strip()
        if self._names_file(line) and self._was_offered(line) and line != self._asked:
            self._asked = line
            return failed(
                f"{self._node} has completed this line, which names a file of this host",
                "give the line again to carry it out",
            )
        self._asked = ""
        self._offered.clear()
        if self._engine is not None and self._is_local(line):
            try:
                await self._engine.prepare(self.interpreter.innermost(line))
            except ConnectError as error:
                return _not_connected(f"Connection lost: {error}")
        return await super().run(line)

    def _names_file(self, line: str) -> bool:
        """Whether a line reads or writes a file of this host, by any of its commands."""
        return pipeline.writes(line) or any(
            self._command_names_file(one.command) for one in pipeline.parse(line)
        )

    def _command_names_file(self, command: str) -> bool:
        word, _, rest = self.interpreter.innermost(command).partition(" ")
        return rest.strip().startswith(_WITH_FILES.get(word, ("\n",)))

    def _was_offered(self, line: str) -> bool:
        words = line.split()
        return any(one in words or (" " in one and one in line) for one in self._offered)

    async def _send(self, line: str) -> Reply:
        """Run a command line on the remote engine; a lost connection makes a failed reply."""
        engine = self._engine
        if engine is None:
            return _not_connected(f"Not connected to {self._host.where}")
        word = line.partition(" ")[0]
        if word in ("quit", "stop", "restart"):
            self.own.closing = word == "quit"
        try:
            reply = await (self._outcome or engine).run(line)
        except ConnectError as error:
            if self.own.closing:
                return Reply(True, "Goodbye!\r\n")
            hint = "it may have been carried out all the same"
            return _not_connected(f"Connection lost before the answer: {error}", hint)
        except LineError as error:
            return failed(f"{self.secrets.hide(line.partition(' ')[0])}: {error}")
        if isinstance(engine, PlainEngine) and (
            engine.counts().silent or engine.changes_scripts(line)
        ):
            # Its reply does not wait for the number of scripts: what is shown next must come
            # after the reply.
            self._count_soon()
        return reply

    def _count_soon(self) -> None:
        if not self._counting:
            self._counting = True
            self._start(self._count())

    async def _count(self) -> None:
        self._counting = False
        if isinstance(self._engine, PlainEngine):
            with suppress(ConnectError):
                await self._engine.count()

    async def _look_up(self, line: str) -> Reply | None:
        if self._engine is None:
            return None
        with suppress(ConnectError, LineError):
            return await self._engine.look_up(line)
        return None

    async def complete(self, line: str) -> list[Word]:
        engine = self._engine
        if engine is None or self.secrets.holds(line):
            return []
        with suppress(ConnectError, LineError, TimeoutError):
            async with asyncio.timeout(COMPLETION_SECONDS):
                found = await engine.complete(line)
            own = self.interpreter.complete_own(*self.interpreter.split(line))
            if len(self._offered) < _OFFERED_MAX:
                self._offered.update(word.text.strip() for word in found if word.text not in own)
            return found
        return []

    async def described(self) -> Mapping[str, str]:
        if self._engine is None:
            return {}
        with suppress(ConnectError):
            return await self._engine.described()
        return {}

    def usage(self, line: str) -> str:
        return self._engine.usage(line) if self._engine is not None else ""

    async def settle(self) -> None:
        if self.settling is not None and self._engine is not None:
            with suppress(ConnectError, LineError):
                self.failed = await self._engine.settle(*self.settling)

    # State

    @property
    def node(self) -> str:
        return self._node

    @property
    def closing(self) -> bool:
        return self.own.closing or self._ended.is_set()

    async def overview(self) -> Overview:
        if self._engine is None:
            return Overview("?", product="?")
        overview = Overview(self._engine.version, product=self._engine.product)
        # The shell begins with it, and must begin.
        with suppress(ConnectError, LineError, TimeoutError):
            async with asyncio.timeout(COMPLETION_SECONDS):
                overview = await self._engine.overview()
        return overview.with_remark(f"attached to {self._host.where}")

    def counts(self) -> Counts:
        if self._engine is not None:
            self._counts = self._engine.counts()
        return self._counts

    def flow(self) -> str:
        state = "attached" if self._engine is not None else "not connected"
        followed = self._engine.flow() if self._engine is not None else ""
        return f"{state} to {self._host.where} | {followed or super().flow()}"

    async def ended(self) -> None:
        await self._ended.wait()

    def exit_code(self) -> int:
        return 0


def _not_connected(text: str, hint: str = "") -> Reply:
    params = {"reason": text, "error": "notconnected"} | ({"hint": hint} if hint else {})
    return Reply(False, f"{text}\r\n", params)
