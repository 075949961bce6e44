"""The record of dispatched messages: a bounded ring, and each message's journey.

Nothing is recorded while nobody asks for it, and then a dispatch pays one attribute test.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from yext.message import Message

if TYPE_CHECKING:
    from yext.dispatcher import Dispatch, Handler, Watcher

DEFAULT_MESSAGES = 10_000
"""How many messages the record keeps."""

DEFAULT_BYTES = 32 * 1024 * 1024
"""How many bytes of text the record keeps."""

_FIXED_BYTES = 600
"""What a record takes beside its texts, about."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a handler did to one parameter: `before` None added it, `after` None removed it."""

    name: str
    before: str | None
    after: str | None


@dataclass(slots=True)
class Step:
    """One handler's part in a message's journey.

    Attributes:
        owner: who handled it.
        priority: at which priority.
        took: seconds until its answer.
        result: ``handled``, ``passed``, ``timed out``, ``gone``, ``waiting`` or ``not asked``.
        changes: what it did to the parameters.
        renamed: the new name of the message, empty where it kept the old.
        retvalue: the new return value, None where it kept the old.
    """

    owner: str
    priority: int
    took: float = 0.0
    result: str = "waiting"
    changes: tuple[Change, ...] = ()
    renamed: str = ""
    retvalue: str | None = None


class Journey:
    """What one message went through.

    Attributes:
        number: counts the recorded messages from 1, without gaps.
        parent: the number of the message during whose handling this one was sent, or 0.
        when: start, seconds since 1970.
        name: the name it started with.
        sender: who sent it.
        params: the parameters it started with.
        steps: the handlers in the order they were asked.
        handled: whether somebody handled it.
        took: seconds from start to end.
        watchers: who was told afterwards.
        message: name, return value and parameters at the end, as a message of its own.
        ended: whether it is over.
    """

    __slots__ = (
        "_before",
        "_entered",
        "_sniffer",
        "_started",
        "ended",
        "handled",
        "message",
        "name",
        "number",
        "params",
        "parent",
        "sender",
        "steps",
        "took",
        "watchers",
        "when",
    )

    def __init__(self, sniffer: Sniffer, number: int, dispatch: Dispatch) -> None:
        message = dispatch.message
        sender = dispatch.sender
        outer = sender.handling() if sender is not None else None
        self._sniffer = sniffer
        self.number = number
        self.parent = outer.journey.number if outer is not None and outer.journey else 0
        self.when = time.time()
        self.name = message.name
        self.sender = sender.label if sender is not None else "engine"
        self.params = dict(message.params)
        self.steps: list[Step] = []
        self.handled = False
        self.took = 0.0
        self.watchers: tuple[str, ...] = ()
        self.message = message
        self.ended = False
        self._started = self._entered = perf_counter()
        self._before: tuple[str, str, dict[str, str]] = ("", "", {})

    def enter(self, handler: Handler, message: Message) -> None:
        """`handler` is about to be asked."""
        self.steps.append(Step(handler.owner, handler.priority))
        self._before = (message.name, message.retvalue, dict(message.params))
        self._entered = perf_counter()

    def leave(self, handler: Handler, message: Message, handled: bool, outcome: str) -> None:
        """`handler` answered."""
        step = self.steps[-1]
        step.took = perf_counter() - self._entered
        step.result = outcome or ("handled" if handled else "passed")
        name, retvalue, params = self._before
        if message.params != params:
            step.changes = changes(params, message.params)
        if message.name != name:
            step.renamed = message.name
        if message.retvalue != retvalue:
            step.retvalue = message.retvalue

    def end(self, dispatch: Dispatch, watchers: Sequence[Watcher]) -> None:
        """The dispatch is over and the `watchers` were told."""
        message = dispatch.message
        self.took = perf_counter() - self._started
        self.handled = dispatch.handled
        self.watchers = tuple(watcher.label for watcher in watchers)
        self.steps += [
            Step(handler.owner, handler.priority, result="not asked")
            for handler in dispatch.remaining()
        ]
        self.message = Message(
            message.name, message.params, retvalue=message.retvalue, time=message.time
        )
        self.ended = True
        self._sniffer.keep(self)

    @property
    def handled_by(self) -> str:
        """Who handled it, empty for nobody."""
        return next((step.owner for step in self.steps if step.result == "handled"), "")

    @property
    def outcome(self) -> str:
        """``handled``, ``timed out``, ``gone`` or ``not handled``."""
        if self.handled:
            return "handled"
        failed = [step.result for step in self.steps if step.result in ("timed out", "gone")]
        return failed[-1] if failed else "not handled"

    def size(self) -> int:
        """About how many bytes this record takes."""
        texts = sum(len(key) + len(value) for key, value in self.params.items())
        final = sum(len(key) + len(value) for key, value in self.message.params.items())
        return _FIXED_BYTES + texts + final + len(self.message.retvalue)


def changes(before: dict[str, str], after: dict[str, str]) -> tuple[Change, ...]:
    """The difference between two sets of parameters, in the order of the later one."""
    found = [
        Change(name, before.get(name), value)
        for name, value in after.items()
        if before.get(name) != value
    ]
    found += [Change(name, value, None) for name, value in before.items() if name not in after]
    return tuple(found)


class Sniffer:
    """Records messages while somebody follows them."""

    def __init__(self, messages: int = DEFAULT_MESSAGES, size: int = DEFAULT_BYTES) -> None:
        self.active = False
        self.max_messages = messages
        self.max_bytes = size
        self._ring: deque[Journey] = deque()
        self._bytes = 0
        self._numbers = itertools.count(1)
        self._followers: list[Callable[[Journey], None]] = []

    def follow(self, follower: Callable[[Journey], None]) -> Callable[[], None]:
        """Has `follower` called with each journey at its end; returns what ends that."""
        self._followers.append(follower)
        self.active = True

        def unfollow() -> None:
            if follower in self._followers:
                self._followers.remove(follower)
            self.active = bool(self._followers)

        return unfollow

    def begin(self, dispatch: Dispatch) -> Journey:
        """A dispatch starts; its journey is to be told of each step."""
        return Journey(self, next(self._numbers), dispatch)

    def keep(self, journey: Journey) -> None:
        """A journey has ended: it goes into the ring and to the followers."""
        self._ring.append(journey)
        self._bytes += journey.size()
        while len(self._ring) > self.max_messages or self._bytes > self.max_bytes:
            self._bytes -= self._ring.popleft().size()
        for follower in tuple(self._followers):
            follower(journey)

    def last(self, count: int) -> list[Journey]:
        """The last `count` journeys, oldest first."""
        return list(itertools.islice(self._ring, max(0, len(self._ring) - count), None))

    def find(self, number: int) -> Journey | None:
        """The journey of that number, while the ring holds it."""
        return next((one for one in reversed(self._ring) if one.number == number), None)

    def clear(self) -> None:
        """Forgets what was recorded."""
        self._ring.clear()
        self._bytes = 0
