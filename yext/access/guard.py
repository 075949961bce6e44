"""Protection against guessing passwords, for each source of connections."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from yext.errors import TooManyGuessesError

Found = TypeVar("Found")
"""The type of what a right password gives."""

FIRST_DELAY = 0.5
"""Seconds that a source waits after its first wrong password, doubled for each further one."""

LONGEST_DELAY = 60.0

GUESSES = 5
"""Wrong passwords that one source may give in `WINDOW` seconds before it is refused."""

WINDOW = 60.0

_FORGET = 600.0
"""Seconds after which the wrong passwords of a source are forgotten."""

_SOURCES = 4096
"""Sources that are remembered; beyond that the one that came first is forgotten."""


@dataclass
class _Source:
    wrong: deque[float] = field(default_factory=deque)
    in_a_row: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Guard:
    """Slows down the guessing of passwords, for each source by itself.

    Wrong passwords count over all connections of a source. They are checked one after the
    other, each after a delay that doubles, and no more than `GUESSES` in `WINDOW` seconds.

    Args:
        clock: returns the time in seconds, by default the loop's.
        sleep: waits for a number of seconds.

    Attributes:
        failures: how many passwords were wrong, or refused unseen.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._sources: dict[str, _Source] = {}
        self.failures = 0

    async def check(self, name: str, check: Callable[[], Awaitable[Found | None]]) -> Found | None:
        """Return the result of `check` when it is the turn of source `name`.

        Args:
            name: the source, from `yext.sockets.peercred.source`.
            check: compares the password; returns None for a wrong one.

        Raises:
            TooManyGuessesError: the source has used up its guesses.
        """
        source = self._sources.get(name) or self._remember(name)
        self._refuse_past_limit(source)
        async with source.turn:
            # Others of the same source may have used up the limit in the meantime.
            self._refuse_past_limit(source)
            if source.in_a_row:
                delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (source.in_a_row - 1))
                await self._sleep(max(0.0, source.wrong[-1] + delay - self._clock()))
            found = await check()
            if found is None:
                self.failures += 1
                source.in_a_row += 1
                source.wrong.append(self._clock())
            else:
                source.in_a_row = 0
        return found

    def _refuse_past_limit(self, source: _Source) -> None:
        now = self._clock()
        recent = [when for when in source.wrong if when > now - WINDOW]
        if len(recent) >= GUESSES:
            self.failures += 1
            raise TooManyGuessesError(recent[-GUESSES] + WINDOW - now)

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
