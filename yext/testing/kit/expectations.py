"""What a test waits for: messages, log lines, handlers and watchers of scripts."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from yext.dispatcher import Dispatch, FunctionHandler
from yext.testing.kit.answer import Answer, is_by
from yext.testing.kit.running import EarlyEndError, RunningEngine
from yext.testing.kit.story import Storyteller

__tracebackhide__ = True  # pytest shows no frame of this file.

T = TypeVar("T")

_SHOWN = 6
"""Messages that the text of a failure shows."""


class Expectations:
    """Waits for what an engine does.

    Attributes:
        messages: all messages dispatched so far except ``engine.timer``, the oldest first.
        teller: makes the failures.
    """

    label = ""  # So that it is no watcher in the record.

    def __init__(self, run: RunningEngine, teller: Storyteller) -> None:
        self.messages: list[Answer] = []
        self.teller = teller
        self._run = run
        self._expected = 0
        run.engine.dispatcher.watch("", self)

    @property
    def log(self) -> list[str]:
        """All log lines so far, without their times."""
        return self._run.log

    def notice(self, dispatch: Dispatch) -> None:
        """Keep a message that was dispatched."""
        if dispatch.message.name != "engine.timer":
            self.messages.append(Answer.of(dispatch, self.teller))
            self._run.changed()

    def expect(self, name: str, *, within: float | None = None, **params: str) -> Answer:
        """Wait for a message with that name and those parameters, and return it.

        Only messages after the one that was expected last are considered.
        """

        def is_there() -> bool:
            return self._find(name, params) is not None

        wanted = " ".join([name, *(f"{key}={value}" for key, value in params.items())])
        self._until(is_there, wanted, within, self._since)
        number = self._find(name, params)
        assert number is not None
        self._expected = number + 1
        return self.messages[number]

    def expect_sequence(
        self, *wanted: str | tuple[str, Mapping[str, str]], within: float | None = None
    ) -> list[Answer]:
        """Wait for messages in this order, each a name, or a name and parameters."""
        pairs = [(one, {}) if isinstance(one, str) else one for one in wanted]
        return [self.expect(name, within=within, **params) for name, params in pairs]

    def expect_none(self, name: str, *, within: float = 0.0, **params: str) -> None:
        """Check that no such message comes before the scripts are done, or in `within` seconds.

        As for `expect`, only messages after the one that was expected last are considered.
        """
        self.wait(self._run.clock.sleep(within))
        self.wait(self._run.quiet())
        number = self._find(name, params)
        if number is not None:
            found = self.messages[number]
            raise self.teller.failure(f"no {name}", [repr(found)], found.journey)

    def _find(self, name: str, params: Mapping[str, str]) -> int | None:
        for number, found in enumerate(self.messages[self._expected :], self._expected):
            if found.name == name and params.items() <= found.params.items():
                return number
        return None

    def _since(self) -> list[str]:
        found = self.messages[self._expected :]
        return [repr(one) for one in found[-_SHOWN:]] or ["no message at all"]

    def expect_log(self, text: str, *, within: float | None = None) -> str:
        """Wait for a log line that contains `text`, and return the first one.

        Log lines are output, debug text and the standard error of scripts.
        """

        def matching() -> list[str]:
            return [line for line in self.log if text in line]

        self._until(
            lambda: bool(matching()),
            f"a log line with {text!r}",
            within,
            lambda: ["the log ends:", *self.log[-_SHOWN:]],
        )
        return matching()[0]

    def wait_handler(self, name: str, *, of: str = "", within: float | None = None) -> None:
        """Wait until a script has installed a handler of messages called `name`.

        Args:
            name: the message.
            of: the script that must have installed it; empty for any.
            within: the time limit in real seconds.
        """
        handlers = self._run.engine.dispatcher.handlers

        def installed() -> bool:
            return any(
                one.name == name and (not of or is_by(one.owner, of))
                for one in handlers()
                if not (one.built_in or isinstance(one, FunctionHandler))
            )

        def others() -> list[str]:
            names = sorted({one.name for one in handlers() if not one.built_in})
            near = difflib.get_close_matches(name, names, 1)
            hint = [f"did you mean {near[0]}?"] if near else []
            return [*hint, f"handlers there are of: {', '.join(names) or 'nothing'}"]

        expected = f"a handler of {name}" + (f" by {of}" if of else "")
        self._poll(installed, expected, within, others)

    def wait_watcher(self, name: str, *, of: str = "", within: float | None = None) -> None:
        """Wait until a script, `of` if given, watches messages called `name`."""
        names = self._run.engine.dispatcher.watch_names

        def watched() -> bool:
            return any(one == name and (not of or is_by(label, of)) for one, label in names())

        def others() -> list[str]:
            return [f"watched are: {', '.join(f'{one} by {who}' for one, who in names())}"]

        self._poll(watched, f"a watcher of {name}", within, others)

    # Waiting

    def wait(self, awaitable: Awaitable[T], *, within: float | None = None) -> T:
        """Run the engine until `awaitable` is done, and return its result."""
        try:
            return self._run.run(awaitable, within)
        except EarlyEndError as error:
            stopped = error
        raise self.teller.failure("an end", [*str(stopped).splitlines(), *self._since()])

    def _until(
        self,
        condition: Callable[[], bool],
        expected: str,
        within: float | None,
        instead: Callable[[], list[str]],
    ) -> None:
        """Wait for a condition that messages or log lines bring about."""
        try:
            self._run.run(self._run.reached(condition), within, by_scripts=True)
        except EarlyEndError as error:
            stopped = error
        else:
            return
        last = self.messages[-1].journey if self.messages else None
        scripts = self._run.live() + self._run.crashed()
        for script in self._run.crashed():
            self._run.seen(script)
        raise self.teller.failure(expected, [*str(stopped).splitlines(), *instead()], last, scripts)

    def _poll(
        self,
        condition: Callable[[], bool],
        expected: str,
        within: float | None,
        instead: Callable[[], list[str]],
    ) -> None:
        """Wait for a condition that what scripts install brings about."""

        async def installed() -> None:
            while not condition():
                await self._run.engine.dispatcher.changed()

        try:
            self._run.run(installed(), within, by_scripts=True)
        except EarlyEndError as error:
            stopped = error
        else:
            return
        came = [*instead(), *str(stopped).splitlines()]
        raise self.teller.failure(expected, came, None, list(self._run.scripts))
