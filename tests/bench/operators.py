"""Rows on the cost of operators: watched, traced, fairness, memory, start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from time import perf_counter

from tests.bench import client
from tests.bench.result import Line, median, percentile, runs, spread
from tests.bench.target import Target, Terminal, configured, engine, process, terminal


async def _cost(target: Target, count: int) -> float:
    """Return processor time, in seconds, for a handled message."""
    async with client.answering(target.unix, [50]):
        before = target.cpu()
        await client.send(target.unix, count, 500)
        return (target.cpu() - before) / count


@contextlib.asynccontextmanager
async def _attended() -> AsyncIterator[tuple[Target, client.Replies]]:
    """Run an engine with a local session, and a peer that gives commands to that session."""
    with configured() as (conf, target):
        command = (sys.executable, "-m", "tests.bench.attended", "-c", str(conf))
        async with process(*command) as target.pid:
            orders = client.Replies()
            await client.connect(target.unix, orders)
            yield target, orders
            orders.transport.close()


async def _order(orders: client.Replies, line: bytes) -> None:
    """Run a command in the local session. Raises RuntimeError if it fails."""
    answer = await orders.ask(b"%%>message:order:0:bench.order::line=" + line)
    if not answer.startswith(b"%%<message:order:true:"):
        raise RuntimeError(answer.decode())


async def _flow_ratio(
    target: Target, count: int, times: int, switch: Callable[[bytes], Awaitable[None]]
) -> tuple[list[float], list[float]]:
    """Measure processor time for a message: ratios of flow off to on, and the times with it on."""
    ratios, costs = [], []
    for _ in range(times):
        plain = await _cost(target, count)
        await switch(b"on")
        costs.append(await _cost(target, count))
        await switch(b"off")
        ratios.append(plain / costs[-1])
    return ratios, costs


async def _switch(orders: client.Replies, remote: Terminal, filtered: bytes, word: bytes) -> None:
    """Turn the flow on or off in both sessions; the remote one does not read while it is on."""
    os.kill(remote.pid, signal.SIGCONT)
    line = b"flow on " + filtered if word == b"on" else b"flow off"
    await _order(orders, line)
    await remote.ask(line, b"Flow: " + word)
    if word == b"on":
        os.kill(remote.pid, signal.SIGSTOP)


async def watched(scale: float) -> list[Line]:
    """Measure the flow with a filter: in the local session, and in one that does not read."""
    count = max(500, int(20000 * scale))
    lines = []
    async with _attended() as (yext, orders):
        where = yext.manager.removeprefix("tcp:")
        async with terminal(sys.executable, "-m", "console", "attach", where) as remote:
            await remote.sees(b"bench>")

            for case, filtered, mark in (("with a filter", b"other.*", 0.8), ("all", b"*", None)):
                ratios, costs = await _flow_ratio(
                    yext, count, runs(scale), partial(_switch, orders, remote, filtered)
                )
                ratio = median(ratios)
                lines.append(
                    Line("watched", f"flow {case}, a remote stalled", ratio, "unwatched",
                         f">= {mark}" if mark else "", ratio >= mark if mark else None,
                         f"{median(costs) * 1e6:.1f} us CPU a message", spread(ratios))
                )  # fmt: skip
            os.kill(remote.pid, signal.SIGCONT)
    return lines


async def traced(scale: float) -> list[Line]:
    """Measure throughput while each message's journey is recorded, and afterwards."""
    count = max(500, int(20000 * scale))
    # Both run the same program; the only difference is that the flow was on in one.
    async with _attended() as (fresh, _), _attended() as (yext, orders):

        async def switch(word: bytes) -> None:
            await _order(orders, b"flow " + word)

        on, costs = await _flow_ratio(yext, count, runs(scale), switch)
        off = []
        for _ in range(runs(scale)):
            plain = await _cost(fresh, count)
            off.append(plain / await _cost(yext, count))
    ratio, after = median(on), median(off)
    return [
        Line("traced", "recorded", ratio, "untraced", ">= 0.6", ratio >= 0.6,
             f"{median(costs) * 1e6:.1f} us CPU a message", spread(on)),
        Line("traced", "off again", after, "never on", ">= 0.99", after >= 0.99, "", spread(off)),
    ]  # fmt: skip


