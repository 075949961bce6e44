"""The row on yext-exec: what messages and a call cost through it, and without."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import psutil

from tests.bench import audio, client
from tests.bench.result import Line, runs
from tests.bench.target import ANSWERER, Target, configured, process
from yext import Engine
from yext.telephony.audio.clock import BEAT
from yext.telephony.shared import telephony

PROGRAM = Path(sys.executable).with_name("yext-exec")

_MORE = 1.02
"""How many times as much processor time a message may take through yext-exec."""

_CALL_SECONDS = 60.0


@contextlib.asynccontextmanager
async def _engine(script: str) -> AsyncIterator[Target]:
    with configured() as (conf, target):
        with (conf / "extmodule.conf").open("a") as file:
            file.write(f"{script}\n")
        command = (sys.executable, "-m", "console", "serve", "-c", str(conf), "-l", f"{conf}/log")
        async with process(*command) as target.pid:
            yield target


def _used(target: Target) -> float:
    """Processor time of the engine, the script and yext-exec, in seconds."""
    engine = psutil.Process(target.pid)
    times = [one.cpu_times() for one in (engine, *engine.children(recursive=True))]
    return sum(one.user + one.system for one in times)


async def _cost(target: Target, count: int) -> float:
    before = _used(target)
    await client.send(target.unix, count, 500)
    return (_used(target) - before) / count


async def through_yext_exec(scale: float) -> list[Line]:
    """Send messages to a script with and without yext-exec, in turns; then make a call."""
    count = max(500, int(100_000 * scale))
    async with (
        _engine(f"{ANSWERER}=50") as plain,
        _engine(f"{PROGRAM}={ANSWERER} 50") as through,
    ):
        for target in (plain, through):
            await client.send(target.unix, 500, 50)  # Both scripts have started.
        costs = [
            (await _cost(plain, count), await _cost(through, count)) for _ in range(runs(scale))
        ]
    least = [min(each) for each in zip(*costs, strict=True)]
    ratio = least[1] / least[0] if least[0] else 1.0
    text = f"{least[1] * 1e6:.2f} us CPU a message, {least[0] * 1e6:.2f} without, {count} messages"
    return [
        Line("yext-exec", "messages", ratio, "without", f"<= {_MORE}", ratio <= _MORE, text),
        await _call(_CALL_SECONDS * scale),
    ]


async def _call(seconds: float) -> Line:
    """Let a script that is started by yext-exec send back what it hears."""
    with tempfile.TemporaryDirectory() as folder:
        audio.write_echo(Path(folder))
        (Path(folder) / "yext-exec").symlink_to(PROGRAM)
        async with Engine(folder) as engine:
            ear, mouth = await audio.call(engine, "yext-exec echo.sh")
            clock = telephony(engine).clock
            clock.add(mouth)
            await asyncio.sleep(seconds)
            clock.remove(mouth)
            until = asyncio.get_running_loop().time() + 5
            while len(ear.times) < mouth.sent and asyncio.get_running_loop().time() < until:
                await asyncio.sleep(BEAT)
    lost = mouth.sent - len(ear.times)
    text = f"{mouth.sent} frames, {ear.wrong} wrong, {lost} lost"
    return Line("yext-exec", "a call", None, "", "sample for sample", not (lost or ear.wrong), text)
