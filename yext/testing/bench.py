"""An engine for tests of scripts, driven from plain functions: what the fixture `yext` is."""

from __future__ import annotations

import asyncio
import importlib
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from yext.command import Reply
from yext.dispatcher import Dispatch
from yext.engine.engine import Engine
from yext.engine.loader import load_rest
from yext.message import Message
from yext.testing.kit import callers
from yext.testing.kit.again import Answering, SetUp
from yext.testing.kit.answer import Answer, Sent
from yext.testing.kit.callers import Caller
from yext.testing.kit.clock import Clock
from yext.testing.kit.expectations import Expectations
from yext.testing.kit.running import (
    SECONDS,
    CommandLine,
    EarlyEndError,
    RunningEngine,
    refuse_coroutines,
)
from yext.testing.kit.scripts import ScriptFiles, ScriptHandle
from yext.testing.kit.story import Storyteller
from yext.testing.kit.story import crash as crash_of
from yext.testing.kit.stubs import Stub, StubFunction, Watch

__tracebackhide__ = True  # pytest shows no frame of this file.

T = TypeVar("T")

# What the first script and the first call need, so that no test waits for it.
load_rest()
importlib.import_module("yext.telephony.audio.detect")


class TestBench(Expectations):
    """An engine for a test, and the steps of the test (docs/testing.md).

    The engine's loop runs while a method waits, and stands still between them. ``engine.timer``
    comes only by `tick`. Every wait has a limit, `within`, in real seconds.

    Args:
        config_dir: the engine's configuration directory.
        folders: where scripts and sound files are looked for, before scripts_dir.
        speed: how many seconds go by in a second.
        commands: makes what carries out the commands of a console session; None for an engine
            that has only those on its bus.
        scratch: makes a folder for the set-up that a failure tells how to go on with.

    Attributes:
        engine: the engine, for what has no method here; `wait` runs its coroutines.
        clock: its clock.
        shared: whether tests share it, which then end what they have started.
    """

    __test__ = False  # Otherwise pytest takes it for a class of tests.

    def __init__(
        self,
        config_dir: Path,
        *,
        folders: Sequence[Path] = (),
        speed: float = 1.0,
        commands: Callable[[Engine], CommandLine | None] | None = None,
        scratch: Callable[[], Path] = lambda: Path(tempfile.mkdtemp(prefix="yext-")),
    ) -> None:
        self._config_dir = config_dir
        self._ticked = 0.0
        self._stubs: list[Stub] = []
        self._watches: list[Watch] = []
        self._calls: list[Caller] = []
        self._scripts: list[ScriptHandle] = []
        self._sent: list[Sent] = []
        self._kept = 0, 0, 0, 0
        self._open: list[Dispatch] = []
        self.shared = False
        run = RunningEngine(config_dir, commands)
        set_up = SetUp(config_dir, scratch, self._programs, self._answering)
        super().__init__(run, Storyteller(run, set_up))
        self._files = ScriptFiles(run, folders or [Path.cwd()])
        self.clock.speed = speed

    def close(self) -> None:
        """Stop the engine; no child, socket file or task is left."""
        self._run.close()

    def __repr__(self) -> str:
        return f"<yext {self._config_dir}>"

    @property
    def engine(self) -> Engine:
        """The engine."""
        return self._run.engine

    @property
    def clock(self) -> Clock:
        """The engine's clock: its `speed` may be set."""
        return self._run.clock

    def _programs(self) -> list[tuple[str, str]]:
        """Return the scripts that the test has started: those of the configuration are in it."""
        return [
            (one.path, one.parameter)
            for one in self._run.scripts
            if one.begun is not None and not one.configured
        ]

    def _answering(self) -> list[Answering]:
        return [stub.answering for stub in self._stubs]

    # Scripts

    def script(
        self, path: str | Path, parameter: str = "", *, within: float = SECONDS
    ) -> ScriptHandle:
        """Start a script, and wait until it has done what it does at first.

        Args:
            path: the script, in the folder of the test, in those of ``yext_scripts``, or in
                scripts_dir.
            parameter: its argument, empty for none.
            within: real seconds that it may take.
        """
        name = self._files.locate(path)
        script, expected = self._start(name, parameter, "to start, and to be ready")
        try:
            self._run.run(self._files.ready(script.script), within, by_scripts=True)
        except EarlyEndError as error:
            stopped = error
        else:
            return script
        self._run.seen(script.script)
        raise self.teller.failure(expected, str(stopped), None, [script.script])

    def start(self, script: str | Path, parameter: str = "") -> ScriptHandle:
        """Start a script of scripts_dir, wait for nothing, and do not mind how it ends."""
        handle = self._start(str(script), parameter, "to start")[0]
        self._run.loose.add(handle.script)
        return handle

    def _start(self, name: str, parameter: str, what: str) -> tuple[ScriptHandle, str]:
        """Start a script; return its handle, and what is expected of it in words."""
        expected = f"{name} {parameter}".rstrip() + f" {what}"
        try:
            script = self._run.run(self._files.start(name, parameter))
        except EarlyEndError as error:
            stopped = error
        else:
            handle = ScriptHandle(self._run, self.teller, script)
            self._scripts.append(handle)
            return handle, expected
        raise self.teller.failure(expected, str(stopped))

    # Messages

    def send(
        self,
        name: str,
        params: Mapping[str, str] | None = None,
        /,
        *,
        retvalue: str = "",
        broadcast: bool = False,
        within: float | None = None,
        **more: str,
    ) -> Answer:
        """Send a message and wait for its answer.

        Args:
            name: the message.
            params: parameters that are no names in Python, or those of this function.
            retvalue: the return value that it begins with.
            broadcast: whether all handlers get it, even after one has handled it.
            within: the time limit in real seconds.
            more: its parameters.
        """
        message = Message(name, {**(params or {}), **more}, retvalue=retvalue, broadcast=broadcast)
        message.check()
        refuse_coroutines()
        return Sent(message, self._dispatched(message), self).answer(within)

    dispatch = send

    def send_nowait(
        self,
        name: str,
        params: Mapping[str, str] | None = None,
        /,
        *,
        retvalue: str = "",
        broadcast: bool = False,
        **more: str,
    ) -> Sent:
        """Send a message as `send` does, and do not wait; see `gather`."""
        message = Message(name, {**(params or {}), **more}, retvalue=retvalue, broadcast=broadcast)
        message.check()
        sent = self.wait(self._begin(message))
        self._sent.append(sent)
        return sent

    async def _dispatched(self, message: Message) -> Answer:
        return await (await self._begin(message)).over

    async def _begin(self, message: Message) -> Sent:
        over: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def done(dispatch: Dispatch) -> None:
            if not over.done():
                over.set_result(Answer.of(dispatch, self.teller))

        dispatcher = self.engine.dispatcher
        dispatch = Dispatch(dispatcher, message, done)
        dispatcher.start(dispatch)
        if dispatch.journey is not None:
            self.teller.sent.add(dispatch.journey.number)
        return Sent(message, over, self)

    def answer_of(self, sent: Sent, within: float | None) -> Answer:
        """Wait for the answer to a message that was sent, at most `within` real seconds."""
        if sent in self._sent:
            self._sent.remove(sent)
        try:
            return self._run.run(_result(sent.over), within, by_scripts=True)
        except EarlyEndError as error:
            stopped = error
        open_ = [one for one in self.engine.recorder.open.values() if one.name == sent.message.name]
        raise self.teller.failure(
            f"an answer to {sent.message.name}", str(stopped), open_[-1] if open_ else None
        )

    def gather(self, *sent: Sent, within: float | None = None) -> list[Answer]:
        """Wait for the answers to messages of `send_nowait`, without arguments to all of them."""
        return [one.answer(within) for one in sent or tuple(self._sent)]

    def stub(
        self,
        name: str,
        *,
        retvalue: str = "",
        handled: bool = True,
        function: StubFunction | None = None,
        priority: int = 100,
        filter: tuple[str, str] | None = None,
    ) -> Stub:
        """Answer messages called `name` in the place of another module.

        Args:
            name: the messages.
            retvalue: their return value, empty to leave it alone.
            handled: whether they are handled.
            function: called with each message, which it may change; see `StubFunction`. An error
                of it fails the test.
            priority: as of any handler.
            filter: a parameter and the value that it must have.
        """
        answering = Answering(name, priority, filter, handled, retvalue)
        stub = Stub(self._run, self.teller, answering, function)
        self._stubs.append(stub)
        return stub

    def watch(self, name: str) -> Watch:
        """Look at all messages called `name` from now on, once they are answered."""
        watch = Watch(name, self.teller)
        self.engine.dispatcher.watch(name, watch)
        self._watches.append(watch)
        return watch

    # Time, calls, commands

    def tick(self, seconds: float = 1) -> None:
        """Let some seconds go by at once, with an ``engine.timer`` at the end of each whole one.

        Timeouts that fall due in between end as they would. At the end the scripts have done
        what they had to do.
        """
        self.wait(self._tick(seconds), within=SECONDS + seconds)

    async def _tick(self, seconds: float) -> None:
        whole = int(self._ticked + seconds) - int(self._ticked)
        part = 1 - self._ticked % 1
        self._ticked += seconds
        for _ in range(whole):
            await self.clock.advance(part)
            seconds, part = seconds - part, 1.0
            self.engine.ticker.send(int(self.clock.now()))
            await self._run.quiet()
        if seconds > 0:
            await self.clock.advance(seconds)
            await self._run.quiet()

    def call(self, callto: str, **params: str) -> Caller:
        """Call a script, ``external/nodata/ivr.php``, or anything else that takes calls.

        Args:
            callto: what to call; a script is looked for as by `script`.
            params: parameters of the call, for example ``caller``.
        """
        try:
            phone, hearing = self._run.run(callers.begin(self._run, self._files, callto, params))
        except EarlyEndError as error:
            stopped = error
        else:
            caller = Caller(self._run, self.teller, phone, hearing, self._files.folders[0])
            self._calls.append(caller)
            return caller
        raise self.teller.failure(f"a call to {callto}", str(stopped))

    def command(self, line: str, *, within: float | None = None) -> Reply:
        """Carry out a command line as a console session does, ``external stop route.py``."""
        return self.wait(self._run.command(line), within=within)

    # The end of a test

    def begin_test(self, speed: float) -> None:
        """Begin a test on an engine that fixtures may have prepared."""
        self.clock.speed = speed
        self._open = [dispatch for _, dispatch in self._run.unanswered()]
        self._kept = len(self._stubs), len(self._watches), len(self._calls), len(self._scripts)

    def end_test(self, *, unanswered: bool = False, crash: bool = False) -> None:
        """Check what a test has left behind.

        Args:
            unanswered: whether scripts may have messages that they have not answered.
            crash: whether scripts may have crashed.
        """
        self.wait(self._run.quiet())
        for script in [] if crash else self._run.crashed():
            self._run.seen(script)
            expected = "every script to go on, or the test to look at its end"
            raise self.teller.failure(expected, crash_of(script), None, [script])
        for label, dispatch in [] if unanswered else self._run.unanswered():
            if dispatch in self._open:
                continue  # An earlier test on this engine has failed for it.
            answer = Answer.of(dispatch, self.teller)
            came = [f"{label} has not answered {answer.name}"]
            raise self.teller.failure("every message to be answered", came, answer.journey)

    def background(self) -> list[str]:
        """Return what there is to say about a failure of the test's own: the last journey …"""
        last = self.messages[-1].journey if self.messages else None
        return self.teller.background(last, self._run.scripts)

    def drop_rest(self) -> None:
        """End what a test has started on an engine that goes on."""
        stubs, watches, calls, scripts = self._kept
        for stub in self._stubs[stubs:]:
            stub.remove()
        for watch in self._watches[watches:]:
            self.engine.dispatcher.unwatch(watch.name, watch)
        for call in self._calls[calls:]:
            call.hangup()
        for script in self._scripts[scripts:]:
            script.stop()
        del self._stubs[stubs:], self._watches[watches:], self._calls[calls:]
        del self._scripts[scripts:]
        self._sent.clear()
        self.teller.sent.clear()
        self.messages.clear()
        self.log.clear()
        self._expected = 0


async def _result(over: Awaitable[T]) -> T:
    return await over
