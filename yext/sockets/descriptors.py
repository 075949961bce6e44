"""The number of descriptors that this process may open (RLIMIT_NOFILE, see getrlimit(2))."""

from __future__ import annotations

import errno
import os
import resource
from contextlib import suppress
from typing import NamedTuple

PEER_RESERVE = 24
"""Descriptors that connections of peers leave free: for managers, and for starts of scripts."""

MANAGER_RESERVE = 16
"""Descriptors that connections of managers leave free: the start of a script takes up to ten."""

_AGAIN = 8
"""Descriptors beyond the reserve that must be free before connections are accepted again."""

_started_with: list[tuple[int, int]] = []
"""The limits of the time before `raise_limit`, if it was called."""


class Raised(NamedTuple):
    """The soft limit before and after it was raised."""

    before: int
    after: int

    def describe(self) -> str:
        """Return a line for the log."""
        raised = f", raised from {self.before:,}" if self.after != self.before else ""
        return f"At most {self.after:,} descriptors may be open{raised}"


def raise_limit() -> Raised:
    """Raise the soft limit of this process to its hard limit, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # The system may refuse: RLIM_INFINITY, for example, is more than fs.nr_open.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            if not _started_with:
                _started_with.append((soft, hard))
    return Raised(soft, limit())


def restore_limit() -> None:
    """Undo `raise_limit`: a program that takes this one's place raises it anew."""
    if _started_with:
        resource.setrlimit(resource.RLIMIT_NOFILE, _started_with.pop())


def lower_for(pid: int) -> None:
    """Give a program that was just started the limits of the time before `raise_limit`.

    Programs that call select(2), or close all descriptors one by one, expect a low limit.
    """
    if _started_with:
        with suppress(OSError):  # It may have ended.
            resource.prlimit(pid, resource.RLIMIT_NOFILE, _started_with[0])


def limit() -> int:
    """Return the soft limit."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def may_open(descriptor: int, reserve: int, *, again: bool = False) -> bool:
    """Return True if one more descriptor can be opened and `reserve` of them stay free.

    Args:
        descriptor: any open descriptor, which is duplicated for a moment.
        reserve: how many must stay free.
        again: whether `_AGAIN` more must be free, as after a lack of them.

    Raises:
        OSError: descriptors cannot be opened for a reason other than their number.
    """
    most = limit() - reserve
    opened: list[int] = []
    try:
        # A new descriptor has the lowest free number: below it, all are in use.
        for _ in range(_AGAIN if again else 1):
            opened.append(os.dup(descriptor))
        return opened[-1] < most
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        return False
    finally:
        for number in opened:
            os.close(number)