async def _seconds(times: int, ask: Callable[[], Awaitable[object]]) -> list[float]:
    taken = []
    for _ in range(times):
        before = perf_counter()
        await ask()
        taken.append(perf_counter() - before)
    return taken


async def fairness(scale: float) -> list[Line]:
    """Measure a canary message and a console command while another peer floods the engine."""
    count = max(10, int(300 * scale))
    lines = []
    for case, window in (("floods, 500 in flight", "500"), ("floods without end", "0")):
        async with engine() as yext:
            manager = client.Replies()
            await client.connect(yext.manager, manager)
            flood = (sys.executable, "-m", "tests.bench.flood", yext.unix, window)
            async with process(*flood), client.answering(yext.unix, [50]):
                sender = await client.send(yext.unix, count, 1)
                ask = partial(manager.ask, b"uptime")
                commands = await _seconds(count, ask)
            manager.transport.close()
        for what, taken in (("a message", sender.latencies), ("a command", commands)):
            worst = percentile(taken, 0.99)
            lines.append(
                Line("fairness", f"{what} while a peer {case}", worst / median(taken), "median",
                     "p99 <= 20 ms", worst <= 0.02,
                     f"p99 {worst * 1e3:.1f} ms, median {median(taken) * 1e3:.2f} ms")
            )  # fmt: skip
    return lines


async def memory(scale: float) -> list[Line]:
    """Measure peak memory with the flow on, after some messages and after ten times as many."""
    count = max(2000, int(40000 * scale))
    async with _attended() as (yext, orders):
        await _order(orders, b"flow on")
        async with client.answering(yext.unix, [50]):
            await client.send(yext.unix, count, 500)
            first = yext.peak()
            await client.send(yext.unix, 9 * count, 500)
            last = yext.peak()
    # The record is full after its first ten thousand messages.
    met = last <= 1.05 * first if count > 10_000 else None
    return [
        Line("memory", f"{10 * count:,} messages, flow on", last / first, f"{count:,} messages",
             "<= 1.05", met, f"{last / 1e6:.1f} MB, of {first / 1e6:.1f} MB")
    ]  # fmt: skip


async def _ended(*command: str) -> float:
    """Run a program to its end; return its processor time in seconds."""
    before = os.times()
    started = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL)
    await started.wait()
    after = os.times()
    return after.children_user + after.children_system - before[2] - before[3]


async def _prompt(conf: Path) -> None:
    async with terminal(sys.executable, "-m", "console", "-c", str(conf)) as shell:
        await shell.sees(b"bench>")


async def start(scale: float) -> list[Line]:
    """Measure `yext run version`, and `yext` to its prompt, against a bare Python."""
    times = max(2, int(15 * scale))
    version_command = (sys.executable, "-m", "console", "run", "version")
    with configured() as (conf, _):
        bare, version, prompt = [], [], []
        for _ in range(times):
            bare += await _seconds(1, lambda: _ended(sys.executable, "-c", ""))
            version += await _seconds(1, lambda: _ended(*version_command))
            prompt += await _seconds(1, lambda: _prompt(conf))
    lines = []
    for case, taken, mark in (("yext run version", version, 80), ("to the prompt", prompt, 300)):
        over = (median(taken) - median(bare)) * 1e3
        lines.append(
            Line("start", case, median(taken) / median(bare), "bare Python", f"<= {mark} ms over",
                 over <= mark, f"{over:.0f} ms over {median(bare) * 1e3:.0f} ms", spread(taken))
        )  # fmt: skip
    return lines
