"""A script: its start, its state, its restarts with back-off, its stop.

The states, and the events that lead from one to the next, are in `states`; the process that a
script is while it runs is in `process`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from yext import log
from yext.errors import StartError, StartFailure
from yext.extmodule.diagnosis.exitstatus import ExitStatus, ScriptExit
from yext.extmodule.diagnosis.tallies import Tallies
from yext.extmodule.peer.connection import ConnectionHost
from yext.extmodule.peer.ends import PeerEnd
from yext.extmodule.peer.peer import Peer
from yext.extmodule.peer.silence import Silence
from yext.extmodule.script.backoff import BackOff
from yext.extmodule.script.errorlog import ErrorLog
from yext.extmodule.script.files import Stamp, take_stamp
from yext.extmodule.script.launch import Launcher
from yext.extmodule.script.process import ScriptProcess
from yext.extmodule.script.settling import Start
from yext.extmodule.script.states import IDLE, TRANSITIONS, ScriptEvent, ScriptState

EARLY_SECONDS = 1.0
"""Seconds after the start within which an end is early, and reported to the session that
started the script."""

_ERROR_LINES = 12
"""Lines on standard error that the report of an end shows."""

_STRAY_LENGTH = 200
"""Characters of a stray line on standard output that are shown."""

_CAUSES = {
    PeerEnd.GONE: "it closed its standard output",
    PeerEnd.OVERFLOW: "it sent too long a line",
    PeerEnd.DEBUGGER: "a debugger reads and writes the lines of the protocol",
    PeerEnd.TIMEBOMB: "it did not take or answer a message in time (timebomb)",
}
"""Why the engine ended a script, by the end of its peer."""


class ScriptHost(ConnectionHost, Protocol):
    """What a script needs from its owner."""

    @property
    def launcher(self) -> Launcher:
        """Starts the script's program."""

    @property
    def tallies(self) -> Tallies:
        """Counts what happens to scripts."""

    def resolve(self, name: str) -> str:
        """Return the path of a script."""

    def source(self, name: str) -> str:
        """Return where a program is looked for, and the setting that says so; empty if `name`
        is an absolute path."""

    def add_script_peer(self, peer: Peer, script: Script) -> None:
        """Register the script that a peer is."""

    def script_over(self, script: Script) -> None:
        """Note that a script has ended, or was not started, and is not started again by itself."""


class Failure(NamedTuple):
    """Why a script failed.

    Attributes:
        lines: the reason, what the script printed, what to do; the first is a headline.
        when: the time, in seconds since 1970.
    """

    lines: tuple[str, ...]
    when: float


