"""The states of a script, and the events that lead from one to the next.

    state        event      next state
    -----------  ---------  -----------
    stopped      start      starting
    stopped      no start   failed
    starting     settled    running
    starting     stop       stopping
    starting     end        stopped
    starting     bad end    failed
    starting     again      backing off
    running      stop       stopping
    running      end        stopped
    running      bad end    failed
    running      again      backing off
    stopping     end        stopped
    stopping     bad end    failed
    stopping     again      backing off
    backing off  start      starting
    backing off  no start   failed
    backing off  again      backing off
    backing off  stop       stopped
    failed       start      starting
    failed       no start   failed

docs/scripts.md has the same table for operators.
"""

from __future__ import annotations

from enum import StrEnum


class ScriptState(StrEnum):
    """The state of a script."""

    STOPPED = "stopped"
    """There is no process: it was never started, was stopped, or ended with status 0."""

    STARTING = "starting"
    """The process was started less than a second ago and has not spoken the protocol."""

    RUNNING = "running"
    """The process has spoken the protocol, or has lived for a second."""

    STOPPING = "stopping"
    """The input of the process is closed; signals follow if it does not end."""

    BACKING_OFF = "backing off"
    """There is no process; another one is started after a delay."""

    FAILED = "failed"
    """There is no process: it could not be started, ended badly or was given up."""


class ScriptEvent(StrEnum):
    """An event that changes the state of a script."""

    START = "start"
    """The process was started."""

    NO_START = "no start"
    """The process could not be started."""

    SETTLED = "settled"
    """The script has spoken the protocol, or has lived for a second."""

    STOP = "stop"
    """The script was asked to stop, has quit, closed its output, or broke a limit."""

    END = "end"
    """The process ended with status 0, or because it was asked to stop."""

    BAD_END = "bad end"
    """The process ended in another way, or too often: see the option restart_max."""

    AGAIN = "again"
    """The script is to be started again after a delay: it has asked to be restarted, or its
    start failed for a reason that may pass."""


LIVE = frozenset({ScriptState.STARTING, ScriptState.RUNNING, ScriptState.STOPPING})
"""The states in which there is a process."""

IDLE = frozenset({ScriptState.STOPPED, ScriptState.FAILED})
"""The states that a script only leaves when an operator or a reload starts it."""

_ENDS = {
    ScriptEvent.END: ScriptState.STOPPED,
    ScriptEvent.BAD_END: ScriptState.FAILED,
    ScriptEvent.AGAIN: ScriptState.BACKING_OFF,
}

_STARTS = {
    ScriptEvent.START: ScriptState.STARTING,
    ScriptEvent.NO_START: ScriptState.FAILED,
}

TRANSITIONS: dict[ScriptState, dict[ScriptEvent, ScriptState]] = {
    ScriptState.STOPPED: _STARTS,
    ScriptState.STARTING: {
        ScriptEvent.SETTLED: ScriptState.RUNNING,
        ScriptEvent.STOP: ScriptState.STOPPING,
        **_ENDS,
    },
    ScriptState.RUNNING: {ScriptEvent.STOP: ScriptState.STOPPING, **_ENDS},
    ScriptState.STOPPING: _ENDS,
    ScriptState.BACKING_OFF: {
        **_STARTS,
        ScriptEvent.AGAIN: ScriptState.BACKING_OFF,
        ScriptEvent.STOP: ScriptState.STOPPED,
    },
    ScriptState.FAILED: _STARTS,
}
"""The next state for each state and each event that may occur in it."""
