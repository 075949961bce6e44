"""What takes part in a dispatch: handlers, watchers, and who sends messages."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from yext.log import WARN, Log, logger
from yext.message import Message

if TYPE_CHECKING:
    from yext.dispatcher import Dispatch


class Pending:
    """The type of `PENDING`."""

    __slots__ = ()


PENDING: Final = Pending()
"""What a handler returns that will call `Dispatch.answered` later."""

HandlerFunction = Callable[[Message], "bool | Awaitable[bool | None] | None"]


class Sender(Protocol):
    """Whoever sends messages: a peer, a session, the engine."""

    @property
    def label(self) -> str:
        """What the message flow calls it."""

    def handling(self) -> Dispatch | None:
        """The dispatch that waits for this sender: what it sends now is nested in that."""


class Handler:
    """One installed handler.

    Attributes:
        name: the message name, empty for all.
        priority: 0 first; a negative one counts as unsigned 32 bits, so it is last.
        owner: what the message flow calls it.
        track: the module name for the tracking parameter, or empty.
        filter_name, filter_value: only messages whose parameter has just this value, an
            absent one counting as empty; no filter where the name is empty.
        built_in: whether it belongs to a module of the engine, and so is always there.
    """

    __slots__ = (
        "built_in",
        "filter_name",
        "filter_value",
        "key",
        "name",
        "owner",
        "priority",
        "track",
    )

    def __init__(
        self,
        name: str,
        priority: int,
        owner: str,
        track: str = "",
        filter_name: str = "",
        filter_value: str = "",
    ) -> None:
        self.name = name
        self.priority = priority & 0xFFFFFFFF
        self.owner = owner
        self.track = track
        self.filter_name = filter_name
        self.filter_value = filter_value
        self.key = (self.priority, 0)
        self.built_in = False

    def handle(self, message: Message, dispatch: Dispatch) -> bool | Pending:
        """Handles `message`: True, False, or `PENDING` when the answer comes later."""
        return False


class FunctionHandler(Handler):
    """A Python function or coroutine function as a handler."""

    __slots__ = ("function", "log")

    def __init__(self, log: Log, function: HandlerFunction, *args: Any) -> None:
        super().__init__(*args)
        self.function = function
        self.log = log

    def handle(self, message: Message, dispatch: Dispatch) -> bool | Pending:
        try:
            result = self.function(message)
            message.check()
        except Exception as error:
            self._failed(message, error)
            return False
        if result is None or isinstance(result, bool):
            return bool(result)
        if inspect.isawaitable(result):
            task = dispatch.dispatcher.run_task(result)
            task.add_done_callback(lambda ended: self._ended(ended, message, dispatch))
            return PENDING
        return bool(result)

    def _ended(
        self, task: asyncio.Future[bool | None], message: Message, dispatch: Dispatch
    ) -> None:
        """A coroutine handler is over. One that was cancelled (the engine stops), perhaps
        before its first step, must not hold the message either."""
        error = None if task.cancelled() else task.exception()
        if error is None:
            try:
                message.check()
            except TypeError as found:
                error = found
        if error is not None:
            self._failed(message, error)
        dispatch.answered(not task.cancelled() and error is None and bool(task.result()))

    def _failed(self, message: Message, error: BaseException) -> None:
        message.mend()  # Whoever gets it next must not suffer for what was put into it here.
        logger.error("handler %s of %s raised", self.owner, message.name, exc_info=error)
        self.log.debug(WARN, self.owner, f"handler of {message.name} raised, counts as not handled")


class Watcher(Protocol):
    """Whoever is told of messages after their dispatch."""

    label: str

    def notice(self, dispatch: Dispatch) -> None:
        """`dispatch` is over; its message must not be changed."""
