"""A script's process, from its start until it is reaped."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Protocol

from yext.extmodule.diagnosis.exitstatus import ExitStatus
from yext.extmodule.peer.connection import Connection, ConnectionHost
from yext.extmodule.peer.ends import PeerEnd
from yext.extmodule.peer.peer import Peer
from yext.extmodule.script.launch import Launched
from yext.extmodule.script.pipes import ErrorOutput, Pipes
from yext.extmodule.script.stopping import StopSequence, reap


class ProcessOwner(Protocol):
    """What a process needs from its script."""

    def output_read(self) -> bool:
        """Look at the peer after a read of standard output; return False to look no more."""

    def error_line(self, pid: int, text: str) -> None:
        """Take a line that the process wrote on standard error."""

    def input_closed(self) -> None:
        """Begin to stop the process: its peer has ended, and its input is closed."""

    def process_ended(self, process: ScriptProcess, status: ExitStatus) -> None:
        """Take the end of the process, after all that it wrote."""


class ScriptProcess:
    """One process of a script: its peer, its pipes, and its end.

    Args:
        host: the owner of the peer.
        owner: the script.
        peer: the peer that the process is.
        launched: the process and its pipes, which belong to this object from now on.

    Attributes:
        pid: the process id, also of the process group.
        peer: the peer that the process is.
        peer_end: why the peer has ended, None while it has not.
        asked_to_stop: True once an operator or the engine wants the process to end.
    """

    def __init__(
        self, host: ConnectionHost, owner: ProcessOwner, peer: Peer, launched: Launched
    ) -> None:
        self.pid = launched.started.pid
        self._started = time.monotonic()
        self.peer = peer
        self.peer_end: PeerEnd | None = None
        self.asked_to_stop = False
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._pidfd = launched.started.pidfd
        self._sequence: StopSequence | None = None
        peer.pid = self.pid
        self._connection = Connection(host, peer)
        self._connection.on_close = owner.input_closed
        self._pipes = Pipes(self._connection, launched.stdin, launched.stdout, owner.output_read)
        self._errors = ErrorOutput(launched.stderr, self._error_line)
        self._loop.add_reader(self._pidfd, self._ended)

    def age(self) -> float:
        """Return the time since the start, in seconds."""
        return time.monotonic() - self._started

    def connect(self) -> None:
        """Connect the peer."""
        self._connection.connection_made(self._pipes)

    @property
    def signalled(self) -> bool:
        """True once SIGTERM has been sent."""
        return self._sequence is not None and self._sequence.signalled

    def unread(self) -> int:
        """Return how many bytes the process has been sent and has not read yet."""
        return self._pipes.unread()

    def close_input(self) -> None:
        """Close standard input once all output to it is written, and read no more."""
        self._pipes.close()

    def signal_after(self, waits: tuple[float, float], on_kill: Callable[[], None]) -> None:
        """Send signals if the process does not end by itself: see `StopSequence`."""
        self._sequence = StopSequence(self.pid, waits, on_kill)

    def kill_by(self, deadline: float) -> None:
        """Send SIGKILL by `deadline`, a time of the loop's clock, if not earlier."""
        if self._sequence is not None:
            self._sequence.limit(deadline)

    def _error_line(self, text: str) -> None:
        self._owner.error_line(self.pid, text)

    def _ended(self) -> None:
        """Reap the process: its pidfd is readable, though others may still hold its pipes."""
        self._loop.remove_reader(self._pidfd)
        status = reap(self._pidfd)
        os.close(self._pidfd)
        self._pipes.drain()
        self._errors.close()
        self._connection.on_close = None
        self.peer.end(PeerEnd.GONE)
        self._pipes.close_all()
        if self._sequence is not None:
            self._sequence.cancel()
        self._owner.process_ended(self, status)
