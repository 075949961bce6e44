"""Rows on peers that connect, stay and leave: idle, connects, scripts."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from time import perf_counter

from tests.bench.result import Line, median, runs, spread
from tests.bench.target import ANSWERER, Target, engine, relay
from yext.extmodule.script import spawn

YATE_IDLE = 0.93
"""Share of a core that 1,000 idle connections take in Yate 6.4.1 (docs/performance.md)."""

GREETING = b"%%>setlocal:timeout:\n"
"""The first line of a peer; the engine answers it with one line."""


def raise_limit() -> None:
    """Raise the descriptor limit of this process and its children to the system's limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connected(target: Target, count: int) -> list[socket.socket]:
    """Connect `count` peers, each past its first answer.

    They use no event loop, because its cost would be as large as the measured one.
    """
    path = target.unix.removeprefix("unix:")
    peers = [socket.socket(socket.AF_UNIX) for _ in range(count)]
    for peer in peers:
        peer.connect(path)
        peer.sendall(GREETING)
    for peer in peers:
        peer.recv(4096)
    return peers


def close(peers: list[socket.socket]) -> None:
    """Close all of them."""
    for peer in peers:
        peer.close()


async def idle(scale: float) -> list[Line]:
    """Measure processor time and memory of silent peers, against the relay."""
    raise_limit()
    lines = []
    for count in (10, 1000, 5000):
        if count * 0.002 > scale * 20:
            continue
        seconds = max(0.1, min(2.0, scale * 3))
        async with engine() as yext, relay(way="--echo") as reference:
            memory, cpu = [], []
            for target in (reference, yext):
                close(connected(target, 10))
                empty = target.memory()
                peers = [one for _ in range(0, count, 500)
                         for one in connected(target, min(500, count))]  # fmt: skip
                memory.append((target.memory() - empty) / count)
                before, began = target.cpu(), perf_counter()
                await asyncio.sleep(seconds)
                cpu.append((target.cpu() - before) / (perf_counter() - began))
                close(peers)
        met = cpu[1] < 0.002 and memory[1] <= 12 * 1024 if count >= 1000 else None
        yate = f", Yate {YATE_IDLE:.0%}" if count == 1000 else ""
        lines.append(
            Line("idle", f"{count:,} peers", memory[1] / memory[0] if memory[0] else None,
                 "relay's memory", "<= 12 kB each; CPU < 0.2 %", met,
                 f"{memory[1] / 1024:.1f} kB each, {cpu[1]:.2%} of a core{yate}")
        )  # fmt: skip
    return lines


async def connects(scale: float) -> list[Line]:
    """Measure peers connected, greeted and closed a second, and the cost of starting a program."""
    count = max(50, int(scale * 1000))
    ratios, rates = [], []
    async with engine() as yext, relay(way="--echo") as reference:
        for _ in range(runs(scale)):
            seconds = []
            for target in (reference, yext):
                before = perf_counter()
                for _ in range(0, count, 50):
                    close(connected(target, 50))
                seconds.append(perf_counter() - before)
            rates.append(count / seconds[1])
            ratios.append(seconds[0] / seconds[1])
    rate = median(rates)
    first = Line(
        "connects", "unix", median(ratios), "relay", ">= 3,000/s", rate >= 3000,
        f"{rate:,.0f}/s", spread(ratios),
    )  # fmt: skip
    return [first, await _spawns(max(20, int(scale * 200))), *await _scripts(scale)]


async def _spawns(count: int) -> Line:
    """Measure the engine's way to start a program, against a bare posix_spawn."""
    bare, own = [], []
    for _ in range(count):
        before = perf_counter()
        pid = os.posix_spawn("/bin/true", ["/bin/true"], os.environ)
        bare.append(perf_counter() - before)
        os.waitpid(pid, 0)
        before = perf_counter()
        started = spawn.start(
            "/bin/true", ["/bin/true"], {0: 0, 1: 1, 2: 2},
            script="true", parameter=None, source="",
        )  # fmt: skip
        own.append(perf_counter() - before)
        os.waitpid(started.pid, 0)
        os.close(started.pidfd)
    ratio = median(own) / median(bare)
    return Line(
        "connects", "a program's start", ratio, "posix_spawn", "<= 1.5", ratio <= 1.5,
        f"{median(own) * 1e6:.0f} us, of {median(bare) * 1e6:.0f} us",
    )  # fmt: skip


SH = "#!/bin/sh\nwhile read -r line; do :; done\n"
C = """#include <unistd.h>
int main(void) { char c[512]; while (read(0, c, sizeof c) > 0); return 0; }
"""
"""Programs that do nothing until their input ends."""


def _programs(folder: Path) -> dict[str, Path]:
    """Make the programs to start, by what each is; without a C compiler there is none in C."""
    programs = {"a Python script": ANSWERER, "/bin/sh": folder / "idle.sh"}
    programs["/bin/sh"].write_text(SH)
    programs["/bin/sh"].chmod(0o755)
    compiler = shutil.which("cc")
    if compiler is not None:
        (folder / "idle.c").write_text(C)
        command = [compiler, "-O1", "-o", str(folder / "idle"), str(folder / "idle.c")]
        subprocess.run(command, check=True)
        programs["a C program"] = folder / "idle"
    return programs


async def _scripts(scale: float) -> list[Line]:
    """Measure scripts started and stopped by command, one after the other, in one engine."""
    from tests.bench import client

    count = max(3, int(scale * 30))
    with tempfile.TemporaryDirectory(prefix="yext-bench-") as name:
        programs = _programs(Path(name))
        rates: dict[str, list[float]] = {what: [] for what in programs}
        shares: dict[str, list[float]] = {what: [] for what in programs}
        async with engine() as yext:
            manager = client.Replies()
            await client.connect(yext.manager, manager)
            for _ in range(3):
                for what, path in programs.items():
                    before, own = perf_counter(), yext.cpu()
                    for number in range(count):
                        script = b"%s %d" % (os.fsencode(path), number + 1)
                        await manager.ask(b"external start " + script)
                        await manager.ask(b"external stop " + script)
                    rates[what].append(count / (perf_counter() - before))
                    shares[what].append((yext.cpu() - own) / count)
            manager.transport.close()
    lines = []
    for what in programs:
        share = min(shares[what])
        lines.append(
            Line("connects", f"started and stopped, {what}", None, "", "<= 1 ms of the engine",
                 share <= 0.001,
                 f"{median(rates[what]):.0f}/s, the engine's own share {share * 1e3:.2f} ms",
                 spread(rates[what]))
        )  # fmt: skip
    if "a C program" not in programs:
        lines.append(Line("connects", "a C program", None, "", "", None, "no C compiler here"))
    return lines
