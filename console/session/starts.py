"""The programs that a batch of commands starts, and waits for before its next command."""

from __future__ import annotations

import asyncio
import contextlib

from yext.console.session.session import Session
from yext.engine.module import Start, starts_of


class Starts:
    """Waits for the programs that a session's commands, or the configuration, have started.

    Args:
        session: the session.
        seconds: the longest wait for a program; 0 waits for none.
        strict: whether a program of the configuration counts for `failed` too.
    """

    def __init__(self, session: Session, seconds: float, *, strict: bool) -> None:
        self._session = session
        self._seconds = seconds
        self._strict = strict
        self._seen: dict[Start, None] = {}
        if seconds:
            session.settle = self.settle  # Between the commands of a file or an alias too.

    async def settle(self) -> None:
        """Wait until each program that was started since the last call is settled: it has done
        what it does at first, or has ended, or the time is up."""
        await asyncio.sleep(0)  # The notice of an early end comes in the turn after the reply.
        new = [start for start in self._started() if start not in self._seen]
        self._seen.update(dict.fromkeys(new))
        waiting = [start for start in new if not start.over]
        if waiting and self._seconds:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await asyncio.gather(*(start.settled() for start in waiting))

    def _started(self) -> list[Start]:
        session = self._session
        return [one for one in starts_of(session.engine) if one.session in ("", session.label)]

    @property
    def failed(self) -> bool:
        """True if one of them ended badly; of the configuration, also if it could not be started.

        The reply to a command says itself that it could not start a program.
        """
        return any(self._counts(start) for start in self._seen)

    def _counts(self, start: Start) -> bool:
        return bool(start.reason) and (start.ran if start.session else self._strict)
