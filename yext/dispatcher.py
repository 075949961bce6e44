"""Handlers by priority, watchers, and the messages on their way through them.

A dispatch is a small object that walks on when an answer comes: there is no task, future
or coroutine for a message. Only a handler that is a coroutine function pays for a task.

Handlers, watchers and dispatches know each other by nature, so they share this file. What
records them does not: it implements `Recorder`, and the dispatcher knows no more of it.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, Final, Protocol

from yext.log import WARN, Log, logger
from yext.message import Message


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


class Recording(Protocol):
    """The record of one dispatch while it goes on."""

    number: int
    depth: int

    def start(self) -> None:
        """The dispatch begins after waiting in the queue."""

    def enter(self, handler: Handler, message: Message) -> None:
        """`handler` is about to be asked."""

    def leave(self, handler: Handler, message: Message, handled: bool, outcome: str) -> None:
        """`handler` answered."""

    def late(self, owner: str, waited: float) -> None:
        """`owner` answered `waited` seconds after its time was up: too late to count."""

    def end(self, dispatch: Dispatch, watchers: Sequence[Watcher]) -> None:
        """The dispatch is over and the `watchers` were notified."""


class Recorder(Protocol):
    """What the dispatcher reports to.

    Attributes:
        active: True while anybody follows messages; nothing is reported otherwise.
    """

    active: bool

    def wants(self, name: str) -> bool:
        """True if any follower wants messages of this name."""

    def begin(self, dispatch: Dispatch) -> Recording:
        """Start the record of a dispatch."""


TRACKING: Final = "handlers"
"""The parameter that lists which modules a message went through, as name:priority."""

_NEVER: Final = float("inf")


class Dispatch:
    """One message on its way.

    Attributes:
        message: what is dispatched.
        sender: who sent it, None for the engine itself.
        ident: the sender's id of the message, empty where it wants no answer.
        handled: whether somebody handled it, so far.
        handler: who has it now or had it last.
        outcome: how the last handler came to its answer: empty, or ``timed out``, ``gone``.
        deadline: when a peer that has it must have answered, by the clock of the loop.
    """

    __slots__ = (
        "_index",
        "_view",
        "deadline",
        "dispatcher",
        "done",
        "handled",
        "handler",
        "ident",
        "journey",
        "message",
        "notice_line",
        "outcome",
        "sender",
    )

    def __init__(
        self,
        dispatcher: Dispatcher,
        message: Message,
        done: Callable[[Dispatch], None] | None,
        sender: Sender | None = None,
        ident: str = "",
    ) -> None:
        self.dispatcher = dispatcher
        self.message = message
        self.done = done
        self.sender = sender
        self.ident = ident
        self.handled = False
        self.handler: Handler | None = None
        self.outcome = ""
        self.notice_line: str | None = None
        self.journey: Recording | None = None
        self.deadline = _NEVER
        self._view: tuple[Handler, ...] = ()
        self._index = 0

    def advance(self) -> None:
        """Walks on through the handlers until one has to be waited for.

        The view of a name is a tuple that is replaced, never changed: another object means
        that handlers came or went, or that the message was renamed. The walk then goes on
        after the priority it had reached (measured in tests/bench, row "many handlers").
        """
        dispatcher = self.dispatcher
        message = self.message
        journey = self.journey
        while True:
            view = dispatcher.views.get(message.name, dispatcher.wild)
            index = self._index
            if view is not self._view:
                if index:
                    index = _after(view, self._view[index - 1].key)
                self._view = view
            if index >= len(view):
                self._index = index
                dispatcher.finish(self)
                return
            handler = view[index]
            self._index = index + 1
            if handler.filter_name and message.get(handler.filter_name) != handler.filter_value:
                continue
            if handler.track:
                track(message, handler.track, handler.priority)
            self.handler = handler
            if journey is not None:
                journey.enter(handler, message)
            result = handler.handle(message, self)
            if result is PENDING:
                return
            if journey is not None:
                journey.leave(handler, message, result is True, "")
            if result:
                self.handled = True
                if not message.broadcast:
                    dispatcher.finish(self)
                    return

    def remaining(self) -> tuple[Handler, ...]:
        """The handlers that were not asked because somebody handled the message before."""
        return self._view[self._index :]

    def answered(self, handled: bool, outcome: str = "") -> None:
        """The handler that was waited for answered; `outcome` tells how, unless plainly."""
        if self.journey is not None and self.handler is not None:
            self.journey.leave(self.handler, self.message, handled, outcome)
        if outcome:
            self.outcome = outcome
        if handled:
            self.handled = True
            if not self.message.broadcast:
                self.dispatcher.finish(self)
                return
        self.advance()


def _after(view: tuple[Handler, ...], last: tuple[int, int]) -> int:
    for index, handler in enumerate(view):
        if handler.key > last:
            return index
    return len(view)


def track(message: Message, name: str, priority: int) -> None:
    """Adds a handler to the message's tracking parameter."""
    entry = f"{name}:{priority}"
    before = message.params.get(TRACKING)
    message.params[TRACKING] = f"{before},{entry}" if before else entry


