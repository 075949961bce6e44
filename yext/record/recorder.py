"""The record of dispatched messages: a bounded ring of journeys, and their followers.

Nothing is recorded without a follower; a dispatch then costs one test of an attribute.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, cast

from yext.conf.options import Option, describe_changes, read_options
from yext.patterns.wildcards import wildcard

if TYPE_CHECKING:
    from yext.conf import Conf, Problem
    from yext.dispatcher import Dispatch
    from yext.record.journey import Journey
    from yext.record.recording import Recording

OPTIONS = (
    Option("messages", "int", 10_000, 1, 1_000_000, "messages", "messages that the record keeps"),
    Option(
        "bytes", "int", 32 * 1024 * 1024, 65536, 2**31 - 1, "bytes",
        "approximate memory of the record",
    ),
    Option("lines", "int", 50, 1, 10_000, "lines/s", "most lines of the flow shown in a session"),
    Option("held", "int", 16, 1, 1000, "messages", "messages that operators hold at once"),
    Option(
        "held_seconds", "int", 60, 1, 3600, "seconds",
        "longest time that a message is held whose sender's patience is not known",
    ),
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

Follower = Callable[["Journey"], None]
"""A function that gets each journey at its end."""

NameTest = Callable[[str], bool]
"""A function that returns True for the message names that a follower wants."""


def every_name(name: str) -> bool:
    """Return True: a follower with this test wants all messages."""
    return True


class FlowRecorder:
    """Records messages while there are followers.

    Attributes:
        active: True while there are followers.
        max_messages, max_bytes: the bounds of the record.
        lines: how many lines of the flow an operator is shown, per second.
        held_most: how many messages operators may hold at once.
        held_seconds: how long a message is held at most, in seconds.
        open: the journeys that go on, by number.
        fetch: returns the journeys of a recorder elsewhere, whose followers are here; None where
            this one has all there are. Raises `YextError`.
    """

    def __init__(self) -> None:
        self.active = False
        self.open: dict[int, Journey] = {}
        self.fetch: Callable[[], Awaitable[list[Journey]]] | None = None
        self._followers: dict[Follower, NameTest] = {}
        self._follower_list: tuple[Follower, ...] = ()
        self._wanted: dict[str, bool] = {}
        self._ring: deque[Journey] = deque()
        self._bytes = 0
        self._numbers = itertools.count(1)
        self._recording: type[Recording] | None = None
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
        self.held_most = cast(int, values["held"])
        self.held_seconds = cast(int, values["held_seconds"])
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

    def _load(self) -> type[Recording]:
        """Import what records: nothing is recorded in most starts."""
        from yext.record.recording import Recording

        self._recording = Recording
        return Recording

    def begin(self, dispatch: Dispatch) -> Recording:
        """Start the record of a dispatch."""
        journey = (self._recording or self._load())(self, next(self._numbers), dispatch)
        self.open[journey.number] = journey
        return journey

    def keep(self, journey: Journey) -> None:
        """Add a journey that has ended to the ring, and pass it to the followers."""
        self.open.pop(journey.number, None)
        if not journey.kept_size:
            journey.kept_size = journey.size()
        self._ring.append(journey)
        self._bytes += journey.kept_size
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
