"""How a process ended, and what it left behind in its process group."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress

from yext.extmodule.diagnosis.exitstatus import ExitStatus


def reap(pidfd: int) -> ExitStatus:
    """Collect the exit status of the ended child behind `pidfd`.

    It is unknown where the program that embeds the engine has collected it before.
    """
    try:
        result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
    except ChildProcessError:
        return ExitStatus()
    if result is None:
        return ExitStatus()
    if result.si_code == os.CLD_EXITED:
        return ExitStatus(code=result.si_status)
    return ExitStatus(signal=result.si_status)


class Ladder:
    """The way down of a script whose input was just closed.

    SIGTERM to its process group after the first of `waits` (seconds), SIGKILL after the second;
    `killed` is called then. Whoever sees the end cancels it.

    Attributes:
        signalled: whether it came to SIGTERM.
    """

    def __init__(self, group: int, waits: tuple[float, float], killed: Callable[[], None]) -> None:
        self.signalled = False
        self._group = group
        self._killed = killed
        self._wait = waits[1]
        self._deadline = float("inf")
        self._loop = asyncio.get_running_loop()
        self._next = self._loop.call_later(waits[0], self._terminate)

    def hurry(self, deadline: float) -> None:
        """Has SIGKILL sent at `deadline`, on the loop's clock, if not earlier."""
        self._deadline = min(deadline, self._deadline)
        if self._next.when() > self._deadline:
            self._next.cancel()
            step = self._kill if self.signalled else self._terminate
            self._next = self._loop.call_at(self._deadline, step)

    def cancel(self) -> None:
        """The script has ended."""
        self._next.cancel()

    def _terminate(self) -> None:
        self.signalled = True
        self._signal(signal.SIGTERM)
        at = min(self._loop.time() + self._wait, self._deadline)
        self._next = self._loop.call_at(at, self._kill)

    def _kill(self) -> None:
        self._killed()
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._group, number)


class Leftovers:
    """The process groups of scripts that have ended: what is left in them is ended too.

    `forget` is called with each group once nobody is left in it.
    """

    def __init__(self, forget: Callable[[int], None]) -> None:
        self._forget = forget
        self._groups: dict[int, asyncio.TimerHandle] = {}

    def end(self, group: int, seconds: float) -> None:
        """The leader of `group` is gone: who is left gets SIGTERM, and SIGKILL `seconds` later."""
        if not _signal(group, signal.SIGTERM):
            self._forget(group)
            return
        loop = asyncio.get_running_loop()
        self._groups[group] = loop.call_later(seconds, self._kill, group)

    def reused(self, group: int) -> None:
        """A new script got this number: all of the old group are gone."""
        timer = self._groups.pop(group, None)
        if timer is not None:
            timer.cancel()

    def kill_all(self) -> None:
        """The engine ends: nobody is left."""
        for group, timer in list(self._groups.items()):
            timer.cancel()
            self._kill(group)

    def _kill(self, group: int) -> None:
        self._groups.pop(group, None)
        _signal(group, signal.SIGKILL)
        self._forget(group)


def _signal(group: int, number: int) -> bool:
    """Signals a group whose leader is gone; whether anybody was left in it.

    The number is not given to a new process while the group has members: where a process of
    that number lives, they are gone and it is a stranger.
    """
    if _lives(group):
        return False
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
