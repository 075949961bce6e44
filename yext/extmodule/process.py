"""A script's life: its pipes, standard error, exit, restart with back-off, the stop ladder.

States and what leads from one to the next:

    state        event                              next
    -----------  ---------------------------------  -----------
    stopped      start                              running, or failed
    running      stop, quit, end of its output      stopping
    running      ended, restart on                  backing off
    running      ended, restart off                 stopped, or failed after an early end
    stopping     ended                              stopped, or backing off after its own quit
    backing off  its delay is over                  running, or failed
    backing off  stop                               stopped
    backing off  too many restarts                  failed
    failed       start                              running, or failed
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yext import log
from yext.errors import StartError
from yext.extmodule import spawn
from yext.extmodule.aftermath import explain_exit
from yext.extmodule.receiver import Receiver

if TYPE_CHECKING:
    from yext.extmodule.module import ExtModule

RUNNING = "running"
STOPPING = "stopping"
BACKING_OFF = "backing off"
FAILED = "failed"
STOPPED = "stopped"

EARLY_SECONDS = 1.0
"""An end so soon after the start is told to whoever started the script."""

_READ = 65536
_LAST_READS = 64
"""How many reads are made of a dead script's pipes: a grandchild may go on writing."""

_TOLD_LINES = 12
"""How many of its last lines on standard error an early end shows."""

_LINE_MAX = 4096
"""Bytes of one line on standard error that are kept."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a script ended.

    Attributes:
        code: the exit status, None where a signal ended it.
        signal: the signal's number, None where it exited.
        lived: seconds from start to end.
        when: seconds since 1970.
        spoke: whether it ever spoke the protocol.
        told: the whole story, a line each, the first being the headline.
    """

    code: int | None
    signal: int | None
    lived: float
    when: float
    spoke: bool
    told: tuple[str, ...] = ()

    def words(self) -> str:
        """``exit status 1`` or ``killed by SIGKILL``."""
        if self.signal is None:
            return f"exit status {self.code}"
        try:
            return f"killed by {signal.Signals(self.signal).name}"
        except ValueError:
            return f"killed by signal {self.signal}"


class Pipes:
    """A script's standard input and output as a transport for its receiver."""

    def __init__(self, receiver: Receiver, stdin: int, stdout: int) -> None:
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._stdin = stdin
        self._stdout = stdout
        self._unsent = bytearray()
        self._closing = False
        self._paused = False
        self._high_water = 65536
        os.set_blocking(stdin, False)
        os.set_blocking(stdout, False)
        self._loop.add_reader(stdout, self._readable)

    def write(self, data: bytes) -> None:
        """Writes what the pipe takes at once, and the rest when it takes more."""
        if self._stdin < 0:
            return
        if not self._unsent:
            try:
                data = data[os.write(self._stdin, data) :]
            except BlockingIOError:
                pass
            except OSError:
                self._broken()
                return
            if not data:
                return
            self._loop.add_writer(self._stdin, self._writable)
        self._unsent += data
        if len(self._unsent) > self._high_water and not self._paused:
            self._paused = True
            self._receiver.pause_writing()

    def _writable(self) -> None:
        try:
            sent = os.write(self._stdin, self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self._broken()
            return
        del self._unsent[:sent]
        if self._paused and len(self._unsent) <= self._high_water // 4:
            self._paused = False
            self._receiver.resume_writing()
        if not self._unsent:
            self._loop.remove_writer(self._stdin)
            if self._closing:
                self._close_stdin()

    def _broken(self) -> None:
        self._unsent.clear()
        self._close_stdin()
        self._receiver.write_failed()

    def _readable(self) -> None:
        try:
            data = os.read(self._stdout, _READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._receiver.data_received(data)
            return
        self._loop.remove_reader(self._stdout)
        self._receiver.eof_received()

    def drain(self) -> None:
        """Reads what a script that has ended left in its pipe."""
        for _ in range(_LAST_READS):
            if self._stdout < 0 or self._receiver.dead:
                return
            try:
                data = os.read(self._stdout, _READ)
            except OSError:
                return
            if not data:
                return
            self._receiver.data_received(data)

    def get_write_buffer_size(self) -> int:
        """Bytes that wait for the script to read."""
        return len(self._unsent)

    def pause_reading(self) -> None:
        """Stops reading until `resume_reading`."""
        if self._stdout >= 0:
            self._loop.remove_reader(self._stdout)

    def resume_reading(self) -> None:
        """Reads again."""
        if self._stdout >= 0 and not self._closing:
            self._loop.add_reader(self._stdout, self._readable)

    def close(self) -> None:
        """Ends the script's input once it has what was written; its output is read no more."""
        self._closing = True
        if self._stdout >= 0:
            self._loop.remove_reader(self._stdout)
        if not self._unsent:
            self._close_stdin()

    def close_all(self) -> None:
        """Closes both pipes at once."""
        self._closing = True
        self._close_stdin()
        if self._stdout >= 0:
            self._loop.remove_reader(self._stdout)
            os.close(self._stdout)
            self._stdout = -1

    def _close_stdin(self) -> None:
        if self._stdin >= 0:
            self._loop.remove_writer(self._stdin)
            os.close(self._stdin)
            self._stdin = -1


class ErrorOutput:
    """A script's standard error, read line by line and kept."""

    def __init__(self, script: Script, descriptor: int) -> None:
        self._script = script
        self._descriptor = descriptor
        self._rest = b""
        self._loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._readable)

    def _readable(self) -> bool:
        try:
            data = os.read(self._descriptor, _READ)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._descriptor)
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._told(line)
        if len(self._rest) > _LINE_MAX:
            self._told(self._rest)
            self._rest = b""
        return True

    def _told(self, line: bytes) -> None:
        text = line[:_LINE_MAX].decode("utf-8", "surrogateescape").rstrip("\r")
        self._script.wrote_error(text)

    def close(self) -> None:
        """Reads what is left, and closes."""
        if self._descriptor < 0:
            return
        for _ in range(_LAST_READS):
            if not self._readable():
                break
        if self._rest:
            self._told(self._rest)
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1