class Script:
    """One script, over all its restarts.

    Args:
        host: the owner.
        name, parameter: the script as it was asked for; the parameter may be empty.

    Attributes:
        configured: True if the script is in ``[scripts]``, so that a reload may stop it.
        untimed: True if its answers may take any time, as it is being debugged.
        session: the label of the session that gets notices about the script, empty for all. All
            get those about a script of the configuration, whoever has started it.
        state: the state.
        path: the program that was started, or tried, the last time.
        process: the process, None while there is none.
        restarts: how often it was started again by itself since the last start by an operator.
        errors: the last lines on standard error.
        last_exit: how it ended the last time, None if it has not ended yet.
        last_failure: why it failed the last time, None if it has not failed yet.
        begun: its last start by a command or by the configuration, None for a script that was
            started for a call.
        role: the role of the script's peer, ``global`` or ``channel``.
        beside: True while it is to take the place of a script that still runs, and once another
            has taken its own: nothing is reported about it, and it is not started again by itself.
        stamp: the state of its files at the last start; see `files.take_stamp`.
        tried: the state of its files at which a successor was started the last time.
    """

    role = "global"

    def __init__(self, host: ScriptHost, name: str, parameter: str) -> None:
        self.name = name
        self.parameter = parameter
        self.configured = False
        self.session = ""
        self.untimed = False
        self.state = ScriptState.STOPPED
        self.path = ""
        self.beside = False
        self.stamp: Stamp = ()
        self.tried: Stamp = ()
        self.process: ScriptProcess | None = None
        self.restarts = 0
        self.errors = ErrorLog(host, name, self.label)
        self.last_exit: ScriptExit | None = None
        self.last_failure: Failure | None = None
        self.begun: Start | None = None
        self._reported_end = ""
        self._host = host
        self._ended = asyncio.Event()
        self._ended.set()
        self._reported_stray = False
        self._settling: asyncio.TimerHandle | None = None
        self._backoff = BackOff(self._start_again)

    @property
    def label(self) -> str:
        """The name, and the parameter if there is one."""
        return f"{self.name} {self.parameter}".rstrip()

    @property
    def peer(self) -> Peer | None:
        """The peer that the script is, None while there is no process."""
        return self.process.peer if self.process is not None else None

    @property
    def pid(self) -> int | None:
        """The process id, None while there is no process."""
        return self.process.pid if self.process is not None else None

    def silence(self) -> Silence | None:
        """Return the messages that it does not answer, None if it has answered since."""
        return self.peer.unanswered() if self.peer is not None else None

    def describe_state(self, written: Callable[[float], str] = log.clock) -> str:
        """Return the state, with the seconds left of a back-off or the time of a failure.

        Args:
            written: writes that time.
        """
        if self.state is ScriptState.BACKING_OFF:
            return f"{self.state} ({self._backoff.left():.1f} s)"
        if self.state is ScriptState.FAILED and self.last_failure is not None:
            return f"{self.state} {written(self.last_failure.when)}"
        return self.state if self.silence() is None else "not answering"

    def describe_restarts(self) -> str:
        """Return the number of restarts; during a back-off, ``2 of 5`` for the one to come."""
        if self.state is ScriptState.BACKING_OFF:
            return f"{self._backoff.count} of {self._host.options.restart_max}"
        return str(self.restarts)

    def describe_last(self) -> str:
        """Return the last failure or exit in a few words, ``-`` for neither."""
        if self.state is ScriptState.FAILED and self.last_failure is not None:
            return self.last_failure.lines[0]
        return self.last_exit.status.describe() if self.last_exit is not None else "-"

    def _on(self, event: ScriptEvent) -> None:
        self.state = TRANSITIONS[self.state][event]
        self._wake()

    def _wake(self) -> None:
        if self.begun is not None:
            self.begun.wake()

    def _notice(self, lines: Sequence[str], *, level: int = log.WARN, logged: bool = True) -> None:
        if self.beside:
            return
        safe = tuple(log.safe(line, keep="\t") for line in lines)
        notice = self._host.bus.log.notice
        notice(safe, self.session, level=level, logged=logged, to_all=self.configured)

    # Start

    def begin(self) -> None:
        """Start the program on a command or for the configuration, as `begun`.

        Raises:
            StartError: it could not be started; the state is `FAILED` then.
        """
        self.begun = Start(self)
        try:
            self.start()
        except StartError as error:
            self.begun.ran = False
            self.begun.end(error.failure.lines())
            raise

    def start(self) -> None:
        """Start the program.

        Raises:
            StartError: it could not be started; the state is `FAILED` then.
        """
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
        self.path = host.resolve(self.name)
        self.stamp = take_stamp(self.path)
        launched = host.launcher.launch(
            self.path, self.name, self.parameter, host.source(self.name), self.extra_fds()
        )
        self._on(ScriptEvent.START)
        self._reported_stray = False
        self._ended.clear()
        self._settling = asyncio.get_running_loop().call_later(EARLY_SECONDS, self._settle)
        peer = Peer(host, self.name, self.parameter, self.role)
        peer.is_script = True
        if self.untimed:
            peer.turn_timeout_off()
        if self.beside:
            peer.subscriptions.hold(self._wake)
        self.process = ScriptProcess(host, self, peer, launched)
        self.process.connect()
        host.add_script_peer(peer, self)

    def _not_started(self, failure: StartFailure) -> None:
        self._host.tallies.failed(failure)
        self.last_failure = Failure(failure.lines(), time.time())
        self._host.debug(
            log.WARN,
            f"Failed to execute script '{self.name}' args='{self.parameter}': "
            f"{failure.errno} {failure.one_line()}",
        )

    def extra_fds(self) -> Mapping[int, int]:
        """Return the descriptors that the program finds open besides 0 to 2, each with the
        engine's own."""
        return {}

    def _settle(self) -> None:
        """Leave the state `STARTING`."""
        if self.state is ScriptState.STARTING:
            self._on(ScriptEvent.SETTLED)
        self._cancel_settling()

    def _cancel_settling(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None

    # What the process reports (`ProcessOwner`)

    def output_read(self) -> bool:
        """Look at the peer after a read of standard output; return False to look no more."""
        peer = self.peer
        assert peer is not None
        if peer.spoke:
            self._settle()
            self._wake()
        elif peer.stray and not self._reported_stray:
            self._reported_stray = True
            self._notice(
                (
                    f"{self.label} printed a line that is not part of the protocol: {_stray(peer)}",
                    "do: let it print that on standard error, which goes to the log",
                )
            )
        return not peer.spoke

    def unread(self) -> int:
        """Return how many bytes the script has been sent and has not read yet."""
        return self.process.unread() if self.process is not None else 0

    def error_line(self, pid: int, text: str) -> None:
        """Take a line that the process wrote on standard error."""
        self.errors.add(pid, text)

    def peer_ended(self, end: PeerEnd) -> None:
        """Note why the script's peer has ended."""
        if self.process is not None:
            self.process.peer_end = end

    def input_closed(self) -> None:
        """Begin to stop the process: its peer has ended, and its input is closed."""
        if self.process is not None and self.state in (ScriptState.STARTING, ScriptState.RUNNING):
            self._on(ScriptEvent.STOP)
            options = self._host.options
            first = options.waitflush + options.stopwait
            self.process.signal_after((first / 1000, options.termwait / 1000), self._log_kill)

    def _log_kill(self) -> None:
        self._host.debug(log.WARN, f"'{self.label}' did not end on SIGTERM and is killed")

    def process_ended(self, process: ScriptProcess, status: ExitStatus) -> None:
        """Take the end of the process, and start the script again if it wants that."""
        self._cancel_settling()
        self.errors.flush()
        now, peer = time.time(), process.peer
        self.last_exit = ScriptExit(status, process.age(), now, peer.spoke)
        event, level = self._judge_end(process, self.last_exit)
        if self.begun is not None:
            failure = self.last_failure if event is ScriptEvent.BAD_END else None
            self.begun.end(failure.lines if failure is not None else ())
        self.process = None
        self._host.launcher.end_group(process.pid, self._host.options.termwait / 1000)
        final = process.asked_to_stop or self.beside or self._host.bus.halting
        if final or not peer.settings.restart:
            if level is not None and self.last_failure is not None:
                self._notice(self.last_failure.lines, level=level)
            self._on(event)
        elif again := self._back_off():
            if level is not None:
                self._report_restart(self.last_exit, again, level)
            self._on(ScriptEvent.AGAIN)
        else:
            self._on(ScriptEvent.BAD_END)
        self._ended.set()
        if self.state in IDLE:
            self.over()

    # The report of an end

    def _judge_end(
        self, process: ScriptProcess, exit: ScriptExit
    ) -> tuple[ScriptEvent, int | None]:
        """Log the end of a process; return its event, and the level of a report, None for none.

        An end that is bad or early becomes `last_failure`.
        """
        never = "" if exit.spoke else ". Never got anything"
        self._host.debug(
            log.NOTE,
            f"ExtMod[{self.name}] terminating args='{self.parameter}',"
            f" {exit.status.describe()}{never}",
        )
        cause = _cause(process)
        self._host.tallies.ended(exit.status, "stopped" if process.asked_to_stop else cause)
        if process.asked_to_stop or (process.signalled and not cause):
            return ScriptEvent.END, None
        bad = bool(cause) or exit.status.code != 0
        if bad or self.is_early(exit):
            self.last_failure = Failure(self._describe_end(process, exit, cause), exit.when)
            level = log.WARN if bad or not exit.spoke else log.NOTE
            return ScriptEvent.BAD_END if bad else ScriptEvent.END, level
        return ScriptEvent.END, None

    def _report_restart(self, exit: ScriptExit, again: str, level: int) -> None:
        """Report an end that leads to a restart: whole, or in one line after one of the kind."""
        from yext.extmodule.script import reports

        status, count = exit.status.describe(), self._backoff.count
        if count > 1 and status == self._reported_end:
            seconds = self._backoff.span()
            lines = reports.next_end(self.label, status, exit.when, again, count, seconds)
        else:
            assert self.last_failure is not None
            lines = reports.first_end(self.last_failure.lines, exit.when, again)
        self._reported_end = status
        self._notice(lines, level=level)

    def is_early(self, exit: ScriptExit) -> bool:
        """Return True if an end with status 0 is worth a report."""
        return exit.lived < EARLY_SECONDS or not exit.spoke

    def over(self) -> None:
        """Tidy up after an end that leads to no restart."""
        self._host.script_over(self)

    def _describe_end(
        self, process: ScriptProcess, exit: ScriptExit, cause: str
    ) -> tuple[str, ...]:
        from yext.extmodule.diagnosis.aftermath import end_story

        if process.peer_end is PeerEnd.DEBUGGER:
            from yext.extmodule.diagnosis.debuggers import HINT

            # What it wrote on standard error is the debugger's complaint about its end.
            return *end_story(self.label, exit, cause, "", (), self.path)[:1], HINT
        errors = self.errors.written_by(process.pid)[-_ERROR_LINES:]
        return end_story(self.label, exit, cause, _stray(process.peer), errors, self.path)

    # Restart

    def _back_off(self) -> str:
        """Begin the delay before a restart; return when that is, empty after too many restarts."""
        options = self._host.options
        delay = self._backoff.begin(
            options.restart_delay / 1000, options.restart_max, options.restart_window
        )
        if delay is None:
            self._give_up()
            return ""
        again = f"started again in {delay:.1f} s, {self._backoff.count} of {options.restart_max}"
        self._host.debug(log.NOTE, f"'{self.label}' is {again}")
        return again

    def _give_up(self) -> None:
        options = self._host.options
        last = self.last_exit.status.describe() if self.last_exit else "never ended"
        headline = (
            f"{self.label} was started again {options.restart_max} times in "
            f"{options.restart_window} s and is given up, last {last}"
        )
        from yext.extmodule.script.reports import last_end

        before = self.last_failure.lines if self.last_failure is not None else ()
        hint = f"do: mend it; external start {self.label}"
        now = time.time()
        self.last_failure = Failure(last_end(before, now, headline, hint), now)
        self._notice(self.last_failure.lines)

    def _start_again(self) -> None:
        self.restarts += 1
        self._host.tallies.restarts.add(self.name)
        try:
            self._launch()
        except StartError as error:
            failure = error.failure
            self._not_started(failure)
            if failure.transient and self._back_off():
                self._on(ScriptEvent.AGAIN)
                return
            self._on(ScriptEvent.NO_START)
            if not failure.transient:
                self._notice(failure.lines(), logged=False)
            self.over()

    # Stop

    async def stop(self, deadline: float = float("inf")) -> None:
        """Stop the script, and wait until its process has ended.

        The input of the process is closed. After the option ``stopwait`` its process group gets
        SIGTERM, after ``termwait`` SIGKILL, and SIGKILL by `deadline`, a time of the loop's clock.
        """
        if self.state is ScriptState.BACKING_OFF:
            self._backoff.cancel()
            self._on(ScriptEvent.STOP)
            self.over()
        process = self.process
        if process is None:
            return
        process.asked_to_stop = True
        process.peer.end(PeerEnd.STOP)
        # The connection of a peer that quit stays until its own messages have been answered.
        process.close_input()
        self.input_closed()
        process.kill_by(deadline)
        await self._ended.wait()


def _cause(process: ScriptProcess) -> str:
    """Return why the engine ended a process, empty if it ended by itself."""
    if process.peer_end is None:
        return ""
    if process.peer_end is PeerEnd.GONE and not process.signalled:
        return ""  # It closed its output by ending.
    return _CAUSES.get(process.peer_end, "")


def _stray(peer: Peer) -> str:
    return peer.stray[:_STRAY_LENGTH]
