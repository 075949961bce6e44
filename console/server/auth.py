"""Passwords of a listener, what they allow, and the protection against guessing them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from console.server import passwords
from console.session.authority import Authority
from yext import Reply, log
from yext.command import EOL
from yext.errors import YextError
from yext.record.patterns import Matcher

if TYPE_CHECKING:
    from console.session.session import Session

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


@dataclass(frozen=True, slots=True)
class Credentials:
    """The passwords of a listener as they are stored; a blank one is no password."""

    admin: str = ""
    user: str = ""

    @property
    def none(self) -> bool:
        """Whether there is no password at all."""
        return not (self.admin or self.user)

    async def authority_of(self, password: str) -> Authority | None:
        """Return the authority that `password` gives, None for a wrong one.

        Both are compared in any case, so that the time of a reply reveals nothing.
        """
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


class TooManyGuessesError(YextError):
    """A source has used up its guesses of a password.

    Attributes:
        seconds: how long it has to wait before the next one.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"wait {seconds:.0f} seconds")
        self.seconds = seconds


class Guard:
    """Slows down the guessing of passwords, for each source by itself.

    Wrong passwords count over all connections of a source. They are checked one after the
    other, each after a delay that doubles, and no more than `GUESSES` in `WINDOW` seconds.

    Args:
        clock: returns the time in seconds, by default the loop's.
        sleep: waits for a number of seconds.
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
        """Return the result of `check` when it is the turn of source `name`.

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
                source.in_a_row += 1
                source.wrong.append(self._clock())
            else:
                source.in_a_row = 0
        return found

    def _refuse_past_limit(self, source: _Source) -> None:
        now = self._clock()
        recent = [when for when in source.wrong if when > now - WINDOW]
        if len(recent) >= GUESSES:
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


class Authenticator:
    """Carries out `auth` for one connection.

    Args:
        credentials: the passwords of its listener.
        guard: slows down guessing.
        source: the source of the connection, by which wrong passwords are counted.
        debug: logs text at a debug level.
    """

    def __init__(
        self,
        credentials: Credentials,
        guard: Guard,
        source: str,
        debug: Callable[[int, str], None],
    ) -> None:
        self._credentials = credentials
        self._guard = guard
        self._source = source
        self._debug = debug

    async def authenticate(self, session: Session, password: str) -> Reply:
        """Raise the authority of `session` to what `password` allows."""
        found = None
        if password:
            try:
                found = await self._guard.check(
                    self._source, lambda: self._credentials.authority_of(password)
                )
            except TooManyGuessesError as error:
                return _refusal("toomany", f"Too many wrong passwords from this address: {error}")
            if found is None:
                self._debug(log.WARN, f"Failed authentication from {session.address}")
        if found is None:
            return _refusal("badpass", "Bad authentication password!")
        name = found.name.lower()
        if found <= session.authority:
            return Reply(True, f"You are already authenticated as {name}!{EOL}")
        session.authority = found
        return Reply(True, f"Authenticated successfully as {name}!{EOL}")


def _refusal(error: str, text: str) -> Reply:
    return Reply(False, text + EOL, {"reason": text, "error": error})


class UserCommands:
    """The commands beyond their authority that a listener allows its users.

    Args:
        prefixes: whole words at the start of a command line, from ``user_prefix``.
        pattern: an expression that is searched for in the whole line, from ``user_regexp``.
    """

    def __init__(self, prefixes: tuple[str, ...], pattern: Matcher | None) -> None:
        self._prefixes = tuple(prefix.split() for prefix in prefixes)
        self._pattern = pattern

    def __call__(self, line: str) -> bool:
        words = line.split()
        if any(words[: len(prefix)] == prefix for prefix in self._prefixes):
            return True
        return self._pattern is not None and self._pattern(line)
