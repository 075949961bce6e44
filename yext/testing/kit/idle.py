"""Whether a script waits for its next line and for nothing else, so that it never does more.

The kernel shows in which call each thread of a process waits (proc(5), ``/proc/PID/syscall``). A
script that waits for its standard input without a time limit, that has no child process and no
socket, does nothing until it is sent a line. Of all others it is not known.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

_FOREVER: Final = ("0xffffffffffffffff", "0xffffffff")
"""How the timeout -1 is shown of poll and epoll_wait."""

_NULL: Final = ("0x0",)
"""How a timeout that is a null pointer is shown."""

_CALLS: Final[dict[str, dict[str, tuple[int, tuple[str, ...]]]]] = {
    "x86_64": {
        "0": (1, _NULL), "19": (1, _NULL), "7": (3, _FOREVER), "271": (3, _NULL),
        "23": (5, _NULL), "270": (5, _NULL), "232": (4, _FOREVER), "281": (4, _FOREVER),
        "441": (4, _NULL),
    },
    "aarch64": {
        "63": (1, _NULL), "65": (1, _NULL), "73": (3, _NULL), "72": (5, _NULL),
        "22": (4, _FOREVER), "441": (4, _NULL),
    },
}  # fmt: skip
"""The calls that wait for files, by machine and number: which argument must be what. The first of
each are read and readv, where it is the descriptor; of the others it is the time limit."""

_FUTEX: Final = {"x86_64": "202", "aarch64": "98"}
"""The call in which a thread waits for another one."""


_DESCRIPTOR: Final = 1
"""The argument of read that is a descriptor."""


@cache
def _machine() -> str:
    return os.uname().machine


@cache
def is_known() -> bool:
    """Return True if the kernel shows at all what processes wait for."""
    with suppress(OSError):
        return _machine() in _CALLS and bool(Path("/proc/self/syscall").read_text())
    return False


def awaits_input(pid: int) -> bool:
    """Return True if the process waits for its standard input, and nothing else can wake it.

    False also means that it is not known: on another kind of machine, or without permission.
    """
    process = Path("/proc") / str(pid)
    with suppress(OSError):
        waiting = False
        for thread in (process / "task").iterdir():
            number, *arguments = (thread / "syscall").read_text().split()
            if number == _FUTEX.get(_machine()):
                continue
            if not _waits(number, arguments, for_ever=True):
                return False
            waiting = True
            if (thread / "children").read_text():
                return False
        return waiting and not _has_sockets(process)
    return False


def rests(pid: int) -> bool:
    """Return True if the process waits for input of any kind, and is not on its way.

    False also means that it is not known.
    """
    with suppress(OSError):
        number, *arguments = Path(f"/proc/{pid}/syscall").read_text().split()
        return _waits(number, arguments, for_ever=False)
    return False


def _waits(number: str, arguments: list[str], *, for_ever: bool) -> bool:
    """Return True if a thread is in a call that waits for files, without a time limit if asked."""
    call = _CALLS.get(_machine(), {}).get(number)
    if call is None:
        return False
    which, values = call
    if which == _DESCRIPTOR:
        return arguments[0] in _NULL
    # One that waits for no file at all sleeps.
    return arguments[which - 1] in values if for_ever else arguments[0] not in _NULL


def describe(pid: int) -> str:
    """Return what a process does that does not answer, as far as the kernel shows it."""
    try:
        state = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "it has ended"
    if awaits_input(pid):
        return "it waits for input"
    return _STATES.get(state, "it waits for something else than its input")


_STATES: Final = {
    "R": "it is busy computing", "D": "it waits for a disk", "T": "it is stopped by a signal",
    "t": "it is stopped by a debugger", "Z": "it has ended",
}  # fmt: skip
"""What a state of proc(5) means."""


def _has_sockets(process: Path) -> bool:
    """Return True if a descriptor besides those of the protocol is one that others may write to."""
    for descriptor in (process / "fd").iterdir():
        target = os.readlink(descriptor)
        if target.startswith("socket:") or "timerfd" in target or "inotify" in target:
            return True
    return False
