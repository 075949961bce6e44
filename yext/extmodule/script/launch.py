"""Starts a script's program on pipes of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from yext.extmodule.script import spawn

if TYPE_CHECKING:
    from yext.extmodule.module import ExtModule


class Launched(NamedTuple):
    """A program that runs, and the engine's ends of its pipes, which the caller owns."""

    started: spawn.Started
    stdin: int
    stdout: int
    stderr: int


def launch(
    module: ExtModule, path: str, name: str, parameter: str, extra_fds: Mapping[int, int]
) -> Launched:
    """Starts the program at `path` as the script `name`, watched by the warden.

    `extra_fds` are the descriptors that it finds open besides 0 to 2, each with the engine's
    own. Raises `StartError`.
    """
    source = module.scripts_dir_source(name)
    mine: list[int] = []
    theirs: list[int] = []
    try:
        for _ in range(3):
            reading, writing = spawn.make_pipe(name, path, parameter, source)
            mine.append(reading)
            theirs.append(writing)
        mine[0], theirs[0] = theirs[0], mine[0]
        module.warden.begin(*(os.fstat(end).st_ino for end in theirs))
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
        module.warden.abandon()
        raise
    finally:
        for descriptor in theirs:
            os.close(descriptor)
    module.leftovers.reused(started.pid)
    module.warden.watch(started.pid)
    return Launched(started, *mine)
