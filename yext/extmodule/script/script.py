"""A script's life: start, standard error, exit, restart with back-off, stop.

Its states, and what leads from one to the next, are in `states`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from yext import log
from yext.errors import StartError
from yext.extmodule.diagnosis.exitstatus import ScriptExit
from yext.extmodule.peer.connection import Connection, ConnectionHost
from yext.extmodule.peer.peer import Peer, PeerEnd
from yext.extmodule.script import spawn
from yext.extmodule.script.backoff import BackOff
from yext.extmodule.script.launch import Launched, Launcher
from yext.extmodule.script.pipes import ErrorOutput, Pipes
from yext.extmodule.script.settling import Start
from yext.extmodule.script.states import IDLE, TRANSITIONS, ScriptEvent, ScriptState
from yext.extmodule.script.stopping import StopSequence, reap
from yext.log import Throttle

if TYPE_CHECKING:
    from yext.errors import StartFailure

EARLY_SECONDS = 1.0
"""An end so soon after the start is told to whoever started the script."""

_TOLD_LINES = 12
"""How many of its last lines on standard error an early end shows."""

_TOLD_CHARACTERS = 200
"""How much of a stray line on standard output is shown."""

_CAUSES = {
    PeerEnd.GONE: "it closed its standard output",
    PeerEnd.OVERFLOW: "it sent too long a line",
    PeerEnd.TIMEBOMB: "it did not take or answer a message in time (timebomb)",
}
"""Why the engine ended a script, by the end of its peer."""


class ScriptHost(ConnectionHost, Protocol):
    """What a script needs from its owner."""

    @property
    def launcher(self) -> Launcher:
        """Starts the script's program."""

    def source(self, name: str) -> str:
        """Return where a program is looked for, and the setting that says so; empty if `name`
        is an absolute path."""

    def add_script_peer(self, peer: Peer, script: Script) -> None:
        """Register the script that a peer is."""

    def script_over(self, script: Script) -> None:
        """Note that a script has ended, or was not started, and is not started again by itself."""


