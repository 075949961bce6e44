"""An engine for tests of scripts, driven from plain functions; see `yext.testing.plugin`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from yext.command import Reply
from yext.dispatcher import Dispatch, Dispatcher, FunctionHandler, Handler, Watcher
from yext.engine.engine import Engine
from yext.log import Event, Log
from yext.message import Message
from yext.record.recorder import FlowRecorder

T = TypeVar("T")

SECONDS = 10.0
"""How long every wait may last."""

_SHOWN = 20
"""Messages and log lines that the text of a failure shows."""


class Answer:
    """What became of a message.

    Attributes:
        handled: whether somebody handled it.
        name, retvalue, params: the message at its end.
    """

    def __init__(self, handled: bool, message: Message) -> None:
        self.handled = handled
        self.name = message.name
        self.retvalue = message.retvalue
        self.params = dict(message.params)

    def __repr__(self) -> str:
        handled = "handled" if self.handled else "not handled"
        return f"<{self.name} {handled}, retvalue={self.retvalue!r}, {self.params}>"


class _TellingDispatcher(Dispatcher):
    """Tells of every handler and watcher that comes."""

    def __init__(self, log: Log, recorder: FlowRecorder, tell: Callable[[], None]) -> None:
        super().__init__(log, recorder)
        self._tell = tell

    def install(self, handler: Handler) -> None:
        super().install(handler)
        self._tell()

    def watch(self, name: str, watcher: Watcher) -> None:
        super().watch(name, watcher)
        self._tell()


class TestBench:
    """An engine, and what a test does with it.

    The engine's loop runs while a method waits, and stands still between them. Every wait ends
    after `SECONDS` with an AssertionError that tells the last messages and log lines.

    Attributes:
        engine: the engine itself, for what has no method here; `wait` runs its coroutines.
        messages: all messages dispatched so far, oldest first, without engine.timer.
        log: all log lines so far, without their times.
    """

    __test__ = False  # pytest takes it for a class of tests otherwise
    label = "pytest"

    def __init__(self, config_dir: Path) -> None:
        self.messages: list[Answer] = []
        self.log: list[str] = []
        self._expected = 0
        self._runner = asyncio.Runner()
        self._runner.run(self._begin(config_dir))

    async def _begin(self, config_dir: Path) -> None:
        self._happened = asyncio.Event()
        self.engine = Engine(config_dir)
        self.engine.dispatcher = _TellingDispatcher(
            self.engine.log, self.engine.recorder, self._happened.set
        )
        self.engine.dispatcher.watch("", self)
        self.engine.log.subscribe(self._told)
        await self.engine.start()

    def close(self) -> None:
        """Stops the engine; no child, socket file or task is left."""
        try:
            self._runner.run(self.engine.stop())
        finally:
            self._runner.close()

    # What a test does

    def wait(self, awaitable: Awaitable[T]) -> T:
        """Runs the engine until `awaitable` is done, and returns what it gives."""
        return self._runner.run(self._wait(awaitable, "an end"))

    def start(self, script: str | Path, parameter: str = "") -> None:
        """Starts a global script, by absolute path or below scripts_dir.

        It installs its handlers a little later: see `wait_handler`. Raises AssertionError with
        the exact reason when it cannot be started.
        """
        reply = self.command(f"external start {script} {parameter}".rstrip())
        if not reply.ok:
            raise AssertionError(reply.text)

    def command(self, line: str) -> Reply:
        """Carries out a command line, such as ``external stop route.py``."""
        return self.wait(self.engine.command(line))

    def dispatch(
        self,
        name: str,
        params: dict[str, str] | None = None,
        *,
        retvalue: str = "",
        broadcast: bool = False,
        **more: str,
    ) -> Answer:
        """Takes a message through its handlers; parameters by name, or as a dictionary."""
        message = Message(name, (params or {}) | more, retvalue=retvalue, broadcast=broadcast)
        return Answer(self.wait(self.engine.dispatch(message)), message)

    def wait_handler(self, name: str) -> None:
        """Waits until a script has installed a handler of messages called `name`."""

        def installed() -> bool:
            found = self.engine.dispatcher.handlers()
            return any(one.name == name and not isinstance(one, FunctionHandler) for one in found)

        self._until(installed, f"a handler of {name}")

    def wait_watcher(self, name: str) -> None:
        """Waits until a script watches messages called `name`."""

        def watching() -> bool:
            found = self.engine.dispatcher.watch_names()
            return any(one == name and label != self.label for one, label in found)

        self._until(watching, f"a watcher of {name}")

    def expect(self, name: str, **params: str) -> Answer:
        """Waits for a message with that name and those parameters, and returns it.

        Looks at those dispatched since the message that was expected last.
        """

        def matching() -> int | None:
            for number, one in enumerate(self.messages[self._expected :], self._expected):
                if one.name == name and params.items() <= one.params.items():
                    return number
            return None

        self._until(lambda: matching() is not None, f"{name} with {params}")
        number = matching()
        assert number is not None
        self._expected = number + 1
        return self.messages[number]

    def expect_log(self, text: str) -> str:
        """Waits for a log line that contains `text` (output, debug or a script's standard
        error), and returns the first of them."""

        def matching() -> list[str]:
            return [line for line in self.log if text in line]

        self._until(lambda: bool(matching()), f"a log line with {text!r}")
        return matching()[0]

    # Waiting

    def notice(self, dispatch: Dispatch) -> None:
        """Notes a message that was dispatched."""
        if dispatch.message.name != "engine.timer":
            self.messages.append(Answer(dispatch.handled, dispatch.message))
            self._happened.set()

    def _told(self, event: Event) -> None:
        self.log.append(event.line())
        self._happened.set()

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        async def held() -> None:
            while not holds():
                self._happened.clear()
                await self._happened.wait()

        self._runner.run(self._wait(held(), what))

    async def _wait(self, awaitable: Awaitable[T], what: str) -> T:
        try:
            return await asyncio.wait_for(awaitable, SECONDS)
        except TimeoutError:
            shown = [*map(repr, self.messages[-_SHOWN:]), "the log ends:", *self.log[-_SHOWN:]]
            story = "\n".join(["messages so far:", *shown])
            raise AssertionError(f"no {what} within {SECONDS:.0f} s\n{story}") from None
