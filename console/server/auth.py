"""Passwords of a listener, and what they allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yext import Reply, log
from yext.access import passwords
from yext.access.guard import Guard
from yext.command import EOL
from yext.console.session.authority import Authority
from yext.errors import TooManyGuessesError
from yext.patterns.wildcards import Matcher

if TYPE_CHECKING:
    from yext.console.session.session import Session


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
