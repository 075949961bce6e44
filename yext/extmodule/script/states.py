"""The states of a script, and what leads from one to the next: `TRANSITIONS` is the whole of it.

docs/scripts.md tells the same to operators.
"""

from __future__ import annotations

STARTING = "starting"
RUNNING = "running"
STOPPING = "stopping"
BACKING_OFF = "backing off"
FAILED = "failed"
STOPPED = "stopped"

LIVE = (STARTING, RUNNING, STOPPING)
"""The states in which there is a process."""

IDLE = (STOPPED, FAILED)
"""The states from which only an operator, or a reload, starts a script."""

TRANSITIONS: dict[str, dict[str, str]] = {
    STOPPED: {"start": STARTING, "no start": FAILED},
    STARTING: {
        "settled": RUNNING,
        "stop": STOPPING,
        "end": STOPPED,
        "bad end": FAILED,
        "again": BACKING_OFF,
    },
    RUNNING: {"stop": STOPPING, "end": STOPPED, "bad end": FAILED, "again": BACKING_OFF},
    STOPPING: {"end": STOPPED, "bad end": FAILED, "again": BACKING_OFF},
    BACKING_OFF: {
        "start": STARTING,
        "no start": FAILED,
        "again": BACKING_OFF,
        "stop": STOPPED,
    },
    FAILED: {"start": STARTING, "no start": FAILED},
}
"""What each event makes of each state. The events:

    start       the program runs
    no start    it could not be started
    settled     it has spoken the protocol, or lived for a second
    stop        the ladder begins: it was told to stop, has quit, closed its output or broke a limit
    end         it ended with status 0, or because it was told to
    bad end     it ended otherwise; or as often within restart_window as restart_max allows
    again       it is to be started after a delay: restart is on, or its start may yet succeed
"""
