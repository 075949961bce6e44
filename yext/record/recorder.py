"""The record of dispatched messages: a bounded ring of journeys, and their followers.

Nothing is recorded without a follower; a dispatch then costs one test of an attribute.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, cast

from yext.conf.options import Option, describe_changes, read_options
from yext.dispatcher import NoAnswer
from yext.message import Message
from yext.record.journey import EncodedParams, Journey, Step, StepResult, changes
from yext.record.patterns import wildcard

if TYPE_CHECKING:
    from yext.conf import Conf, Problem
    from yext.dispatcher import Dispatch, Handler, Watcher

OPTIONS = (
    Option("messages", "int", 10_000, 1, 1_000_000, "messages", "messages that the record keeps"),
    Option(
        "bytes", "int", 32 * 1024 * 1024, 65536, 2**31 - 1, "bytes",
        "approximate memory of the record",
    ),
    Option("lines", "int", 50, 1, 10_000, "lines/s", "most lines of the flow shown in a session"),
    Option(
        "secret", "str", "*password*,*passwd*,*secret*",
        help="parameters hidden from observers, with wildcards",
    ),
)  # fmt: skip
"""The section ``[sniffer]`` of yate.conf."""

SECTION = "sniffer"

_DEFAULTS: Mapping[str, object] = {option.name: option.default for option in OPTIONS}


_NAMES_KNOWN = 1000
"""For how many message names it is remembered whether they are followed: peers may invent names."""

Follower = Callable[[Journey], None]
"""A function that gets each journey at its end."""

NameTest = Callable[[str], bool]
"""A function that returns True for the message names that a follower wants."""


def every_name(name: str) -> bool:
    """Return True: a follower with this test wants all messages."""
    return True


_NOTHING: tuple[str, str, str | dict[str, str]] = ("", "", "")


_HANDLED, _PASSED = StepResult.HANDLED, StepResult.PASSED

_FAILED = {
    NoAnswer.TIMED_OUT: StepResult.TIMED_OUT,
    NoAnswer.GONE: StepResult.GONE,
}


def _mapping(snapshot: str | dict[str, str]) -> Mapping[str, str]:
    """The parameters of a `Message.snapshot`."""
    return EncodedParams(snapshot) if isinstance(snapshot, str) else snapshot


class Recording(Journey):
    """A journey that goes on; the dispatch reports its steps. See `yext.dispatcher.Recording`."""

    __slots__ = ("_before", "_entered", "_first", "_recorder", "_started")

    def __init__(self, recorder: FlowRecorder, number: int, dispatch: Dispatch) -> None:
        message, sender = dispatch.message, dispatch.sender
        outer = sender.handling() if sender is not None else None
        parent = outer.journey if outer is not None else None
        self._first = message.snapshot()
        # Set one by one: the constructor of the dataclass makes a record cost 8 % more
        # (tests/bench, row traced).
        self.number = number
        self.when = time.time()
        self.name = message.name
        self.sender = sender.label if sender is not None else "engine"
        self.params = self.after = _mapping(self._first)
        self.parent, self.depth = (parent.number, parent.depth + 1) if parent else (0, 0)
        self.steps = []
        self.handled = self.ended = False
        self.watchers = ()
        self.renamed = self.retvalue = ""
        self.took = 0.0
        self.kept_size = 0
        self._recorder = recorder
        self._started = self._entered = perf_counter()
        self._before = _NOTHING

    def start(self) -> None:
        """Begin: the time in the queue does not count as that of the handlers."""
        self._started = perf_counter()

    def enter(self, handler: Handler, message: Message) -> None:
        """Record that `handler` is about to be called."""
        self.steps.append(Step(handler.owner, handler.priority))
        self._before = (message.name, message.retvalue, message.snapshot())
        self._entered = perf_counter()

    def leave(
        self, handler: Handler, message: Message, handled: bool, outcome: NoAnswer | None
    ) -> None:
        """Record that `handler` has answered, or why it did not."""
        step = self.steps[-1]
        step.took = perf_counter() - self._entered
        step.result = (_HANDLED if handled else _PASSED) if outcome is None else _FAILED[outcome]
        name, retvalue, params = self._before
        after = message.snapshot()
        if after is not params and after != params:
            step.changes = changes(_mapping(params), _mapping(after))
        if message.name != name:
            step.renamed = message.name
        if message.retvalue != retvalue:
            step.retvalue = message.retvalue

    def late(self, owner: str, waited: float) -> None:
        """Record that `owner` answered `waited` seconds after its timeout, too late to count."""
        for step in self.steps:
            if step.owner == owner and step.result is StepResult.TIMED_OUT:
                step.result = StepResult.LATE
                step.took += waited
                if self.ended:
                    self._recorder.publish(self)
                return

    def end(self, dispatch: Dispatch, watchers: Sequence[Watcher]) -> None:
        """End: the dispatch is over and the `watchers` were notified."""
        message = dispatch.message
        self.took = perf_counter() - self._started
        self.handled = dispatch.handled
        if watchers:
            self.watchers = tuple([watcher.label for watcher in watchers])
        for handler in dispatch.remaining():
            self.steps.append(Step(handler.owner, handler.priority, result=StepResult.NOT_ASKED))
        if message.name != self.name:
            self.renamed = message.name
        after = message.snapshot()
        # Most messages end as they began: then one copy is enough.
        if after is not self._first and _mapping(after) != self.params:
            self.after = _mapping(after)
        self.retvalue = message.retvalue
        self.ended = True
        self._before = _NOTHING
        self._first = ""
        self._recorder.keep(self)


class FlowRecorder:
    """Records messages while there are followers.

    Attributes:
        active: True while there are followers.
        max_messages, max_bytes: the bounds of the record.
        lines: how many lines of the flow an operator is shown, per second.
        open: the journeys that go on, by number.
    """

    def __init__(self) -> None:
        self.active = False
        self.open: dict[int, Journey] = {}
        self._followers: dict[Follower, NameTest] = {}
        self._follower_list: tuple[Follower, ...] = ()
        self._wanted: dict[str, bool] = {}
        self._ring: deque[Journey] = deque()
        self._bytes = 0
        self._numbers = itertools.count(1)
        self._planned = self._values = _DEFAULTS
        self.apply_conf()

    def read_conf(self, main: Conf) -> list[Problem]:
        """Read the options from yate.conf, for `apply_conf`; return the problems."""
        self._planned, problems = read_options(main, SECTION, OPTIONS)
        return problems

    def apply_conf(self) -> list[str]:
        """Apply the options that were read; return a line for each one that has changed."""
        changed = describe_changes(OPTIONS, self._values, self._planned)
        self._values = values = self._planned
        self.max_messages = cast(int, values["messages"])
        self.max_bytes = cast(int, values["bytes"])
        self.lines = cast(int, values["lines"])
        names = [name.strip() for name in cast(str, values["secret"]).lower().split(",")]
        self._secret = [wildcard(name) for name in names if name]
        self._trim()
        return [f"[{SECTION}] {name}: {change}" for name, change in changed.items()]

    def secret(self, param: str) -> bool:
        """Return True if the value of the parameter `param` is hidden from observers."""
        lower = param.lower()
        return any(fits(lower) for fits in self._secret)

    def follow(self, follower: Follower, wants: NameTest = every_name) -> Callable[[], None]:
        """Call `follower` with each journey at its end; return a function that ends that.

        A journey is passed again, with the same number, when a late answer comes.

        Args:
            follower: the function to call.
            wants: returns True for the message names that the follower wants. A message that
                no follower wants is not recorded; one that any of them wants is passed to all.
        """
        self._followers[follower] = wants
        self._followers_changed()

        def unfollow() -> None:
            self._followers.pop(follower, None)
            self._followers_changed()

        return unfollow

    def _followers_changed(self) -> None:
        self.active = bool(self._followers)
        self._follower_list = tuple(self._followers)
        self._wanted.clear()

    def wants(self, name: str) -> bool:
        """Return True if any follower wants this name."""
        wanted = self._wanted.get(name)
        if wanted is None:
            wanted = any(wants(name) for wants in self._followers.values())
            if len(self._wanted) >= _NAMES_KNOWN:
                self._wanted.clear()
            self._wanted[name] = wanted
        return wanted

    def begin(self, dispatch: Dispatch) -> Recording:
        """Start the record of a dispatch."""
        journey = Recording(self, next(self._numbers), dispatch)
        self.open[journey.number] = journey
        return journey

    def keep(self, journey: Journey) -> None:
        """Add a journey that has ended to the ring, and pass it to the followers."""
        self.open.pop(journey.number, None)
        journey.kept_size = size = journey.size()
        self._ring.append(journey)
        self._bytes += size
        if len(self._ring) > self.max_messages or self._bytes > self.max_bytes:
            self._trim()
        for follower in self._follower_list:
            follower(journey)

    def _trim(self) -> None:
        while len(self._ring) > self.max_messages or self._bytes > self.max_bytes:
            self._bytes -= self._ring.popleft().kept_size

    def publish(self, journey: Journey) -> None:
        """Pass `journey` to all followers."""
        for follower in self._follower_list:
            follower(journey)

    def last(self, count: int) -> list[Journey]:
        """Return the last `count` journeys, in the order in which they ended."""
        return list(itertools.islice(self._ring, max(0, len(self._ring) - count), None))

    def find(self, number: int) -> Journey | None:
        """Return the journey of that number, None if the ring does not have it (any more)."""
        found = (journey for journey in reversed(self._ring) if journey.number == number)
        return next(found, None)

    def clear(self) -> None:
        """Remove all journeys."""
        self._ring.clear()
        self._bytes = 0
