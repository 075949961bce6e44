"""Kills engines with SIGKILL at random moments around the start of a script.

`python killed_engines.py ROUNDS [SHELL]` prints what became of the scripts, as JSON. Each
script has a child of its own and ignores SIGTERM. Each process of a round holds the writing end
of one pipe, so that its end tells, to the moment, that none is left.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import random
import select
import signal
import sys
import time
from contextlib import ExitStack
from typing import NoReturn

from scratch import open_directory, put

from yext.extmodule.script import spawn, warden

SCRIPTS = 3

DEADLINE = 20.0
"""Seconds after which a script that lives is taken to live for ever."""

SCRIPT = """#!/bin/sh
trap '' TERM
sleep 1000 &
while :; do sleep 1000; done
"""

BETWEEN = 1
"""What the engine notes in the shared memory while a script is being started."""


async def live(script: str, note: mmap.mmap, ready: int) -> NoReturn:
    """An engine that does nothing but start scripts, and end the oldest of them."""
    watched = warden.Warden()
    alive: list[int] = []
    while True:
        with ExitStack() as stack:
            reading, writing = os.pipe()
            stack.callback(os.close, reading)
            stack.callback(os.close, writing)
            watched.begin(os.fstat(reading).st_ino)
            note[0] = BETWEEN
            started = spawn.start(
                script, [script, ""], {0: reading, 1: 1, 2: 2}, script="x", parameter="", source=""
            )
            note[0] = 0
            watched.watch(started.pid)
            stack.callback(os.close, started.pidfd)
        alive.append(started.pid)
        if len(alive) == SCRIPTS:
            os.write(ready, b"r")
            oldest = alive.pop(0)
            os.killpg(oldest, signal.SIGKILL)
            os.waitpid(oldest, 0)
            watched.forget(oldest)


def kill_one(script: str, note: mmap.mmap) -> tuple[float, bool]:
    """Kills one engine: seconds until its last script is gone, whether one was being started."""
    ended, held = os.pipe()
    is_ready, ready = os.pipe()
    engine = os.fork()
    if engine == 0:
        os.dup2(held, 1)
        os.dup2(held, 2)
        asyncio.run(live(script, note, ready))
    for descriptor in (held, ready):
        os.close(descriptor)
    os.read(is_ready, 1)
    time.sleep(random.uniform(0, 0.01))
    os.kill(engine, signal.SIGKILL)
    killed = time.monotonic()
    os.waitpid(engine, 0)
    starting = note[0] == BETWEEN
    note[0] = 0
    gone = bool(select.select([ended], [], [], DEADLINE)[0])
    seconds = time.monotonic() - killed if gone else DEADLINE
    if gone and (text := os.read(ended, 65536)):
        raise AssertionError(text.decode())
    os.close(ended)
    os.close(is_ready)
    return seconds, starting


def main(rounds: int, shell: str) -> None:
    warden._SHELL = shell
    random.seed(rounds)
    note = mmap.mmap(-1, 1)
    with open_directory() as directory:
        script = str(put(directory / "script.sh", SCRIPT))
        results = [kill_one(script, note) for _ in range(rounds)]
    seconds = sorted(took for took, _ in results)
    told = {
        "survived": sum(took >= DEADLINE for took in seconds),
        "median": seconds[len(seconds) // 2],
        "longest": seconds[-1],
        "killed during a start": sum(starting for _, starting in results),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "/bin/sh")
