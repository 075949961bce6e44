"""Starts a script's program on pipes of its own, and keeps track of its process group."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from yext.extmodule.script import spawn
from yext.extmodule.script.stopping import Leftovers
from yext.extmodule.script.warden import Warden


class Launched(NamedTuple):
    """A program that runs, and the engine's ends of its pipes, which the caller owns."""

    started: spawn.Started
    stdin: int
    stdout: int
    stderr: int


class Launcher:
    """Starts programs, and makes sure that nothing of their process groups is left behind.

    The warden sees to that after a crash of the engine.
    """

    def __init__(self) -> None:
        self._warden = Warden()
        self._leftovers = Leftovers(self._warden.forget)

    def launch(
        self, path: str, name: str, parameter: str, source: str, extra_fds: Mapping[int, int]
    ) -> Launched:
        """Start the program at `path`.

        Args:
            name, parameter, source: see `StartFailure`.
            extra_fds: the descriptors that the program finds open besides 0 to 2, each with the
                engine's own.

        Raises:
            StartError: the program could not be started, or there are no descriptors left.
        """
        mine: list[int] = []
        theirs: list[int] = []
        try:
            for _ in range(3):
                reading, writing = spawn.make_pipe(name, path, parameter, source)
                mine.append(reading)
                theirs.append(writing)
            mine[0], theirs[0] = theirs[0], mine[0]
            self._warden.begin(*(os.fstat(end).st_ino for end in theirs))
            started = spawn.start(
                path,
                [path, parameter],
                {**dict(enumerate(theirs)), **extra_fds},
                script=name,
                parameter=parameter,
                source=source,
            )
        except BaseException:
            for descriptor in mine:
                os.close(descriptor)
            self._warden.abandon()
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        self._leftovers.reused(started.pid)
        self._warden.watch(started.pid)
        return Launched(started, *mine)

    def end_group(self, pid: int, seconds: float) -> None:
        """End what the program `pid` has left in its process group: SIGTERM now, SIGKILL in
        `seconds`."""
        self._leftovers.end(pid, seconds)

    async def close(self) -> None:
        """End all that is left, and the warden."""
        self._leftovers.kill_all()
        await self._warden.close()
