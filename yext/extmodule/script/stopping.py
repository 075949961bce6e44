"""The end of a script: reap it, stop it by signals, and end the rest of its process group."""

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


class StopSequence:
    """The signals that end a script whose input was just closed.

    SIGTERM is sent to its process group if it lives on for the first wait, SIGKILL if it lives on
    for the second one.

    Args:
        group: the process group.
        waits: the two waits, in seconds.
        on_kill: called just before SIGKILL is sent.

    Attributes:
        signalled: True once SIGTERM has been sent.
    """

    def __init__(self, group: int, waits: tuple[float, float], on_kill: Callable[[], None]) -> None:
        self.signalled = False
        self._group = group
        self._on_kill = on_kill
        self._wait = waits[1]
        self._deadline = float("inf")
        self._loop = asyncio.get_running_loop()
        self._next = self._loop.call_later(waits[0], self._terminate)

    def limit(self, deadline: float) -> None:
        """Send SIGKILL by `deadline`, a time of the loop's clock, if not earlier."""
        self._deadline = min(deadline, self._deadline)
        if self._next.when() > self._deadline:
            self._next.cancel()
            step = self._kill if self.signalled else self._terminate
            self._next = self._loop.call_at(self._deadline, step)

    def cancel(self) -> None:
        """Send no more signals: the script has ended."""
        self._next.cancel()

    def _terminate(self) -> None:
        self.signalled = True
        self._signal(signal.SIGTERM)
        at = min(self._loop.time() + self._wait, self._deadline)
        self._next = self._loop.call_at(at, self._kill)

    def _kill(self) -> None:
        self._on_kill()
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._group, number)


class Leftovers:
    """The process groups of scripts that have ended, whose other processes are ended too.

    Args:
        forget: called with each process group once it is empty or was killed.
    """

    def __init__(self, forget: Callable[[int], None]) -> None:
        self._forget = forget
        self._groups: dict[int, asyncio.TimerHandle] = {}

    def end(self, group: int, seconds: float) -> None:
        """End what is left of `group`, whose leader has ended.

        Its processes get SIGTERM now, and SIGKILL after some `seconds`.
        """
        if not _signal_rest(group, signal.SIGTERM):
            self._forget(group)
            return
        loop = asyncio.get_running_loop()
        self._groups[group] = loop.call_later(seconds, self._kill, group)

    def reused(self, group: int) -> None:
        """Drop `group`, as a new script has its number: all of its processes are gone."""
        timer = self._groups.pop(group, None)
        if timer is not None:
            timer.cancel()

    def kill_all(self) -> None:
        """Send SIGKILL to all groups now."""
        for group, timer in list(self._groups.items()):
            timer.cancel()
            self._kill(group)

    def _kill(self, group: int) -> None:
        self._groups.pop(group, None)
        _signal_rest(group, signal.SIGKILL)
        self._forget(group)


def _signal_rest(group: int, number: int) -> bool:
    """Send a signal to a process group whose leader has ended; return True if it has members.

    The kernel gives the number to no new process while the group has members. If there is a
    process of that number, then the group is gone and the process is another program's.
    """
    if _exists(group):
        return False
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