class Script:
    """One script under the engine's care.

    Attributes:
        name, parameter: as given when it was started.
        configured: whether it stands in the configuration, and a reload may stop it.
        session: the label of the session that is told what becomes of it; empty for all.
        path: what was started, or tried, the last time.
        peer, pid: the peer and the process it is while it lives.
        started_at: seconds since 1970.
        restarts: how often it was brought back since somebody started it.
        log_lines: (time, pid, text) of its last lines on standard error.
        last_exit: how it ended the last time.
        why, failed_at: its last failure told in full, a line each (empty where there was
            none), and when that was, in seconds since 1970.
        begun: its last start by a command or by the configuration, None for a script that was
            started for a call.
        role: the role that it has as a peer.
    """

    role = "global"

    def __init__(self, host: ScriptHost, name: str, parameter: str) -> None:
        self.name = name
        self.parameter = parameter
        self.configured = False
        self.session = ""
        self.state = ScriptState.STOPPED
        self.path = ""
        self.peer: Peer | None = None
        self.pid: int | None = None
        self.started_at = 0.0
        self.restarts = 0
        self.log_lines: deque[tuple[float, int, str]] = deque(maxlen=host.options.loglines)
        self.last_exit: ScriptExit | None = None
        self.why: tuple[str, ...] = ()
        self.failed_at = 0.0
        self.begun: Start | None = None
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._connection: Connection | None = None
        self._pipes: Pipes | None = None
        self._errors: ErrorOutput | None = None
        self._pidfd = -1
        self._gone = asyncio.Event()
        self._gone.set()
        self._end: PeerEnd | None = None
        self._asked_to_stop = False
        self._told_stray = False
        self._settling: asyncio.TimerHandle | None = None
        self._backoff = BackOff(self._start_again)
        self._logged = Throttle(self._not_logged)
        self._ladder: StopSequence | None = None

    @property
    def label(self) -> str:
        """How the log calls it: the name, and the parameter if there is one."""
        return f"{self.name} {self.parameter}".rstrip()

    def state_text(self) -> str:
        """The state, with the seconds left of a back-off, or the time of the failure."""
        if self.state is ScriptState.BACKING_OFF:
            return f"{self.state} ({self._backoff.left():.1f} s)"
        if self.state is ScriptState.FAILED:
            return f"{self.state} {log.clock(self.failed_at)}"
        return self.state

    def restarts_text(self) -> str:
        """How often it was brought back; while it waits, which of how many times it will be."""
        if self.state is ScriptState.BACKING_OFF:
            return f"{self._backoff.count} of {self._host.options.restart_max}"
        return str(self.restarts)

    def last_text(self) -> str:
        """The last failure or exit in a few words, ``-`` for neither."""
        if self.state is ScriptState.FAILED and self.why:
            return self.why[0]
        return self.last_exit.status.describe() if self.last_exit is not None else "-"

    def _on(self, event: ScriptEvent) -> None:
        self.state = TRANSITIONS[self.state][event]
        self._wake()

    def _wake(self) -> None:
        if self.begun is not None:
            self.begun.wake()

    # Start

    def begin(self) -> None:
        """Start the program on a command or for the configuration, as `begun`.

        Raises:
            StartError: it could not be started; the script is `failed` then.
        """
        self.begun = Start(self)
        try:
            self.start()
        except StartError as error:
            self.begun.ran = False
            self.begun.end(error.failure.lines())
            raise

    def start(self) -> None:
        """Starts the program. Raises `StartError`; the script is `failed` then."""
        self._backoff.reset()
        self.restarts = 0
        try:
            self._launch()
        except StartError as error:
            self._not_started(error.failure)
            self._on(ScriptEvent.NO_START)
            raise

    def _launch(self) -> None:
        host = self._host
        host.debug(log.NOTE, f"Loading external module '{self.name}' args='{self.parameter}'")
        self.path = spawn.resolve(self.name, host.options.scripts_dir)
        launched = host.launcher.launch(
            self.path, self.name, self.parameter, host.source(self.name), self.extra_fds()
        )
        self._launched(launched)

    def _launched(self, launched: Launched) -> None:
        started = launched.started
        self._on(ScriptEvent.START)
        self.pid = started.pid
        self.started_at = time.time()
        self._asked_to_stop = self._told_stray = False
        self._end = None
        self._gone.clear()
        self._pidfd = started.pidfd
        self._loop.add_reader(self._pidfd, self._ended)
        self._settling = self._loop.call_later(EARLY_SECONDS, self._settled)
        self.peer = peer = Peer(self._host, self.name, self.parameter, self.role)
        peer.is_script = True
        peer.pid = started.pid
        connection = Connection(self._host, peer)
        connection.on_close = self._input_closed
        self._connection = connection
        self._pipes = Pipes(connection, launched.stdin, launched.stdout, self._heard)
        self._errors = ErrorOutput(launched.stderr, self._wrote_error)
        connection.connection_made(self._pipes)
        self._host.add_script_peer(peer, self)

    def _not_started(self, failure: StartFailure) -> None:
        self.failed_at = time.time()
        self.why = failure.lines()
        self._host.debug(
            log.WARN,
            f"Failed to execute script '{self.name}' args='{self.parameter}': "
            f"{failure.errno} {failure.one_line()}",
        )

    def extra_fds(self) -> Mapping[int, int]:
        """Descriptors that it finds open besides 0 to 2, each with the engine's own."""
        return {}

    # Life

    def _settled(self) -> None:
        if self.state is ScriptState.STARTING:
            self._on(ScriptEvent.SETTLED)
        self._drop_settling()

    def _drop_settling(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None

    def _heard(self) -> bool:
        """Looks at what it said first on standard output; whether to look again."""
        peer = self.peer
        assert peer is not None
        if peer.spoke:
            self._settled()
            self._wake()
        elif peer.stray and not self._told_stray:
            self._told_stray = True
            lines = (
                f"{self.label} printed a line that is not of the protocol: {self._stray()}",
                "do: have it print that on standard error, where the log takes it",
            )
            self._notice(lines)
        return not peer.spoke

    def _stray(self) -> str:
        return self.peer.stray[:_TOLD_CHARACTERS] if self.peer is not None else ""

    def _wrote_error(self, text: str) -> None:
        """Takes a line that the script wrote on standard error."""
        self.log_lines.append((time.time(), self.pid or 0, text))
        if self._logged.passes(self._host.options.lograte):
            source = f"{self.name}[{self.pid}]"
            self._host.bus.log.emit(log.Event(log.EventKind.STDERR, text, log.NOTE, source))

    def _not_logged(self, count: int) -> None:
        self._host.debug(
            log.WARN,
            f"'{self.label}' wrote {count} more lines on standard error than lograte lets into"
            f" the log; the last ones: external log {self.label}",
        )

    def unread(self) -> int:
        """Return how many bytes it has been sent and has not read yet."""
        return self._pipes.unread() if self._pipes is not None else 0

    def keep_lines(self, count: int) -> None:
        """Keeps so many of its last lines on standard error."""
        if self.log_lines.maxlen != count:
            self.log_lines = deque(self.log_lines, maxlen=count)

    def _notice(
        self, lines: tuple[str, ...], *, level: int = log.WARN, logged: bool = True
    ) -> None:
        safe = tuple(log.safe(line, keep="\t") for line in lines)
        self._host.bus.log.notice(safe, self.session, level=level, logged=logged)

    # End

    def peer_ended(self, end: PeerEnd) -> None:
        """Note why the script's part on the bus is over."""
        self._end = end

    def _input_closed(self) -> None:
        """Its input is closed and its output read no more: the ladder follows."""
        if self.state in (ScriptState.STARTING, ScriptState.RUNNING):
            self._on(ScriptEvent.STOP)
            options = self._host.options
            first = options.waitflush + options.stopwait
            waits = (first / 1000, options.termwait / 1000)
            self._ladder = StopSequence(self.pid or 0, waits, self._killed)

    def _killed(self) -> None:
        self._host.debug(log.WARN, f"'{self.label}' did not end on SIGTERM and is killed")

    def _ended(self) -> None:
        """The process is dead: its pidfd says so, whoever may still hold its pipes."""
        self._loop.remove_reader(self._pidfd)
        status = reap(self._pidfd)
        os.close(self._pidfd)
        self._drop_settling()
        signalled = False
        if self._ladder is not None:
            signalled = self._ladder.signalled
            self._ladder.cancel()
            self._ladder = None
        peer, pid, connection = self.peer, self.pid, self._connection
        assert peer is not None and pid is not None and connection is not None
        assert self._pipes is not None and self._errors is not None
        self._pipes.drain()
        self._errors.close()
        self._logged.flush()
        connection.on_close = None
        peer.end(PeerEnd.GONE)
        self._pipes.close_all()
        now = time.time()
        self.last_exit = ScriptExit(status, now - self.started_at, now, peer.spoke)
        event = self._tell_end(self.last_exit, signalled)
        if self.begun is not None:
            self.begun.end(self.why if event is ScriptEvent.BAD_END else ())
        self.peer = self.pid = self._connection = self._pipes = self._errors = None
        self._host.launcher.end_group(pid, self._host.options.termwait / 1000)
        if self._asked_to_stop or not peer.settings.restart or self._host.bus.halting:
            self._on(event)
        elif self._back_off():
            self._on(ScriptEvent.AGAIN)
        else:
            self._on(ScriptEvent.BAD_END)
        self._gone.set()
        if self.state in IDLE:
            self.over()

    def _tell_end(self, exit: ScriptExit, signalled: bool) -> ScriptEvent:
        """Tells of an end that is early or bad; returns which event it is.

        `signalled`: whether the ladder had come to a signal.
        """
        never = "" if exit.spoke else ". Never got anything"
        self._host.debug(
            log.NOTE,
            f"ExtMod[{self.name}] terminating args='{self.parameter}',"
            f" {exit.status.describe()}{never}",
        )
        cause = _CAUSES.get(self._end, "") if self._end is not None else ""
        if self._end is PeerEnd.GONE and not signalled:
            cause = ""  # It closed its output by ending.
        if self._asked_to_stop or (signalled and not cause):
            return ScriptEvent.END
        bad = bool(cause) or exit.status.code != 0
        if bad or self.early(exit.lived, exit.spoke, exit.status.code):
            self.why, self.failed_at = self._story(exit, cause), exit.when
            self._notice(self.why, level=log.WARN if bad or not exit.spoke else log.NOTE)
        return ScriptEvent.BAD_END if bad else ScriptEvent.END

    def early(self, lived: float, spoke: bool, code: int | None) -> bool:
        """Whether an end after `lived` seconds is told to whoever started the script."""
        return lived < EARLY_SECONDS or not spoke

    def over(self) -> None:
        """It has ended, or could not be brought back, and is not started again by itself."""
        self._host.script_over(self)

    def _story(self, exit: ScriptExit, cause: str) -> tuple[str, ...]:
        from yext.extmodule.diagnosis.aftermath import end_story

        errors = [text for _, pid, text in self.log_lines if pid == self.pid][-_TOLD_LINES:]
        return end_story(self.label, exit, cause, self._stray(), errors, self.path)

    # Restart

    def _back_off(self) -> bool:
        """Has it started again after a delay; False where it had its restarts."""
        options = self._host.options
        delay = self._backoff.begin(
            options.restart_delay / 1000, options.restart_max, options.restart_window
        )
        if delay is None:
            self._give_up()
            return False
        self._host.debug(
            log.NOTE,
            f"'{self.label}' is started again in {delay:.1f} s,"
            f" {self._backoff.count} of {options.restart_max}",
        )
        return True

    def _give_up(self) -> None:
        options = self._host.options
        last = self.last_exit.status.describe() if self.last_exit else "never ended"
        headline = (
            f"{self.label} was started again {options.restart_max} times in "
            f"{options.restart_window} s and is given up, last {last}"
        )
        details = [line for line in self.why[1:] if not line.startswith("do: ")]
        hints = [line for line in self.why[1:] if line.startswith("do: ")]
        self.why = (headline, *details, *(hints or [f"do: mend it; external start {self.label}"]))
        self.failed_at = time.time()
        self._notice(self.why)

    def _start_again(self) -> None:
        self.restarts += 1
        try:
            self._launch()
        except StartError as error:
            self._not_started(error.failure)
            if error.failure.transient and self._back_off():
                self._on(ScriptEvent.AGAIN)
                return
            self._on(ScriptEvent.NO_START)
            if not error.failure.transient:
                self._notice(self.why, logged=False)
            self.over()

    # Stop

    async def stop(self, deadline: float = float("inf")) -> None:
        """Ends the script by the ladder and waits until it is gone.

        Its input is closed; after `stopwait` it gets SIGTERM and after `termwait` SIGKILL, its
        whole process group each time. At `deadline`, on the loop's clock, it gets SIGKILL.
        """
        self._asked_to_stop = True
        if self.state is ScriptState.BACKING_OFF:
            self._backoff.cancel()
            self._on(ScriptEvent.STOP)
            self.over()
        if self.peer is None or self._pipes is None:
            return
        self.peer.end(PeerEnd.STOP)
        # One that quit while a message of its own is on its way has its connection yet.
        self._pipes.close()
        self._input_closed()
        if self._ladder is not None:
            self._ladder.limit(deadline)
        await self._gone.wait()