class Dispatcher:
    """Handlers, watchers, the queue, and the dispatches in flight of one engine."""

    TURN_SECONDS = 0.002
    """How long the queue is worked off in one turn of the loop before others get theirs."""

    QUEUE_LONG = 200
    """From how many waiting messages on it is better to read no more of them."""

    def __init__(self, log: Log, recorder: Recorder | None = None) -> None:
        self.log = log
        self.recorder = recorder
        self.views: dict[str, tuple[Handler, ...]] = {}
        self.wild: tuple[Handler, ...] = ()
        self.enqueued = self.dispatched = self.in_flight = 0
        self.max_queue = 0
        self._by_name: dict[str, list[Handler]] = {}
        self._sequence = 0
        self._waiters: list[asyncio.Future[None]] = []
        self._watch_names: dict[str, list[Watcher]] = {}
        self._watch_views: dict[str, tuple[Watcher, ...]] = {}
        self._watch_all: tuple[Watcher, ...] = ()
        self._queue: deque[Dispatch] = deque()
        self._queue_short: list[Callable[[], None]] = []
        self._draining = False
        self._tasks: set[asyncio.Future[bool | None]] = set()
        self._idle: asyncio.Event | None = None

    # Handlers

    def install(self, handler: Handler) -> None:
        """Installs `handler` after those of the same priority that are there."""
        self._sequence += 1
        handler.key = (handler.priority, self._sequence)
        self._by_name.setdefault(handler.name, []).append(handler)
        self._handlers_changed(handler.name)

    def uninstall(self, handler: Handler) -> None:
        """Takes `handler` out; a dispatch that waits for it goes on waiting."""
        handlers = self._by_name.get(handler.name)
        if handlers is None or handler not in handlers:
            return
        handlers.remove(handler)
        if not handlers:
            del self._by_name[handler.name]
        self._handlers_changed(handler.name)

    def handlers(self) -> list[Handler]:
        """All handlers, by name and then in the order they are asked."""
        return [
            handler
            for name in sorted(self._by_name)
            for handler in sorted(self._by_name[name], key=lambda one: one.key)
        ]

    def handler_names(self) -> list[str]:
        """The message names that somebody handles."""
        return sorted(name for name in self._by_name if name)

    async def installed(self, name: str) -> None:
        """Waits until somebody has installed a handler that gets messages called `name`,
        beside the engine's own modules."""
        while all(handler.built_in for handler in self.views.get(name, self.wild)):
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def _handlers_changed(self, name: str) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.wild = tuple(sorted(self._by_name.get("", ()), key=lambda one: one.key))
        for changed in self._by_name if not name else (name,):
            if not changed:
                continue
            own = self._by_name.get(changed)
            if own:
                self.views[changed] = tuple(sorted((*own, *self.wild), key=lambda one: one.key))
            else:
                self.views.pop(changed, None)

    # Watchers

    def watch(self, name: str, watcher: Watcher) -> None:
        """Has `watcher` told of messages called `name`, or of all where it is empty."""
        self._watch_names.setdefault(name, []).append(watcher)
        self._watchers_changed(name)

    def unwatch(self, name: str, watcher: Watcher) -> None:
        """Ends what `watch` began."""
        watchers = self._watch_names.get(name)
        if watchers is None or watcher not in watchers:
            return
        watchers.remove(watcher)
        if not watchers:
            del self._watch_names[name]
        self._watchers_changed(name)

    def _watchers_changed(self, name: str) -> None:
        self._watch_all = tuple(self._watch_names.get("", ()))
        for changed in self._watch_names if not name else (name,):
            if not changed:
                continue
            own = self._watch_names.get(changed)
            if own:
                # One that watches the name and everything is told once.
                self._watch_views[changed] = tuple(dict.fromkeys((*own, *self._watch_all)))
            else:
                self._watch_views.pop(changed, None)

    def watch_names(self) -> list[tuple[str, str]]:
        """(message name, watcher's label) of all watches."""
        return [
            (name, watcher.label)
            for name in sorted(self._watch_names)
            for watcher in self._watch_names[name]
        ]

    # Dispatching

    def start(self, dispatch: Dispatch) -> None:
        """Dispatches now; `Dispatch.done` is called when it is over, perhaps at once."""
        self.in_flight += 1
        recorder = self.recorder
        if dispatch.journey is not None:
            dispatch.journey.start()
        elif recorder is not None and recorder.active and recorder.wants(dispatch.message.name):
            dispatch.journey = recorder.begin(dispatch)
        dispatch.advance()

    def enqueue(self, dispatch: Dispatch) -> None:
        """Dispatches in a later turn of the loop, in the order of arrival."""
        self.enqueued += 1
        recorder = self.recorder
        if recorder is not None and recorder.active and recorder.wants(dispatch.message.name):
            # Now, and not when its turn comes, it is known what the sender is handling.
            dispatch.journey = recorder.begin(dispatch)
        self._queue.append(dispatch)
        if not self._draining:
            self._draining = True
            asyncio.get_running_loop().call_soon(self._drain)

    def queue_length(self) -> int:
        """How many messages wait for their dispatch to begin."""
        return len(self._queue)

    def when_queue_is_short(self, told: Callable[[], None]) -> bool:
        """Has `told` called when the queue has been worked off; False if it is not long."""
        if len(self._queue) < self.QUEUE_LONG:
            return False
        self._queue_short.append(told)
        return True

    @property
    def dequeued(self) -> int:
        """How many enqueued messages have begun their dispatch."""
        return self.enqueued - len(self._queue)

    async def dispatch(self, message: Message, sender: Sender | None = None) -> bool:
        """Dispatches `message` and waits; returns whether somebody handled it."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(_: Dispatch) -> None:
            if not waiter.done():
                waiter.set_result(None)

        dispatch = Dispatch(self, message, done, sender)
        self.start(dispatch)
        await waiter
        return dispatch.handled

    def _drain(self) -> None:
        queue = self._queue
        until = perf_counter() + self.TURN_SECONDS
        self.max_queue = max(self.max_queue, len(queue))
        try:
            while queue:
                # The clock is read once for sixteen messages: it costs as much as a handler.
                for _ in range(min(16, len(queue))):
                    self.start(queue.popleft())
                if perf_counter() > until:
                    break
        finally:
            self._draining = bool(queue)
            if queue:
                asyncio.get_running_loop().call_soon(self._drain)
            elif self._queue_short:
                told, self._queue_short = self._queue_short, []
                for one in told:
                    one()

    def finish(self, dispatch: Dispatch) -> None:
        """Ends a dispatch: the watchers are told, then the sender."""
        self.dispatched += 1
        self.in_flight -= 1
        journey = dispatch.journey
        watchers = self._watch_views.get(dispatch.message.name, self._watch_all)
        for watcher in watchers:
            watcher.notice(dispatch)
        if journey is not None:
            journey.end(dispatch, watchers)
        if dispatch.done is not None:
            dispatch.done(dispatch)
        if self._idle is not None and not self.in_flight and not self._queue:
            self._idle.set()

    # Tasks of coroutine handlers

    def run_task(self, handler: Awaitable[bool | None]) -> asyncio.Future[bool | None]:
        """Runs a coroutine handler and keeps its task until it ends."""
        task = asyncio.ensure_future(handler)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def wait_idle(self, seconds: float) -> None:
        """Waits until no message is in flight, at most so many seconds."""
        if not self.in_flight and not self._queue:
            return
        self._idle = asyncio.Event()
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            self.log.debug(WARN, "engine", f"{self.in_flight} messages still in flight at stop")
        finally:
            self._idle = None

    async def stop(self) -> None:
        """Cancels the coroutine handlers that still run and waits for them.

        A message that is released so may go on to a further coroutine handler: to that too.
        """
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
