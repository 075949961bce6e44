"""An engine for tests of scripts, driven from plain functions; see `yext.testing.plugin`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

from yext.command import Reply
from yext.dispatcher import Dispatch, FunctionHandler
from yext.engine.engine import Engine
from yext.log import Event
from yext.message import Message

T = TypeVar("T")

SECONDS = 10.0
"""The time limit of every wait, in seconds."""

_SHOWN: Final = 20
"""Messages and log lines that the text of a failure shows."""


class Answer:
    """A message at the end of its dispatch.

    Attributes:
        handled: whether a handler handled it.
        name, retvalue, params: the message.
    """

    def __init__(self, handled: bool, message: Message) -> None:
        self.handled = handled
        self.name = message.name
        self.retvalue = message.retvalue
        self.params = dict(message.params)

    def __repr__(self) -> str:
        handled = "handled" if self.handled else "not handled"
        return f"<{self.name} {handled}, retvalue={self.retvalue!r}, {self.params}>"


class TestBench:
    """An engine for a test, and the steps of the test.

    The engine's loop runs while a method waits, and stands still between them. Every wait ends
    after `SECONDS` with an AssertionError that shows the last messages and log lines.

    Args:
        config_dir: the engine's configuration directory.

    Attributes:
        engine: the engine, for what has no method here; `wait` runs its coroutines.
        messages: all messages dispatched so far except ``engine.timer``, the oldest first.
        log: all log lines so far, without their times.
    """

    __test__ = False  # Otherwise pytest takes it for a class of tests.
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
        self.engine.dispatcher.watch("", self)
        self.engine.log.subscribe(self._keep_line)
        await self.engine.start()

    def close(self) -> None:
        """Stop the engine; no child, socket file or task is left."""
        try:
            self._runner.run(self.engine.stop())
        finally:
            self._runner.close()

    # Steps of a test

    def wait(self, awaitable: Awaitable[T]) -> T:
        """Run the engine until `awaitable` is done, and return its result."""
        return self._run(awaitable, "an end")

    def start(self, script: str | Path, parameter: str = "") -> None:
        """Start a global script, which installs its handlers later: see `wait_handler`.

        Args:
            script: an absolute path, or a path below scripts_dir.
            parameter: its argument, empty for none.

        Raises:
            AssertionError: it cannot be started, with the exact reason.
        """
        reply = self.command(f"external start {script} {parameter}".rstrip())
        if not reply.ok:
            raise AssertionError(reply.text)

    def command(self, line: str) -> Reply:
        """Carry out a command line, for example ``external stop route.py``."""
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
        """Dispatch a message, with parameters as keyword arguments or in a dictionary."""
        message = Message(name, (params or {}) | more, retvalue=retvalue, broadcast=broadcast)
        return Answer(self.wait(self.engine.dispatch(message)), message)

    def wait_handler(self, name: str) -> None:
        """Wait until a script has installed a handler of messages called `name`."""
        dispatcher = self.engine.dispatcher

        async def installed() -> None:
            while not any(
                handler.name == name and not isinstance(handler, FunctionHandler)
                for handler in dispatcher.handlers()
            ):
                await dispatcher.changed()

        self._run(installed(), f"a handler of {name}")

    def wait_watcher(self, name: str) -> None:
        """Wait until a script watches messages called `name`."""
        dispatcher = self.engine.dispatcher

        async def watched() -> None:
            while not any(
                watched == name and label != self.label
                for watched, label in dispatcher.watch_names()
            ):
                await dispatcher.changed()

        self._run(watched(), f"a watcher of {name}")

    def expect(self, name: str, **params: str) -> Answer:
        """Wait for a message with that name and those parameters, and return it.

        Only messages after the one that was expected last are considered.
        """

        def matching() -> int | None:
            for number, found in enumerate(self.messages[self._expected :], self._expected):
                if found.name == name and params.items() <= found.params.items():
                    return number
            return None

        self._until(lambda: matching() is not None, f"{name} with {params}")
        number = matching()
        assert number is not None
        self._expected = number + 1
        return self.messages[number]

    def expect_log(self, text: str) -> str:
        """Wait for a log line that contains `text`, and return the first one.

        Log lines are output, debug text and the standard error of scripts.
        """

        def matching() -> list[str]:
            return [line for line in self.log if text in line]

        self._until(lambda: bool(matching()), f"a log line with {text!r}")
        return matching()[0]

    # Waiting

    def notice(self, dispatch: Dispatch) -> None:
        """Keep a message that was dispatched."""
        if dispatch.message.name != "engine.timer":
            self.messages.append(Answer(dispatch.handled, dispatch.message))
            self._happened.set()

    def _keep_line(self, event: Event) -> None:
        self.log.append(event.line())
        self._happened.set()

    def _until(self, condition: Callable[[], bool], awaited: str) -> None:
        async def reached() -> None:
            while not condition():
                self._happened.clear()
                await self._happened.wait()

        self._run(reached(), awaited)

    def _run(self, awaitable: Awaitable[T], awaited: str) -> T:
        """Run the engine until `awaitable` is done or the time is over."""

        async def limited() -> T:
            try:
                return await asyncio.wait_for(awaitable, SECONDS)
            except TimeoutError:
                shown = [*map(repr, self.messages[-_SHOWN:]), "the log ends:", *self.log[-_SHOWN:]]
                story = "\n".join(["messages so far:", *shown])
                raise AssertionError(f"no {awaited} within {SECONDS:.0f} s\n{story}") from None

        return self._runner.run(limited())
