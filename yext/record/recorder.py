"""The record of dispatched messages: a bounded ring of journeys, and who follows them.

Nothing is recorded while nobody asks for it, and then a dispatch pays one attribute test.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, cast

from yext.conf.options import Option, describe_changes, read_options
from yext.message import Message
from yext.record.journey import Change, Journey, Step, Written, changes
from yext.record.patterns import wildcard

if TYPE_CHECKING:
    from yext.conf import Conf, Problem
    from yext.dispatcher import Dispatch, Handler, Watcher


__all__ = ["Change", "FlowRecorder", "Journey", "Step"]

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
"""Message names of which it is kept whether somebody follows them: anybody may invent more."""

Follower = Callable[[Journey], None]

NameTest = Callable[[str], bool]


def every_name(name: str) -> bool:
    """Wants the messages of all names."""
    return True


_NOTHING: tuple[str, str, str | dict[str, str]] = ("", "", "")


def _mapping(snapshot: str | dict[str, str]) -> Mapping[str, str]:
    return Written(snapshot) if isinstance(snapshot, str) else snapshot


class Recording(Journey):
    """A journey while it goes on; what a dispatch tells of its steps."""

    __slots__ = ("_before", "_entered", "_first", "_recorder", "_started")

    def __init__(self, recorder: FlowRecorder, number: int, dispatch: Dispatch) -> None:
        message, sender = dispatch.message, dispatch.sender
        outer = sender.handling() if sender is not None else None
        parent = outer.journey if outer is not None else None
        self._first = message.snapshot()
        # One by one: the constructor of the dataclass makes a record cost 8 % more (tests/bench,
        # row traced).
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
        """The message has had to wait for its turn, which is not what its handlers took."""
        self._started = perf_counter()

    def enter(self, handler: Handler, message: Message) -> None:
        """`handler` is about to be asked."""
        self.steps.append(Step(handler.owner, handler.priority))
        self._before = (message.name, message.retvalue, message.snapshot())
        self._entered = perf_counter()

    def leave(self, handler: Handler, message: Message, handled: bool, outcome: str) -> None:
        """`handler` answered."""
        step = self.steps[-1]
        step.took = perf_counter() - self._entered
        step.result = outcome or ("handled" if handled else "passed")
        name, retvalue, params = self._before
        after = message.snapshot()
        if after is not params and after != params:
            step.changes = changes(_mapping(params), _mapping(after))
        if message.name != name:
            step.renamed = message.name
        if message.retvalue != retvalue:
            step.retvalue = message.retvalue

    def late(self, owner: str, waited: float) -> None:
        """`owner` answered `waited` seconds after it was given up: too late to count."""
        for step in self.steps:
            if step.owner == owner and step.result == "timed out":
                step.result = "late"
                step.took += waited
                if self.ended:
                    self._recorder.tell(self)
                return

    def end(self, dispatch: Dispatch, watchers: Sequence[Watcher]) -> None:
        """The dispatch is over and the `watchers` were told."""
        message = dispatch.message
        self.took = perf_counter() - self._started
        self.handled = dispatch.handled
        if watchers:
            self.watchers = tuple([watcher.label for watcher in watchers])
        for handler in dispatch.remaining():
            self.steps.append(Step(handler.owner, handler.priority, result="not asked"))
        if message.name != self.name:
            self.renamed = message.name
        after = message.snapshot()
        # Most messages end as they began: one copy is enough for a record of thousands.
        if after is not self._first and _mapping(after) != self.params:
            self.after = _mapping(after)
        self.retvalue = message.retvalue
        self.ended = True
        self._before = _NOTHING
        self._first = ""
        self._recorder.keep(self)


class FlowRecorder:
    """Records messages while somebody follows them.

    Attributes:
        active: whether somebody follows.
        max_messages, max_bytes: the bounds of the record.
        lines: how many lines a second of the flow an operator is shown.
        secret: whether a parameter's value is hidden from observers.
        open: the messages that are recorded and not over yet, by number.
    """

    def __init__(self) -> None:
        self.active = False
        self.open: dict[int, Journey] = {}
        self._followers: dict[Follower, NameTest] = {}
        self._told: tuple[Follower, ...] = ()
        self._wanted: dict[str, bool] = {}
        self._ring: deque[Journey] = deque()
        self._bytes = 0
        self._numbers = itertools.count(1)
        self._planned = self._values = _DEFAULTS
        self.apply_conf()

    def read_conf(self, main: Conf) -> list[Problem]:
        """Reads yate.conf into a plan for `apply_conf`; changes nothing."""
        self._planned, problems = read_options(main, SECTION, OPTIONS)
        return problems

    def apply_conf(self) -> list[str]:
        """Carries out what `read_conf` planned; returns a line for each option changed."""
        changed = describe_changes(OPTIONS, self._values, self._planned)
        self._values = values = self._planned
        self.max_messages = cast(int, values["messages"])
        self.max_bytes = cast(int, values["bytes"])
        self.lines = cast(int, values["lines"])
        listed = cast(str, values["secret"]).lower().split(",")
        self._secret = [wildcard(one.strip()) for one in listed if one.strip()]
        self._trim()
        return [f"[{SECTION}] {name}: {change}" for name, change in changed.items()]

    def secret(self, param: str) -> bool:
        """Whether observers may not see the value of `param`."""
        lower = param.lower()
        return any(fits(lower) for fits in self._secret)

    def follow(self, follower: Follower, wants: NameTest = every_name) -> Callable[[], None]:
        """Has `follower` called with each journey at its end; returns what ends that.

        `wants` tells which messages it can have a use for, by their names: what nobody wants is
        not recorded. A journey is told once more, under its number, when an answer to it comes
        late.
        """
        self._followers[follower] = wants
        self._followers_changed()

        def unfollow() -> None:
            self._followers.pop(follower, None)
            self._followers_changed()

        return unfollow

    def _followers_changed(self) -> None:
        self.active = bool(self._followers)
        self._told = tuple(self._followers)
        self._wanted.clear()

    def wants(self, name: str) -> bool:
        """Whether somebody may have a use for messages of that name."""
        wanted = self._wanted.get(name)
        if wanted is None:
            wanted = any(wants(name) for wants in self._followers.values())
            if len(self._wanted) >= _NAMES_KNOWN:
                self._wanted.clear()
            self._wanted[name] = wanted
        return wanted

    def begin(self, dispatch: Dispatch) -> Recording:
        """A dispatch starts; its journey is to be told of each step."""
        journey = Recording(self, next(self._numbers), dispatch)
        self.open[journey.number] = journey
        return journey

    def keep(self, journey: Journey) -> None:
        """A journey has ended: it goes into the ring and to the followers."""
        self.open.pop(journey.number, None)
        journey.kept_size = size = journey.size()
        self._ring.append(journey)
        self._bytes += size
        if len(self._ring) > self.max_messages or self._bytes > self.max_bytes:
            self._trim()
        for follower in self._told:
            follower(journey)

    def _trim(self) -> None:
        while len(self._ring) > self.max_messages or self._bytes > self.max_bytes:
            self._bytes -= self._ring.popleft().kept_size

    def tell(self, journey: Journey) -> None:
        """Tells `journey` to all followers."""
        for follower in self._told:
            follower(journey)

    def last(self, count: int) -> list[Journey]:
        """The last `count` journeys, in the order they ended."""
        return list(itertools.islice(self._ring, max(0, len(self._ring) - count), None))

    def find(self, number: int) -> Journey | None:
        """The journey of that number, while the ring holds it."""
        return next((one for one in reversed(self._ring) if one.number == number), None)

    def clear(self) -> None:
        """Forgets what was recorded."""
        self._ring.clear()
        self._bytes = 0
