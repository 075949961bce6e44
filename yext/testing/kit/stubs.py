"""What answers in the place of other modules, and what only looks on."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from yext.dispatcher import Dispatch, Handler
from yext.message import Message
from yext.testing.kit.again import Answering
from yext.testing.kit.answer import Answer
from yext.testing.kit.running import RunningEngine
from yext.testing.kit.story import Storyteller, difference

__tracebackhide__ = True  # pytest shows no frame of this file.

StubFunction = Callable[[Message], object]
"""Gets the message and may change it; a text is the return value, True or False whether the stub
has handled it, None what the stub was made with."""

_SHOWN = 5
"""Calls that a failure shows."""


class Calls:
    """The messages that a stub or a watch has got.

    Attributes:
        name: the name of the messages.
        calls: the messages, the oldest first.
    """

    kind = "message"

    def __init__(self, name: str, teller: Storyteller) -> None:
        self.name = name
        self.calls: list[Answer] = []
        self._teller = teller

    def matching(self, **params: str) -> list[Answer]:
        """Return the calls that have these parameters."""
        return [call for call in self.calls if params.items() <= call.params.items()]

    def assert_once(self, **params: str) -> Answer:
        """Check that there was exactly one call with these parameters, and return it."""
        found = self.matching(**params)
        if len(found) != 1:
            self._fail("one", params, found)
        return found[0]

    def assert_never(self, **params: str) -> None:
        """Check that there was no call with these parameters."""
        found = self.matching(**params)
        if found:
            self._fail("no", params, found)

    def _fail(self, how_many: str, params: dict[str, str], found: list[Answer]) -> NoReturn:
        wanted = " ".join(f"{name}={value}" for name, value in params.items())
        came = [f"{len(found)} such, {len(self.calls)} in all"]
        for call in self.calls[-_SHOWN:]:
            wrong = difference(params, call.params)
            came += wrong or [f"  {call.params}"]
        last = (found or self.calls)[-1].journey if self.calls else None
        expected = f"{how_many} {self.kind} {self.name} {wanted}".rstrip()
        raise self._teller.failure(expected, came, last)


class Watch(Calls):
    """A watch of messages of one name."""

    label = ""  # So that it is no watcher in the record.

    def notice(self, dispatch: Dispatch) -> None:
        """Take a message at the end of its dispatch."""
        self.calls.append(Answer.of(dispatch, self._teller))


class Stub(Calls):
    """An answer in the place of another module.

    Args:
        run: the engine, which it is installed in.
        answering: what it answers.
        function: what is called for each message, None for nothing.
    """

    kind = "call of the stub"

    def __init__(
        self,
        run: RunningEngine,
        teller: Storyteller,
        answering: Answering,
        function: StubFunction | None,
    ) -> None:
        super().__init__(answering.name, teller)
        self.answering = answering
        self._function = function
        self._run = run
        self._handler = _StubHandler(self, answering)
        run.engine.dispatcher.install(self._handler)

    def remove(self) -> None:
        """Answer no more."""
        self._run.engine.dispatcher.uninstall(self._handler)

    def answer(self, message: Message, dispatch: Dispatch) -> bool:
        """Answer a message; return whether it is handled."""
        call = Answer.of(dispatch, self._teller)
        self.calls.append(call)
        try:
            found = self._called(message)
        except BaseException as error:
            # The frames of the author's function are enough.
            trace = error.__traceback__
            for _ in range(2):
                trace = (trace and trace.tb_next) or trace
            self._run.faults.append(error.with_traceback(trace))
            self._teller.complete.append(error)
            self._run.changed()
            return False
        if isinstance(found, str):
            message.retvalue = found
        elif self.answering.retvalue:
            message.retvalue = self.answering.retvalue
        call.handled = found if isinstance(found, bool) else self.answering.handled
        call.retvalue = message.retvalue
        return call.handled

    def _called(self, message: Message) -> str | bool | None:
        if self._function is None:
            return None
        found = self._function(message)
        message.check()
        if not isinstance(found, str | bool | None):
            raise TypeError(f"a stub returns text, a bool or None, not {found!r}")
        return found


class _StubHandler(Handler):
    """The handler of a stub."""

    __slots__ = ("_stub",)

    def __init__(self, stub: Stub, answering: Answering) -> None:
        name, value = answering.filter or ("", "")
        super().__init__(answering.name, answering.priority, "stub", "", name, value)
        self._stub = stub

    def handle(self, message: Message, dispatch: Dispatch) -> bool:
        return self._stub.answer(message, dispatch)
