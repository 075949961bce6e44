"""The row held: messages in an operator's hand keep nobody else waiting."""

from __future__ import annotations

import asyncio
import sys

from tests.bench import client
from tests.bench.result import Line, median, percentile
from tests.bench.target import engine, process

RATE = 5000
"""Messages a second of the peer that floods the engine; the filter is asked about each."""

HELD = 4
"""Messages that are held meanwhile."""

_SECONDS = 30
"""How long the engine may take to do what it should do at once."""


async def held(scale: float) -> list[Line]:
    """Measure a canary while messages are held, then kill the session that holds them."""
    count = max(10, int(200 * scale))
    async with engine() as yext:
        manager, sender = client.Replies(), client.Replies()
        await client.connect(yext.manager, manager)
        await manager.ask(b"intercept nobody and id=held")
        flood = (sys.executable, "-m", "tests.bench.flood", yext.unix, f"{RATE}/s")
        async with process(*flood), client.answering(yext.unix, [50]):
            await client.connect(yext.unix, sender)
            for number in range(HELD):
                sender.write(b"%%%%>message:held%d:0:nobody::id=held\n" % number)
            async with asyncio.timeout(_SECONDS):
                await _all_are_held(manager)
            canary = (await client.send(yext.unix, count, 1)).latencies
            early = sender.queue.qsize()
            manager.transport.abort()
            async with asyncio.timeout(_SECONDS):
                answers = [await sender.queue.get() for _ in range(HELD)]
        sender.transport.close()
    went_on = {line.split(b":")[1] for line in answers}
    worst = percentile(canary, 0.99)
    return [
        Line("held", f"a message, {HELD} others held, {RATE:,}/s filtered", worst / median(canary),
             "median", "p99 <= 20 ms", worst <= 0.02,
             f"p99 {worst * 1e3:.1f} ms, median {median(canary) * 1e3:.2f} ms"),
        Line("held", "go on when the session is killed", None, "",
             f"{HELD} of {HELD}, none before", len(went_on) == HELD and not early,
             f"{len(went_on)} of {HELD}, {early} before"),
    ]  # fmt: skip


async def _all_are_held(manager: client.Replies) -> None:
    manager.write(b"intercept\n")
    while b"held: %d" % HELD not in await manager.queue.get():
        if manager.queue.empty():
            await asyncio.sleep(0.01)
            manager.write(b"intercept\n")
