"""Takes messages through their handlers, by priority, and then to the watchers.

A dispatch is a small object that walks on when an answer comes: there is no task, future
or coroutine for a message. Only a handler that is a coroutine function pays for a task.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TYPE_CHECKING, Final

from yext.handler import PENDING, Handler, Sender, Watcher
from yext.log import WARN, Log
from yext.message import Message

if TYPE_CHECKING:
    from yext.record.recorder import Recording, Sniffer

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

    def __init__(self, log: Log, sniffer: Sniffer | None = None) -> None:
        self.log = log
        self.sniffer = sniffer
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
        sniffer = self.sniffer
        if dispatch.journey is not None:
            dispatch.journey.start()
        elif sniffer is not None and sniffer.active and sniffer.wants(dispatch.message.name):
            dispatch.journey = sniffer.begin(dispatch)
        dispatch.advance()

    def enqueue(self, dispatch: Dispatch) -> None:
        """Dispatches in a later turn of the loop, in the order of arrival."""
        self.enqueued += 1
        sniffer = self.sniffer
        if sniffer is not None and sniffer.active and sniffer.wants(dispatch.message.name):
            # Now, and not when its turn comes, it is known what the sender is handling.
            dispatch.journey = sniffer.begin(dispatch)
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