class Script:
    """One script under the engine's care.

    Attributes:
        name, parameter: as given when it was started.
        source: where that was: ``extmodule.conf:12``, or the session.
        configured: whether it stands in the configuration, and a reload may stop it.
        session: the label of the session that is told what becomes of it.
        state: one of the table at the top.
        receiver: the peer it is while it runs.
        log_lines: (time, pid, text) of its last lines on standard error.
        last_exit, last_failure: how it ended and why it could not start, the last time.
        why: the last failure told in full, a line each; empty where there was none.
    """

    def __init__(
        self,
        module: ExtModule,
        name: str,
        parameter: str,
        source: str,
        session: str,
        configured: bool,
    ) -> None:
        self.module = module
        self.name = name
        self.parameter = parameter
        self.source = source
        self.configured = configured
        self.session = session
        self.state = STOPPED
        self.receiver: Receiver | None = None
        self.pid: int | None = None
        self.started_at = 0.0
        self.restarts = 0
        self.next_start = 0.0
        self.log_lines: deque[tuple[float, int, str]] = deque(maxlen=module.options.loglines)
        self.last_exit: Exit | None = None
        self.last_failure: spawn.StartFailure | None = None
        self.failed_at = 0.0
        self.why: tuple[str, ...] = ()
        self._loop = asyncio.get_running_loop()
        self._recent: deque[float] = deque()
        self._pipes: Pipes | None = None
        self._errors: ErrorOutput | None = None
        self._pidfd = -1
        self._asked_to_stop = False
        self._gone = asyncio.Event()
        self._gone.set()
        self._ladder: asyncio.Task[None] | None = None
        self._backoff: asyncio.TimerHandle | None = None

    @property
    def label(self) -> str:
        """How the log calls it: the name, and the parameter if there is one."""
        return f"{self.name} {self.parameter}".rstrip()

    def state_text(self) -> str:
        """The state, with the seconds left of a back-off."""
        if self.state == BACKING_OFF:
            return f"{self.state} ({max(0.0, self.next_start - time.time()):.1f} s)"
        return self.state

    def last_text(self) -> str:
        """The last failure or exit in a few words, ``-`` for neither."""
        if self.state == FAILED and self.why:
            return self.why[0]
        return self.last_exit.words() if self.last_exit is not None else "-"

    def waits_to_restart(self) -> bool:
        """Whether it is to be started again after its delay."""
        return self._backoff is not None

    # Start

    def start(self) -> None:
        """Starts the program. Raises `StartError`; the script is `failed` then."""
        module = self.module
        path = spawn.resolve(self.name, module.options.scripts_dir)
        module.debug(log.NOTE, f"Loading external module '{self.name}' args='{self.parameter}'")
        self._asked_to_stop = False
        try:
            self._start(path)
        except StartError as error:
            self.state = FAILED
            self.last_failure = error.failure
            self.failed_at = time.time()
            self.why = error.failure.lines()
            module.debug(
                log.WARN,
                f"Failed to execute script '{self.name}' args='{self.parameter}': "
                f"{error.failure.errno} {error.failure.one_line()}",
            )
            raise

    def _start(self, path: str) -> None:
        module = self.module
        mine: list[int] = []
        theirs: list[int] = []
        try:
            for _ in range(3):
                reading, writing = spawn.make_pipe(
                    self.name, path, self.parameter, module.scripts_dir_source(self.name)
                )
                mine.append(reading)
                theirs.append(writing)
            mine[0], theirs[0] = theirs[0], mine[0]
            module.warden.begin(os.fstat(theirs[0]).st_ino)
            started = spawn.start(
                path,
                [path, self.parameter],
                dict(enumerate(theirs)),
                script=self.name,
                parameter=self.parameter,
                source=module.scripts_dir_source(self.name),
            )
        except BaseException:
            for descriptor in mine:
                os.close(descriptor)
            module.warden.abandon()
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        module.warden.watch(started.pid)
        self._running(started, *mine)

    def _running(self, started: spawn.Started, stdin: int, stdout: int, stderr: int) -> None:
        self.state = RUNNING
        self.pid = started.pid
        self.started_at = time.time()
        self._gone.clear()
        self._pidfd = started.pidfd
        self._loop.add_reader(self._pidfd, self._ended)
        receiver = Receiver(self.module, self.name, self.parameter, "global")
        receiver.script = True
        receiver.pid = started.pid
        receiver.on_end = self._receiver_ended
        self.receiver = receiver
        self._pipes = Pipes(receiver, stdin, stdout)
        self._errors = ErrorOutput(self, stderr)
        receiver.connection_made(self._pipes)

    # Standard error

    def wrote_error(self, text: str) -> None:
        """Takes a line that the script wrote on standard error."""
        self.log_lines.append((time.time(), self.pid or 0, text))
        source = f"{self.name}[{self.pid}]"
        self.module.engine.log.emit(log.Event("stderr", text, log.NOTE, source))

    # End

    def _receiver_ended(self) -> None:
        """The script quit, or closed its output, or is being stopped: the ladder follows."""
        if self.state == RUNNING:
            self.state = STOPPING
            self._ladder = self._loop.create_task(self._climb(None))

    def _ended(self) -> None:
        """The process is dead: its pidfd says so, whoever may still hold its pipes."""
        self._loop.remove_reader(self._pidfd)
        result = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED)
        os.close(self._pidfd)
        self._pidfd = -1
        receiver, pid = self.receiver, self.pid
        assert receiver is not None and pid is not None
        assert self._pipes is not None and self._errors is not None and result is not None
        self.state = STOPPED
        self._pipes.drain()
        self._errors.close()
        receiver.on_end = None
        receiver.end("gone")
        self._pipes.close_all()
        exited = result.si_code == os.CLD_EXITED
        self.last_exit = Exit(
            result.si_status if exited else None,
            None if exited else result.si_status,
            time.time() - self.started_at,
            time.time(),
            receiver.spoke,
        )
        self.receiver, self.pid = None, None
        self.module.leftovers.end(pid)
        self._tell_end(receiver, self.last_exit)
        self._gone.set()
        self._what_next(receiver)

    def _tell_end(self, receiver: Receiver, exit: Exit) -> None:
        never = "" if exit.spoke else ". Never got anything"
        self.module.debug(
            log.NOTE,
            f"ExtMod[{self.name}] terminating args='{self.parameter}', {exit.words()}{never}",
        )
        early = exit.lived < EARLY_SECONDS or not exit.spoke
        if self._asked_to_stop or not early:
            return
        lines = self._story(receiver, exit)
        self.why, self.failed_at = lines, exit.when
        self.last_exit = Exit(exit.code, exit.signal, exit.lived, exit.when, exit.spoke, lines)
        if exit.code != 0:
            self.state = FAILED
        self.module.engine.log.notice(lines, self.session)

    def _story(self, receiver: Receiver, exit: Exit) -> tuple[str, ...]:
        headline = f"{self.label} ended {exit.lived:.2f} s after its start, {exit.words()}"
        if not exit.spoke:
            headline += ", never spoke the protocol"
        lines = [headline]
        if receiver.stray:
            lines.append(f"printed: {receiver.stray}")
        errors = [text for _, pid, text in self.log_lines if pid == receiver.pid]
        lines += errors[-_TOLD_LINES:]
        path = spawn.resolve(self.name, self.module.options.scripts_dir)
        hint = explain_exit(exit.code, exit.signal, errors[-_TOLD_LINES:], path)
        if hint:
            lines.append(f"do: {hint}")
        return tuple(log.safe(line, keep="\t") for line in lines)

    # Restart

    def _what_next(self, receiver: Receiver) -> None:
        if self._asked_to_stop or not receiver.restart or self.module.engine.halting:
            return
        options = self.module.options
        now = self._loop.time()
        self._recent.append(now)
        while self._recent and self._recent[0] < now - options.restart_window:
            self._recent.popleft()
        if len(self._recent) > options.restart_max:
            self.state = FAILED
            self.failed_at = time.time()
            last = self.last_exit.words() if self.last_exit else ""
            headline = (
                f"{self.label} was restarted {options.restart_max} times in "
                f"{options.restart_window} s and is given up, last {last}"
            )
            lines = (headline, *self.why[1:], "do: mend it, then external start " + self.label)
            self.why = lines
            self.module.engine.log.notice(lines, self.session)
            return
        delay = options.restart_delay / 1000 * 2 ** (len(self._recent) - 1)
        # Jitter keeps scripts that fell together from coming back together.
        delay *= random.uniform(0.75, 1.25)
        self.state = BACKING_OFF
        self.next_start = time.time() + delay
        self._backoff = self._loop.call_later(delay, self._start_again)

    def _start_again(self) -> None:
        self._backoff = None
        self.restarts += 1
        try:
            self.start()
        except StartError as error:
            lines = error.failure.lines()
            self.module.engine.log.notice(lines, self.session, logged=False)

    # Stop

    async def stop(self, deadline: float | None = None) -> None:
        """Ends the script by the ladder and waits until it is gone.

        Its input is closed; after `stopwait` it gets SIGTERM and after `termwait` SIGKILL, its
        whole process group each time. `deadline`, on the loop's clock, cuts the waits short.
        """
        self._asked_to_stop = True
        if self._backoff is not None:
            self._backoff.cancel()
            self._backoff = None
            self.state = STOPPED
        if self.state == RUNNING and self.receiver is not None:
            self.state = STOPPING
            self.receiver.end("stop")
        if self.state != STOPPING:
            return
        if self._ladder is not None:
            self._ladder.cancel()
        await self._climb(deadline)

    async def _climb(self, deadline: float | None) -> None:
        options = self.module.options
        if await self._wait_gone(options.stopwait / 1000, deadline):
            return
        self._signal(signal.SIGTERM)
        if await self._wait_gone(options.termwait / 1000, deadline):
            return
        self._signal(signal.SIGKILL)
        await self._gone.wait()

    async def _wait_gone(self, seconds: float, deadline: float | None) -> bool:
        if deadline is not None:
            seconds = max(0.0, min(seconds, deadline - self._loop.time()))
        try:
            await asyncio.wait_for(self._gone.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _signal(self, number: int) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)


class Leftovers:
    """The process groups of scripts that have ended: what is left in them is ended too."""

    def __init__(self, module: ExtModule, forget: Callable[[int], None]) -> None:
        self._module = module
        self._forget = forget
        self._groups: dict[int, asyncio.TimerHandle] = {}

    def end(self, group: int) -> None:
        """The leader of `group` is gone: who is left gets SIGTERM, and SIGKILL later."""
        if not self._signal(group, signal.SIGTERM):
            self._forget(group)
            return
        wait = self._module.options.termwait / 1000
        loop = asyncio.get_running_loop()
        self._groups[group] = loop.call_later(wait, self._kill, group)

    def kill_all(self) -> None:
        """The engine ends: nobody is left."""
        for group, timer in list(self._groups.items()):
            timer.cancel()
            self._kill(group)

    def _kill(self, group: int) -> None:
        self._groups.pop(group, None)
        self._signal(group, signal.SIGKILL)
        self._forget(group)

    def _signal(self, group: int, number: int) -> bool:
        try:
            os.killpg(group, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True
