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
    from yext.extmodule.module import ExtModule


class Executed:
    """The programs that have not ended yet, so that none of them is left as a zombie."""

    def __init__(self, module: ExtModule) -> None:
        self._module = module
        self._pidfds: set[int] = set()

    def start(self, name: str, parameter: str | None) -> int:
        """Starts a program and leaves it alone; returns its pid. Raises `StartError`."""
        module = self._module
        path = spawn.resolve(name, module.options.scripts_dir)
        nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        output = module.bus.program_output
        told = nowhere if output is None else output
        try:
            started = spawn.start(
                path,
                [path] if parameter is None else [path, parameter],
                {0: nowhere, 1: told, 2: told},
                script=name,
                parameter=parameter,
                source=module.scripts_dir_source(name),
            )
        except StartError as error:
            module.debug(
                log.WARN,
                f"Failed to execute program '{path}' args='{parameter or ''}': "
                f"{error.failure.errno} {error.failure.one_line()}",
            )
            raise
        finally:
            os.close(nowhere)
        asyncio.get_running_loop().add_reader(started.pidfd, self._reap, started, name)
        self._pidfds.add(started.pidfd)
        return started.pid

    def close(self) -> None:
        """The engine ends: the programs may live on, their ends are no longer seen."""
        for pidfd in list(self._pidfds):
            self._forget(pidfd)

    def _reap(self, started: spawn.Started, name: str) -> None:
        status = reap(started.pidfd)
        self._forget(started.pidfd)
        text = f"Program '{name}', pid {started.pid}, ended: {status.describe()}"
        self._module.debug(log.INFO, text)

    def _forget(self, pidfd: int) -> None:
        asyncio.get_running_loop().remove_reader(pidfd)
        self._pidfds.discard(pidfd)
        os.close(pidfd)
