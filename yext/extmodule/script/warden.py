"""The warden: a process that kills the scripts of an engine that was killed itself.

An engine that gets SIGKILL, or crashes, cannot end its scripts. So a small shell process, the
warden, reads from a pipe that only the engine writes to, and learns from it the process groups of
all scripts. At the end of the pipe it kills the groups that are left, and ends. It leads its own
process group, ignores the signals that end the engine, holds none of the engine's descriptors,
and sleeps in a read until there is something to do.

The lines it reads:

    begin INODE…    a script is about to be started whose pipes have these inodes
    + GROUP         it was started: the process group must be killed at the end
    abandon         it was not started
    - GROUP         the process group is gone, or need not be killed any more

An engine that is killed between ``begin`` and ``+`` leaves a script whose group the warden does
not know. The pipe does not end before that script has become its program: until then the new
process holds a copy of the engine's end. So the script's pipes are in place, and the warden finds
it by them: by any one of them, since a script that has ended already may have left a child that
kept only its standard error.
"""

from __future__ import annotations

import asyncio
import os
import signal

from yext import log
from yext.errors import StartError
from yext.extmodule.script.spawn import make_pipe, start

_SHELL = "/bin/sh"

# dash, bash and busybox all understand `kill -9 -GROUP`. The blanks around each group make sure
# that a whole number is found. In /proc/N/stat the name in brackets is followed by state, parent
# and process group.
_WATCH = """
trap '' HUP INT QUIT TERM PIPE
exec > /dev/null 2>&1
cd /
PATH=/usr/local/bin:/usr/bin:/bin:$PATH
begun=
groups=" $* "
while read -r order value; do
    case $order in
        begin) begun=$value ;;
        abandon) begun= ;;
        +) begun=; groups="$groups$value " ;;
        -) case $groups in
               *" $value "*) groups="${groups%%" $value "*} ${groups#*" $value "}" ;;
           esac ;;
    esac
done
for group in $groups; do kill -9 "-$group"; done
[ "$begun" ] || exit 0
ls -Lid /proc/[0-9]*/fd/[012] | while read -r inode end; do
    case " $begun " in *" $inode "*) ;; *) continue ;; esac
    case $(readlink "$end") in "pipe:[$inode]" | "socket:[$inode]") ;; *) continue ;; esac
    read -r stat < "${end%/fd/?}/stat" || continue
    set -- ${stat##*) }
    kill -9 "-$3"
done
"""

_PAUSE = 1.0
"""The least time between two starts of the warden, in seconds."""

_PATIENCE = 1.0
"""How long the warden may take to end by itself, in seconds."""


class Warden:
    """The engine's side of the warden, on the running event loop.

    The process is started with the first script, and again if it ends. If it cannot be started,
    that is logged, and scripts run without it.

    Attributes:
        pid: the process id of the warden, None while it does not run.
    """

    def __init__(self) -> None:
        self.pid: int | None = None
        self._groups: dict[int, None] = {}
        self._begun = b""
        self._pipe = -1
        self._pidfd = -1
        self._next_start: asyncio.TimerHandle | None = None
        self._closing = False
        self._gone = asyncio.Event()
        self._started_at = 0.0
        self._loop = asyncio.get_running_loop()

    def begin(self, *inodes: int) -> None:
        """Announce the start of a script whose pipes have these inodes."""
        self._begun = b"begin %s\n" % b" ".join(b"%d" % inode for inode in inodes)
        if self.pid is None:
            self._start()
        else:
            self._write(self._begun)

    def watch(self, pid: int) -> None:
        """Kill the process group of `pid`, the script that was started, with the engine."""
        self._begun = b""
        self._groups[pid] = None
        self._write(b"+ %d\n" % pid)

    def abandon(self) -> None:
        """Take back the announcement: the script was not started."""
        self._begun = b""
        self._write(b"abandon\n")

    def forget(self, pid: int) -> None:
        """Leave the process group of `pid` alone from now on."""
        if pid in self._groups:
            del self._groups[pid]
            self._write(b"- %d\n" % pid)

    async def close(self) -> None:
        """End the warden, and with it each group that was not forgotten; wait until it is gone."""
        self._closing = True
        if self._next_start is not None:
            self._next_start.cancel()
        if self.pid is None:
            return
        os.close(self._pipe)
        self._pipe = -1
        try:
            await asyncio.wait_for(self._gone.wait(), _PATIENCE)
        except TimeoutError:
            os.kill(self.pid, signal.SIGKILL)
            await self._gone.wait()

    def _start(self) -> None:
        """Start the warden with all groups that it must know."""
        if self._next_start is not None:
            self._next_start.cancel()
            self._next_start = None
        self._started_at = self._loop.time()
        try:
            self.pid, self._pidfd, self._pipe = self._spawn()
        except StartError as error:
            log.logger.warning("scripts run without a warden: %s", error)
            return
        self._gone.clear()
        self._loop.add_reader(self._pidfd, self._ended)
        self._write(self._begun)

    def _spawn(self) -> tuple[int, int, int]:
        """Start the shell; return its process id, its pidfd and the pipe to write to."""
        reading, writing = make_pipe("warden", _SHELL, None)
        os.set_blocking(writing, False)
        argv = (_SHELL, "-c", _WATCH, "warden", *map(str, self._groups))
        try:
            started = start(_SHELL, argv, {0: reading}, script="warden", parameter=None, source="")
        except BaseException:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        return started.pid, started.pidfd, writing

    def _write(self, line: bytes) -> None:
        """Write a line to the warden; one that does not read is killed and started anew."""
        if self._pipe < 0 or self.pid is None:
            return
        try:
            os.write(self._pipe, line)
        except BlockingIOError:
            os.kill(self.pid, signal.SIGKILL)
        except BrokenPipeError:
            pass  # It has ended, and `_ended` is about to be called.

    def _ended(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED)
        os.close(self._pidfd)
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        self.pid = None
        self._gone.set()
        if self._groups and not self._closing:
            self._next_start = self._loop.call_at(self._started_at + _PAUSE, self._start)
