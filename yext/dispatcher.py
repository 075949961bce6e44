"""The dispatcher: handlers by priority, watchers, and dispatches in flight.

A dispatch is a small object that goes on when an answer comes. There is no task, future or
coroutine for a message; only a handler that is a coroutine function costs a task.

Handlers, watchers and dispatches refer to each other by nature, so they share this file. The
recorder does not: it implements `Recorder`, and the dispatcher knows nothing else about it.
"""

from __future__ import annotations

import asyncio
import inspect
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from operator import attrgetter
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Protocol

from yext.log import WARN, Log, logger
from yext.message import Message
from yext.slices import Slices

if TYPE_CHECKING:
    from yext.measures.counts import Busiest, Count


class NoAnswer(StrEnum):
    """Why a handler that returned `PENDING` did not answer."""

    TIMED_OUT = "timed out"
    GONE = "gone"
    UNREACHABLE = "unreachable"


class Pending:
    """The type of `PENDING`."""

    __slots__ = ()


PENDING: Final = Pending()
"""The result of a handler that calls `Dispatch.answered` later."""

HandlerFunction = Callable[[Message], "bool | Awaitable[bool | None] | None"]


class Sender(Protocol):
    """A sender of messages: a peer, a session, the engine."""

    @property
    def label(self) -> str:
        """The sender's name in the message flow."""

    def handling(self, sent: Dispatch) -> Sequence[Dispatch]:
        """Return the dispatches that wait for this sender, of which `sent` is nested in one.

        It is nested in the only one there is, and in none if there is none. If there are several,
        nobody knows in which.
        """


class Handler:
    """An installed handler.

    Attributes:
        name: the message name, empty for all.
        priority: the priority; 0 is first. A negative one is read as unsigned 32 bits, so it
            comes last.
        owner: its name in the message flow.
        track: the module name for the tracking parameter, or empty.
        filter_name, filter_value: a parameter and the value that it must have, where a missing
            one counts as empty; no filter where the name is empty.
        key: the order in which handlers are called: priority, then sequence of installation.
        built_in: True if it belongs to a module of the engine, and so is always there.
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

    def fits(self, message: Message) -> bool:
        """Return True unless the filter keeps `message` out."""
        return not self.filter_name or message.get(self.filter_name) == self.filter_value

    def handle(self, message: Message, dispatch: Dispatch) -> bool | Pending:
        """Handle `message`; return True if it did, or `PENDING` if the answer comes later."""
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
        """Take the result of a coroutine handler.

        One that was cancelled as the engine stops, perhaps before its first step, must not hold
        the message up either.
        """
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
        message.mend()  # The next handlers must not fail for what this one put into it.
        logger.error("handler %s of %s raised", self.owner, message.name, exc_info=error)
        self.log.debug(WARN, self.owner, f"handler of {message.name} raised, counts as not handled")


class Watcher(Protocol):
    """A watcher, which is notified of messages after their dispatch."""

    label: str

    def notice(self, dispatch: Dispatch) -> None:
        """Take notice of a `dispatch` that is over, without changing its message."""


class Recording(Protocol):
    """The record of a dispatch while it goes on."""

    number: int
    depth: int

    def start(self) -> None:
        """Begin: the dispatch leaves the queue."""

    def enter(self, handler: Handler, message: Message) -> None:
        """Record that `handler` is about to be called."""

    def leave(
        self, handler: Handler, message: Message, handled: bool, outcome: NoAnswer | None
    ) -> None:
        """Record that `handler` has answered, or why it did not."""

    def sent_to(self, owner: str) -> None:
        """Record that the handler entered last has sent the message on to `owner` elsewhere."""

    def was_there(self, seconds: float) -> None:
        """Record how long that owner has taken where it is, without the way; before `leave`."""

    def remark(self, text: str) -> None:
        """Record why the handler entered last has decided as it does; before `leave`."""

    def late(self, owner: str, waited: float) -> None:
        """Record that `owner` answered `waited` seconds after its timeout, too late to count."""

    def end(self, dispatch: Dispatch, watchers: Sequence[Watcher]) -> None:
        """End: the dispatch is over and the `watchers` were notified."""


class Recorder(Protocol):
    """A recorder of dispatches.

    Attributes:
        active: True while there are followers; otherwise nothing is recorded.
    """

    active: bool

    def wants(self, name: str) -> bool:
        """Return True if any follower wants messages of this name."""

    def begin(self, dispatch: Dispatch) -> Recording:
        """Start the record of a dispatch."""


class Gate(Protocol):
    """What holds recorded messages back for operators."""

    def holds(self, dispatch: Dispatch) -> bool:
        """Return True to keep `dispatch` from its handlers; `Dispatch.advance` goes on with it."""

    def holds_reply(self, dispatch: Dispatch) -> bool:
        """Return True to keep the end of `dispatch` back; `Dispatcher.finish` goes on with it."""


class _Outdated(tuple[Handler, ...]):
    """The type of a view that has to be made again, without handlers."""

    __slots__ = ()


_OUTDATED: Final = _Outdated()
"""Stands for a view since handlers came or went, until the next message needs that view.

