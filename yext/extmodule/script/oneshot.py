"""Programs that are started and left alone: ``[execute]`` and ``external execute``."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from yext import log
from yext.errors import StartError
from yext.extmodule.script import spawn
from yext.extmodule.script.stopping import reap

if TYPE_CHECKING:
    from yext.extmodule.script.script import ScriptHost


class OneShots:
    """The executed programs that have not ended yet, so that none is left as a zombie.

    Args:
        host: the owner.
    """

    def __init__(self, host: ScriptHost) -> None:
        self._host = host
        self._pidfds: set[int] = set()

    def start(self, name: str, parameter: str | None) -> int:
        """Start a program, without an argument if `parameter` is None, and return its pid.

        Raises:
            StartError: the program could not be started.
        """
        host = self._host
        path = spawn.resolve(name, host.options.scripts_dir)
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        output = null if host.bus.program_output is None else host.bus.program_output
        try:
            started = spawn.start(
                path,
                [path] if parameter is None else [path, parameter],
                {0: null, 1: output, 2: output},
                script=name,
                parameter=parameter,
                source=host.source(name),
            )
        except StartError as error:
            failure = error.failure
            host.tallies.failed(failure)
            host.debug(
                log.WARN,
                f"Failed to execute program '{path}' args='{parameter or ''}': "
                f"{failure.errno} {failure.one_line()}",
            )
            raise
        finally:
            os.close(null)
        asyncio.get_running_loop().add_reader(started.pidfd, self._reap, started, name)
        self._pidfds.add(started.pidfd)
        return started.pid

    def close(self) -> None:
        """Forget the programs, which may live on."""
        for pidfd in list(self._pidfds):
            self._forget(pidfd)

    def _reap(self, started: spawn.Started, name: str) -> None:
        status = reap(started.pidfd)
        self._forget(started.pidfd)
        text = f"Program '{name}', pid {started.pid}, ended: {status.describe()}"
        self._host.debug(log.INFO, text)

    def _forget(self, pidfd: int) -> None:
        asyncio.get_running_loop().remove_reader(pidfd)
        self._pidfds.discard(pidfd)
        os.close(pidfd)
