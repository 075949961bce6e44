"""Who may do what on a listener, and how guessing a password is slowed down."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from console.server import passwords
from console.session.authority import Authority

FIRST_DELAY = 0.5
"""Seconds that a source waits after its first wrong password; doubles with each further one."""

LONGEST_DELAY = 60.0

GUESSES = 5
"""Wrong passwords of one source that are looked at in `WINDOW` seconds; no more are."""

WINDOW = 60.0

_FORGET = 600.0
"""Seconds after which a source's wrong passwords are forgotten."""

_SOURCES = 4096
"""Sources that are remembered; past that the one that came first is forgotten."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The passwords of a listener, as stored; a blank one is none."""

    admin: str = ""
    user: str = ""

    @property
    def none(self) -> bool:
        """Whether there is no password at all."""
        return not (self.admin or self.user)

    async def authority_of(self, password: str) -> Authority | None:
        """What `password` makes of a session; both are compared, whatever the first says."""
        is_admin = await passwords.matches(self.admin, password)
        is_user = await passwords.matches(self.user, password)
        if is_admin:
            return Authority.ADMIN
        return Authority.USER if is_user else None


@dataclass
class _Source:
    wrong: deque[float] = field(default_factory=deque)
    in_a_row: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class TooMany(Exception):
    """A source has used up its guesses; `seconds` until it may try again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"wait {seconds:.0f} seconds")
        self.seconds = seconds


class Guard:
    """Slows guessing down, for each source by itself.

    Wrong passwords count, over all connections of a source; they are looked at one after the
    other, after a delay that doubles, and no more than `GUESSES` in `WINDOW` seconds.

    Args:
        clock: the time in seconds, the loop's.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._sources: dict[str, _Source] = {}

    async def check(
        self, name: str, check: Callable[[], Awaitable[Authority | None]]
    ) -> Authority | None:
        """What `check` says, when the source may have it looked at. Raises `TooMany`."""
        source = self._sources.get(name) or self._remember(name)
        self._refuse_past_limit(source)
        async with source.turn:
            # Those that had to wait for their turn are past the limit by now, perhaps.
            self._refuse_past_limit(source)
            if source.in_a_row:
                delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (source.in_a_row - 1))
                await self._sleep(max(0.0, source.wrong[-1] + delay - self._clock()))
            found = await check()
            if found is None:
                source.in_a_row += 1
                source.wrong.append(self._clock())
            else:
                source.in_a_row = 0
        return found

    def _refuse_past_limit(self, source: _Source) -> None:
        now = self._clock()
        recent = [when for when in source.wrong if when > now - WINDOW]
        if len(recent) >= GUESSES:
            raise TooMany(recent[-GUESSES] + WINDOW - now)

    def _remember(self, name: str) -> _Source:
        if len(self._sources) >= _SOURCES:
            now = self._clock()
            self._sources = {
                other: source
                for other, source in self._sources.items()
                if source.turn.locked() or (source.wrong and source.wrong[-1] > now - _FORGET)
            }
            if len(self._sources) >= _SOURCES:
                del self._sources[next(iter(self._sources))]
        made = self._sources[name] = _Source(deque(maxlen=GUESSES))
        return made


class UserCommands:
    """The commands beyond their authority that a listener lets its users give.

    Args:
        prefixes: whole words at a command's start, from ``user_prefix``.
        pattern: an expression that the whole line is searched for, from ``user_regexp``.
    """

    def __init__(self, prefixes: tuple[str, ...], pattern: re.Pattern[str] | None) -> None:
        self._prefixes = tuple(prefix.split() for prefix in prefixes)
        self._pattern = pattern

    def __call__(self, line: str) -> bool:
        words = line.split()
        if any(words[: len(prefix)] == prefix for prefix in self._prefixes):
            return True
        return self._pattern is not None and self._pattern.search(line) is not None


_SPECIAL = {"+", "?", "|", "(", ")", "{", "}"}


def posix_basic(text: str) -> re.Pattern[str]:
    r"""A POSIX basic expression, as ``user_regexp`` holds one, as Python's: ``\|`` and its
    kind are special with a backslash, ``|`` without. Raises re.error."""
    made: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        following = text[at + 1 : at + 2]
        if char == "[":
            end = text.find("]", at + 2 + (following == "^"))
            end = len(text) if end < 0 else end + 1
            made.append(text[at:end].replace("\\", "\\\\"))
            at = end
        elif char == "\\" and following:
            made.append(following if following in _SPECIAL else char + following)
            at += 2
        else:
            made.append("\\" + char if char in _SPECIAL else char)
            at += 1
    return re.compile("".join(made))