Peers install and remove their handlers in great numbers, with no message between them.
"""

_by_key: Final = attrgetter("key")

TRACKING: Final = "handlers"
"""The parameter that lists the modules that handled a message, as name:priority."""

_NEVER: Final = float("inf")


class Dispatch:
    """The dispatch of one message.

    Attributes:
        dispatcher: the dispatcher.
        message: the message.
        done: called at the end of the dispatch, None for nothing.
        sender: its sender, None for the engine itself.
        ident: the sender's id of the message, empty if the sender wants no answer.
        handled: True once a handler has handled the message.
        handler: the handler that was called last.
        outcome: why the last handler that did not answer did not, None if all have answered.
        notice_line: the line for watchers of the protocol, encoded once for all of them.
        journey: the record of the dispatch, None if nothing is recorded.
        deadline: when a peer must have answered, a time of the loop's clock.
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
        self.outcome: NoAnswer | None = None
        self.notice_line: str | None = None
        self.journey: Recording | None = None
        self.deadline = _NEVER
        self._view: tuple[Handler, ...] = ()
        self._index = 0

    def advance(self) -> None:
        """Call handlers until the end, or until one answers later.

        The view of a name is a tuple that is replaced and never changed: a new one means that
        handlers came or went, or that the message was renamed. The dispatch then goes on after the
        priority that it has reached (measured in tests/bench, row "many handlers").
        """
        dispatcher = self.dispatcher
        message = self.message
        journey = self.journey
        while True:
            view = dispatcher.views.get(message.name, dispatcher.wild)
            index = self._index
            if view is not self._view:
                if index:
                    view = dispatcher.view(message.name)
                    index = bisect_right(view, self._view[index - 1].key, key=_by_key)
                self._view = view
            if index >= len(view):
                if view is _OUTDATED:
                    dispatcher.view(message.name)
                    continue
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
                journey.leave(handler, message, result is True, None)
            if result:
                self.handled = True
                if not message.broadcast:
                    dispatcher.finish(self)
                    return

    def see_handlers(self) -> None:
        """Note which handlers there are, for a message that is answered before they are asked."""
        if not self._index:
            self._view = self.dispatcher.view(self.message.name)

    def remaining(self) -> tuple[Handler, ...]:
        """Return the handlers that were not called because the message was handled before."""
        return self._view[self._index :]

    def answered(self, handled: bool, outcome: NoAnswer | None = None) -> None:
        """Go on with the answer of a handler that returned `PENDING`.

        Args:
            handled: True if it handled the message.
            outcome: why there is no answer, None if there is one.
        """
        if self.journey is not None and self.handler is not None:
            self.journey.leave(self.handler, self.message, handled, outcome)
        if outcome is not None:
            self.outcome = outcome
        if handled:
            self.handled = True
            if not self.message.broadcast:
                self.dispatcher.finish(self)
                return
        self.advance()


def track(message: Message, name: str, priority: int) -> None:
    """Add a handler to the tracking parameter of a message."""
    entry = f"{name}:{priority}"
    before = message.params.get(TRACKING)
    message.params[TRACKING] = f"{before},{entry}" if before else entry


def _count_nothing(name: str) -> None:
    """Count no message."""


