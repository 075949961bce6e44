"""An engine under test, and what runs it: its loop goes on while a step of the test waits."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from yext.command import Reply
from yext.dispatcher import Dispatch
from yext.engine.engine import Engine
from yext.errors import YextError
from yext.extmodule.module import ExtModule
from yext.extmodule.script.script import Script
from yext.extmodule.script.states import LIVE, ScriptState
from yext.extmodule.supervisor import Supervisor
from yext.log import Event, EventKind, logger
from yext.telephony.shared import telephony
from yext.testing.kit.clock import Clock
from yext.testing.kit.idle import awaits_input, describe, is_known, rests

__tracebackhide__ = True  # pytest shows no frame of this file.

T = TypeVar("T")

SECONDS = 10.0
"""The time limit of a step of a test, in real seconds."""

_LOOK = 0.04
"""Real seconds between two looks whether anything can still happen."""

_QUIET = 0.3
"""Real seconds without a line after which a script is taken to be done, though it works."""

_QUIET_GUESSED = 0.02
"""The same where it is not known whether it works."""

CommandLine = Callable[[str], Awaitable[Reply]]
"""Carries out a command line of a console session."""


class EarlyEndError(YextError):
    """A step of a test ended early; the text says why. It becomes an AssertionError."""


class RunningEngine:
    """A started engine, its loop, its clock, its log and what it has dispatched.

    Args:
        config_dir: the engine's configuration directory.
        commands: makes what carries out the commands of a console session; None for an engine
            that has only those on its bus.

    Attributes:
        engine: the engine.
        clock: its clock.
        log: all log lines so far, without their times.
        faults: the errors of stubs that no step has raised yet.
        scripts: the scripts that were started so far, those of calls too, in order.
        loose: scripts that may end as they like.
    """

    def __init__(
        self, config_dir: Path, commands: Callable[[Engine], CommandLine | None] | None = None
    ) -> None:
        self.clock = Clock()
        self.clock.is_busy = self._is_answering
        self.log: list[str] = []
        self.faults: list[BaseException] = []
        self.scripts: dict[Script, None] = {}
        self.loose: set[Script] = set()
        self._seen: dict[Script, float] = {}
        self._make_commands = commands
        self._commands: CommandLine | None = None
        self._turn = threading.Lock()  # Steps of an async test are in threads.
        self._runner = asyncio.Runner(loop_factory=self.clock.new_loop)
        _quieten(1)
        try:
            self._runner.run(self._begin(config_dir))
        except BaseException:
            _quieten(-1)
            self._runner.close()
            raise

    async def _begin(self, config_dir: Path) -> None:
        self._changed = asyncio.Event()
        self.engine = Engine(config_dir)
        self.engine.now = self.clock.now
        self.engine.log.subscribe(self._keep_line)
        self.engine.recorder.follow(_look_at)
        await self.engine.start()
        # From now on engine.timer comes when the test says so.
        self.engine.ticker.stop()

    def close(self) -> None:
        """Stop the engine; no child, socket file or task is left."""
        self.clock.speed = 1.0
        try:
            self._runner.run(self.engine.stop())
        finally:
            _quieten(-1)
            self._runner.close()

    @property
    def supervisor(self) -> Supervisor:
        """The owner of the engine's scripts."""
        return cast(ExtModule, self.engine.modules["extmodule"]).supervisor

    async def command(self, line: str) -> Reply:
        """Carry out a command of a console session, or without sessions one of the bus."""
        if self._make_commands is None:
            return await self.engine.command(line)
        if self._commands is None:
            self._commands = self._make_commands(self.engine) or self.engine.command
        return await self._commands(line)

    def _keep_line(self, event: Event) -> None:
        self.log.append(event.line())
        self.changed(event.kind is EventKind.NOTICE)

    def changed(self, scripts: bool = False) -> None:
        """Have the conditions looked at that a step waits for, and the scripts noted."""
        if scripts:
            self.note_scripts()
        self._changed.set()

    def note_scripts(self) -> None:
        """Keep the scripts that run now: those of calls are forgotten when they end."""
        self.scripts.update(dict.fromkeys(self.supervisor.scripts))

    # Running

    def run(
        self, awaitable: Awaitable[T], within: float | None = None, *, by_scripts: bool = False
    ) -> T:
        """Run the engine until `awaitable` is done, and return its result.

        Args:
            awaitable: what to wait for.
            within: the time limit in real seconds.
            by_scripts: whether only scripts bring it about, so that it is in vain if all of them
                wait for input.

        Raises:
            EarlyEndError: the time is over, or nothing can happen any more.
            BaseException: the error of a stub, with its own traceback.
        """
        if is_in_a_loop() and inspect.iscoroutine(awaitable):
            awaitable.close()
        refuse_coroutines()
        limit = SECONDS if within is None else within
        with self._turn:
            found = self._runner.run(self._attempt(awaitable, limit, by_scripts))
        if self.faults:
            raise self.faults.pop(0)
        if isinstance(found, _Raised):
            raise found.error.with_traceback(None) from None
        return found

    def do(self, action: Callable[[], T]) -> T:
        """Call something that needs a running event loop, and return its result."""

        async def done() -> T:
            return action()

        return self.run(done())

    async def _attempt(
        self, awaitable: Awaitable[T], within: float, by_scripts: bool
    ) -> T | _Raised:
        task: asyncio.Future[Any] = asyncio.ensure_future(awaitable)
        until, idle = time.monotonic() + within, False
        try:
            while True:
                await asyncio.sleep(0)
                if task.done() or self.faults:
                    break
                left = until - time.monotonic()
                if left <= 0:
                    raise EarlyEndError("\n".join([f"nothing within {within:g} s", *self._doing()]))
                alarm = self.clock.alarm(min(left, _LOOK))
                await asyncio.wait((task, alarm), return_when=asyncio.FIRST_COMPLETED)
                alarm.cancel()
                was_idle, idle = idle, by_scripts and not task.done() and self._is_stuck()
                if was_idle and idle:
                    raise EarlyEndError(self._why_stuck())
        except EarlyEndError as error:
            return _Raised(error)
        finally:
            self.note_scripts()
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
        if task.cancelled():
            return _Raised(EarlyEndError("it was given up"))
        return cast(T, task.result()) if task.exception() is None else _Raised(task.exception())

    async def reached(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds, which is looked at whenever something has happened.

        Raises:
            EarlyEndError: a script has crashed meanwhile.
        """
        while not condition():
            if crashed := self.crashed():
                raise EarlyEndError("\n".join(story_of(crashed[0])))
            self._changed.clear()
            await self._changed.wait()

    # What the scripts do

    def live(self) -> list[Script]:
        """Return the scripts that run."""
        return [script for script in self.supervisor.scripts if script.state in LIVE]

    def _is_busy(self, script: Script) -> bool:
        """Return True if a script may still do something without being sent a line."""
        if script.peer is None or script.pid is None or script.unread():
            return True
        return not awaits_input(script.pid)

    def _is_stuck(self) -> bool:
        """Return True if nothing happens any more unless the test does something."""
        dispatcher, live = self.engine.dispatcher, self.live()
        peers = [script.peer for script in live]
        waiting = sum(len(peer.pending.waiting) for peer in peers if peer is not None)
        return not (
            dispatcher.queue_length()
            or dispatcher.in_flight != waiting
            or len(telephony(self.engine).clock)
            or self._is_open()
            or any(script.state is ScriptState.BACKING_OFF for script in live)
            or any(map(self._is_busy, live))
        )

    def _doing(self) -> list[str]:
        """Return what each script does."""
        return [f"{one.label}: {describe(one.pid)}" for one in self.live() if one.pid is not None]

    def _is_open(self) -> bool:
        """Return True if programs that the engine has not started may connect, or have."""
        listening = cast(ExtModule, self.engine.modules["extmodule"]).listening()
        return bool(listening and listening.where) or None in self.supervisor.peers.values()

    def _why_stuck(self) -> str:
        for script in self.live():
            if script.peer is not None and not script.peer.spoke:
                return (
                    f"nothing: {script.label} waits for input and has said nothing"
                    "\n(a line that is not flushed stays in the script)"
                )
            if script.peer is not None and script.peer.pending.waiting:
                names = [one.message.name for one in script.peer.pending.waiting.values()]
                return (
                    f"no answer: {script.label} has read {', '.join(names)} and waits for more"
                    " input\n(what comes after its timeout: send_nowait, tick, gather)"
                )
        if not self.live():
            return "nothing, and no script runs"
        return "nothing, and every script waits for input"

    def _is_active(self, script: Script) -> bool:
        """Return True if a script works, or has lines that it has not read."""
        return script.pid is None or bool(script.unread()) or not rests(script.pid)

    def _is_answering(self) -> bool:
        """Return True if a script works at a message that it has not answered."""
        return any(
            script.peer is not None and script.peer.pending.waiting and self._is_active(script)
            for script in self.live()
        )

    def is_working(self) -> bool:
        """Return True if any script works, or has lines that it has not read."""
        return any(map(self._is_active, self.live()))

    async def quiet(self) -> None:
        """Wait until no script has anything to do, for a second at most."""
        calm = time.monotonic()
        until, before = calm + 1.0, self._done()
        while time.monotonic() < until:
            await asyncio.sleep(0)
            if self._done() != before or self.engine.dispatcher.queue_length():
                before, calm = self._done(), time.monotonic()
            elif not self.is_working():
                # What it has written before it began to wait is read in the next turns.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                if self._done() == before:
                    return
            elif time.monotonic() - calm > (_QUIET if is_known() else _QUIET_GUESSED):
                return
            else:
                await self.clock.sleep(0.001)

    def _done(self) -> list[object]:
        """What has come from each script so far."""
        return [(one.pid, one.peer and one.peer.received) for one in self.live()]

    def crashed(self) -> list[Script]:
        """Return the scripts that have failed, and whose failure the test has not looked at."""
        self.note_scripts()
        return [
            script
            for script in self.scripts
            if script not in self.loose
            and script.last_failure is not None
            and script.last_exit is not None
            and script.state is not ScriptState.STOPPED
            and self._seen.get(script) != script.last_failure.when
        ]

    def seen(self, script: Script) -> None:
        """Note that the test has looked at the failure of a script."""
        if script.last_failure is not None:
            self._seen[script] = script.last_failure.when

    def unanswered(self) -> list[tuple[str, Dispatch]]:
        """Return the scripts that have not answered, each with the message."""
        return [
            (script.label, dispatch)
            for script in self.live()
            if script.peer is not None
            for dispatch in script.peer.pending.waiting.values()
        ]


class _Raised:
    """The error of a step, on its way out of the event loop."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error or EarlyEndError("")


def story_of(script: Script) -> tuple[str, ...]:
    """Return how a script has failed, a line each."""
    return script.last_failure.lines if script.last_failure is not None else ()


def _look_at(journey: object) -> None:
    """Follow the flow: what nobody follows is not recorded."""


def refuse_coroutines() -> None:
    """Fail in a coroutine."""
    if is_in_a_loop():
        raise AssertionError("this test is async: take the fixture yext_async, and await it")


def is_in_a_loop() -> bool:
    """Return True in a coroutine: then an engine can only be run in another thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


_open = 0
"""How many engines there are."""


def _quieten(more: int) -> None:
    """Keep the log of engines under test out of pytest's: `RunningEngine.log` has it."""
    global _open
    _open += more
    if _open:
        logger.addFilter(_is_no_event)
    else:
        logger.removeFilter(_is_no_event)


def _is_no_event(record: logging.LogRecord) -> bool:
    return not hasattr(record, "yate_event")
