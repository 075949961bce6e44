"""Audio through many scripts at once: how late the frames are, and whether they are correct."""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from array import array
from pathlib import Path

from tests.bench.result import Line, percentile
from yext import Engine, Message
from yext.telephony.audio.clock import BEAT
from yext.telephony.endpoint import Consumer, Endpoint, Source
from yext.telephony.shared import telephony

CHANNELS = 200
SECONDS = 60.0
_BOUND = 0.02

_ECHO = """#!/bin/sh
IFS=: read -r head id rest
echo "%%<message:$id:true::"
exec cat <&3 5>&1 >&4
"""


class _Speaker(Source):
    """A source of frames that are all different."""

    def __init__(self) -> None:
        super().__init__("bench")
        self.sent = 0

    def beat(self) -> None:
        self.forward(array("h", [self.sent & 0x7FFF] * 160).tobytes())
        self.sent += 1


class _Listener(Consumer):
    """A consumer that records when each frame came, and whether it was the next one."""

    def __init__(self) -> None:
        super().__init__("bench")
        self.times: list[float] = []
        self.wrong = 0

    def consume(self, data: bytes) -> None:
        if len(data) != 320 or int.from_bytes(data[:2], "little") != len(self.times) & 0x7FFF:
            self.wrong += 1
        self.times.append(time.monotonic())

    def lateness(self) -> list[float]:
        """The delay of each frame, in seconds, against an even pace set by the earliest frame."""
        offsets = [when - number * BEAT for number, when in enumerate(self.times)]
        first = min(offsets)
        return [offset - first for offset in offsets]


async def playrec_channels(scale: float) -> list[Line]:
    """Run two hundred scripts that send back what they hear, for a minute."""
    with tempfile.TemporaryDirectory() as folder:
        write_echo(Path(folder))
        async with Engine(folder) as engine:
            ears = [await call(engine, "echo.sh") for _ in range(CHANNELS)]
            mouths = [mouth for _, mouth in ears]
            clock = telephony(engine).clock
            for mouth in mouths:
                clock.add(mouth)
            before, begun = _cpu(), time.monotonic()
            await asyncio.sleep(SECONDS * scale)
            used = (_cpu() - before) / (time.monotonic() - begun)
            for mouth in mouths:
                clock.remove(mouth)
            return [_line([ear for ear, _ in ears], mouths, used)]


def write_echo(folder: Path) -> None:
    """Write the script that sends back what it hears, and a configuration that finds it."""
    script = folder / "echo.sh"
    script.write_text(_ECHO)
    script.chmod(0o755)
    (folder / "extmodule.conf").write_text(f"[general]\nscripts_dir={folder}/\n")


async def call(engine: Engine, script: str) -> tuple[_Listener, _Speaker]:
    """Call a script that records and plays; return what hears it and what speaks to it."""
    caller, ear, mouth = Endpoint(engine, "bench"), _Listener(), _Speaker()
    caller.set_source(mouth)
    caller.set_consumer(ear)
    message = Message("call.execute", {"callto": f"external/playrec/{script}"}, userdata=caller)
    if not await engine.dispatch(message):
        raise RuntimeError(f"the call failed: {message.params}")
    return ear, mouth


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _line(ears: list[_Listener], mouths: list[_Speaker], used: float) -> Line:
    late = [value for ear in ears for value in ear.lateness()]
    lost = sum(mouth.sent for mouth in mouths) - len(late)
    wrong = sum(ear.wrong for ear in ears)
    worst = percentile(late, 0.99)
    figures = {
        "p50_ms": percentile(late, 0.5) * 1000,
        "p99_ms": worst * 1000,
        "max_ms": max(late) * 1000,
        "wrong": float(wrong),
        "engine_cpu": used,
    }
    text = (
        f"{len(late)} frames, late by {figures['p50_ms']:.1f} ms (median), "
        f"{figures['p99_ms']:.1f} ms (99 %), {figures['max_ms']:.1f} ms (most), "
        f"{wrong} wrong, {lost} still under way, {used:.0%} of a core"
    )
    mark = f"99 % within {_BOUND * 1000:.0f} ms"
    met = worst <= _BOUND and not wrong
    return Line("audio", f"{len(ears)} playrec channels", None, "", mark, met, text, extra=figures)