class _Renewing:
    """Stands for the watchers of a name since they came or went, until a message needs them."""

    label = ""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    def notice(self, dispatch: Dispatch) -> None:
        """Notify the watchers that there are now."""
        for watcher in self._dispatcher.watchers(dispatch.message.name):
            watcher.notice(dispatch)


class Dispatcher:
    """The handlers, watchers, queue and dispatches in flight of one engine.

    Attributes:
        log: the engine's log.
        recorder: the recorder, None for none.
        gate: what holds recorded messages back, None for nothing.
        views: the handlers of each message name in order, those for all names included; see
            `view`.
        wild: the handlers for all names, in order; see `view`.
        enqueued: how many messages were enqueued.
        dispatched: how many dispatches have ended.
        in_flight: how many dispatches go on.
        max_queue: the length of the queue at its longest.
        slices: the long work of peers, which messages do not wait for.
        counted: the messages by name, None while nobody counts them; see `count`.
    """

    TURN_SECONDS = 0.002
    """How long the queue is processed in one turn of the loop, in seconds."""

    QUEUE_LONG = 200
    """How many messages make the queue long: peers are not read then."""

    def __init__(self, log: Log, recorder: Recorder | None = None) -> None:
        self.log = log
        self.recorder = recorder
        self.gate: Gate | None = None
        self.slices = Slices()
        self.views: dict[str, tuple[Handler, ...]] = {}
        self.wild: tuple[Handler, ...] = ()
        self.enqueued = self.dispatched = self.in_flight = 0
        self.max_queue = 0
        self.counted: dict[str, Count] | None = None
        self._count_new: Callable[[str], None] = _count_nothing
        self._by_name: dict[str, list[Handler]] = {}
        self._sequence = 0
        self._waiters: list[asyncio.Future[None]] = []
        self._watch_names: dict[str, dict[Watcher, None]] = {}
        self._outdated: tuple[Watcher, ...] = (_Renewing(self),)
        self._watch_views: dict[str, tuple[Watcher, ...]] = {}
        self._watch_all: tuple[Watcher, ...] = ()
        self._queue: deque[Dispatch] = deque()
        self._queue_short: list[Callable[[], None]] = []
        self._draining = False
        self._tasks: set[asyncio.Future[bool | None]] = set()
        self._idle: asyncio.Event | None = None

    # Handlers

    def install(self, handler: Handler) -> None:
        """Install `handler` after the others of its priority."""
        self._sequence += 1
        handler.key = (handler.priority, self._sequence)
        insort(self._by_name.setdefault(handler.name, []), handler, key=_by_key)
        self._handlers_changed(handler.name)

    def uninstall(self, handler: Handler) -> None:
        """Remove `handler`; a dispatch that waits for its answer goes on waiting."""
        handlers = self._by_name.get(handler.name, [])
        index = bisect_left(handlers, handler.key, key=_by_key)
        if index == len(handlers) or handlers[index] is not handler:
            return
        del handlers[index]
        self._handlers_changed(handler.name)
        if not handlers:
            del self._by_name[handler.name]
            self.views.pop(handler.name, None)

    def replace(self, before: Handler, handler: Handler) -> None:
        """Put `handler` in the place of `before`, of the same message name and priority.

        A dispatch that `before` has been asked in, and passed on, does not ask `handler` again.
        """
        handlers = self._by_name.get(before.name, [])
        index = bisect_left(handlers, before.key, key=_by_key)
        if index == len(handlers) or handlers[index] is not before:
            self.install(handler)
            return
        handler.key = before.key
        handlers[index] = handler
        self._handlers_changed(handler.name)

    def restore(self, handler: Handler) -> None:
        """Install `handler`, which was removed, at the place that it had.

        A message that it was asked about, and that has gone on meanwhile, does not meet it again.
        """
        insort(self._by_name.setdefault(handler.name, []), handler, key=_by_key)
        self._handlers_changed(handler.name)

    def has(self, handler: Handler) -> bool:
        """Return True if `handler` is installed."""
        handlers = self._by_name.get(handler.name, ())
        index = bisect_left(handlers, handler.key, key=_by_key)
        return index < len(handlers) and handlers[index] is handler

    def _handlers_changed(self, name: str) -> None:
        """Note that the handlers of messages called `name`, of all if that is empty, changed."""
        if self._waiters:
            self._wake_waiters()
        if name:
            self.views[name] = _OUTDATED
        elif self.wild is not _OUTDATED:
            self.wild = _OUTDATED
            self.views = dict.fromkeys(self._by_name, _OUTDATED)

    def view(self, name: str) -> tuple[Handler, ...]:
        """Return the handlers of messages called `name` in order, made again if outdated."""
        wild = self.wild
        if wild is _OUTDATED:
            self.wild = wild = tuple(self._by_name.get("", ()))
        view = self.views.get(name, wild)
        if view is not _OUTDATED:
            return view
        own = self._by_name.get(name) if name else None
        if not own:
            self.views.pop(name, None)
            return wild
        # Both are in order, and sorting merges them in linear time.
        self.views[name] = view = tuple(sorted((*own, *wild), key=_by_key) if wild else own)
        return view

    def handlers(self) -> list[Handler]:
        """Return all handlers, by message name and then in the order in which they are called."""
        return [handler for name in sorted(self._by_name) for handler in self._by_name[name]]

    def handler_names(self) -> list[str]:
        """Return the message names that have handlers, sorted."""
        return sorted(name for name in self._by_name if name)

    async def installed(self, name: str, message: Message | None = None) -> None:
        """Wait until `is_installed`."""
        while not self.is_installed(name, message):
            await self.changed()

    def is_installed(self, name: str, message: Message | None = None) -> bool:
        """Return True if a handler of messages called `name` is there that is not built in.

        Args:
            message: if given, handlers whose filter keeps it out do not count.
        """
        return any(
            not handler.built_in and (message is None or handler.fits(message))
            for handler in self.view(name)
        )

    async def changed(self) -> None:
        """Wait until a handler or a watcher is installed or removed."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def _wake_waiters(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    # Watchers

    def watch(self, name: str, watcher: Watcher) -> None:
        """Notify `watcher` of messages called `name`, or of all messages if that is empty."""
        self._watch_names.setdefault(name, {})[watcher] = None
        self._watchers_changed(name)

    def unwatch(self, name: str, watcher: Watcher) -> None:
        """Take back a `watch`."""
        watchers = self._watch_names.get(name, {})
        if watcher not in watchers:
            return
        del watchers[watcher]
        self._watchers_changed(name)
        if not watchers:
            del self._watch_names[name]
            self._watch_views.pop(name, None)

    def _watchers_changed(self, name: str) -> None:
        if self._waiters:
            self._wake_waiters()
        if name:
            self._watch_views[name] = self._outdated
        elif self._watch_all is not self._outdated:
            self._watch_all = self._outdated
            self._watch_views = dict.fromkeys(self._watch_names, self._outdated)

    def watchers(self, name: str) -> tuple[Watcher, ...]:
        """Return the watchers of messages called `name`, made again if outdated."""
        if self._watch_all is self._outdated:
            self._watch_all = tuple(self._watch_names.get("", ()))
        view = self._watch_views.get(name, self._watch_all)
        if view is not self._outdated:
            return view
        own = self._watch_names.get(name) if name else None
        if not own:
            self._watch_views.pop(name, None)
            return self._watch_all
        # One that watches both the name and everything is notified once.
        self._watch_views[name] = view = tuple(dict.fromkeys((*own, *self._watch_all)))
        return view

    def watch_names(self) -> list[tuple[str, str]]:
        """Return all watches as (message name, label of the watcher); not those of no label."""
        return [
            (name, watcher.label)
            for name in sorted(self._watch_names)
            for watcher in self._watch_names[name]
            if watcher.label
        ]

    # Dispatching

    def start(self, dispatch: Dispatch) -> None:
        """Dispatch now. `Dispatch.done` is called at the end, perhaps before this returns."""
        self.in_flight += 1
        recorder = self.recorder
        if dispatch.journey is not None:
            dispatch.journey.start()
        elif recorder is not None and recorder.active and recorder.wants(dispatch.message.name):
            dispatch.journey = recorder.begin(dispatch)
        else:
            dispatch.advance()
            return
        if self.gate is None or not self.gate.holds(dispatch):
            dispatch.advance()

    def enqueue(self, dispatch: Dispatch) -> None:
        """Dispatch in a later turn of the loop, in order of arrival."""
        self.enqueued += 1
        recorder = self.recorder
        if recorder is not None and recorder.active and recorder.wants(dispatch.message.name):
            # What the sender is handling is known now, but no longer when the dispatch begins.
            dispatch.journey = recorder.begin(dispatch)
        self._queue.append(dispatch)
        if not self._draining:
            self._draining = True
            asyncio.get_running_loop().call_soon(self._drain)

    def queue_length(self) -> int:
        """Return how many messages wait in the queue."""
        return len(self._queue)

    def when_queue_is_short(self, callback: Callable[[], None]) -> bool:
        """Call `callback` once the queue is empty; return False if it is not long now."""
        if len(self._queue) < self.QUEUE_LONG:
            return False
        self._queue_short.append(callback)
        return True

    @property
    def dequeued(self) -> int:
        """How many messages have left the queue."""
        return self.enqueued - len(self._queue)

    async def dispatch(self, message: Message, sender: Sender | None = None) -> bool:
        """Dispatch `message` and wait; return True if a handler handled it."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(_: Dispatch) -> None:
            if not waiter.done():
                waiter.set_result(None)

        dispatch = Dispatch(self, message, done, sender)
        self.start(dispatch)
        await waiter
        return dispatch.handled

    def _drain(self) -> None:
        """Dispatch messages of the queue for one turn of the loop."""
        queue = self._queue
        until = perf_counter() + self.TURN_SECONDS
        self.max_queue = max(self.max_queue, len(queue))
        try:
            while queue:
                # The clock is read once for sixteen messages, as it costs as much as a handler.
                for _ in range(min(16, len(queue))):
                    self.start(queue.popleft())
                if perf_counter() > until:
                    break
        finally:
            self._draining = bool(queue)
            if queue:
                asyncio.get_running_loop().call_soon(self._drain)
            elif self._queue_short:
                callbacks, self._queue_short = self._queue_short, []
                for callback in callbacks:
                    callback()

    def finish(self, dispatch: Dispatch) -> None:
        """End a dispatch: notify the watchers, then the sender."""
        journey = dispatch.journey
        if journey is not None and self.gate is not None and self.gate.holds_reply(dispatch):
            return
        self.dispatched += 1
        self.in_flight -= 1
        name = dispatch.message.name
        counted = self.counted
        if counted is not None:
            try:
                counted[name].number += 1
            except KeyError:
                self._count_new(name)
        for watcher in self._watch_views.get(name, self._watch_all):
            watcher.notice(dispatch)
        if journey is not None:
            journey.end(dispatch, self._watch_views.get(name, self._watch_all))
        if dispatch.done is not None:
            dispatch.done(dispatch)
        if self._idle is not None and not self.in_flight and not self._queue:
            self._idle.set()

    def finish_part(self, dispatch: Dispatch) -> None:
        """End a dispatch that is part of another engine's, which notifies its own watchers."""
        self.dispatched += 1
        self.in_flight -= 1
        if dispatch.journey is not None:
            dispatch.journey.end(dispatch, ())
        if dispatch.done is not None:
            dispatch.done(dispatch)
        if self._idle is not None and not self.in_flight and not self._queue:
            self._idle.set()

    def count(self, names: Busiest | None) -> None:
        """Count the messages of each name from now on, or no longer."""
        self.counted = names.fresh if names is not None else None
        self._count_new = names.new if names is not None else _count_nothing

    # Tasks of coroutine handlers

    def run_task(self, handler: Awaitable[bool | None]) -> asyncio.Future[bool | None]:
        """Run a coroutine handler; keep its task until it ends."""
        task = asyncio.ensure_future(handler)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def wait_idle(self, seconds: float) -> None:
        """Wait until no message is in flight, at most some `seconds`."""
        self.slices.finish()
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
        """Cancel the coroutine handlers that still run, and wait for them.

        A message that one of them releases may go on to another one, which is cancelled too.
        """
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
