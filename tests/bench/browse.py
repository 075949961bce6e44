"""The row browse: how soon messages are on the whole screen, and how soon a key has an effect."""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter

from tests.bench.result import Line, median, percentile
from tests.bench.target import Terminal, configured, process, terminal

RATE = 10_000
"""Messages a second while it is browsed."""

RECORDED = 10_000
"""Messages in the record when it is opened."""

_BETWEEN = 0.05
"""Seconds between two keys."""


async def browse(scale: float) -> list[Line]:
    """Fill the record, open it, and press keys while messages come."""
    recorded = max(500, int(RECORDED * min(1.0, scale)))
    count = max(4, int(60 * scale))
    with configured() as (conf, target):
        command = (sys.executable, "-m", "console", "-c", str(conf))
        flood = (sys.executable, "-m", "tests.bench.flood", target.unix, f"{RATE}/s")
        async with terminal(*command) as shell:
            await shell.sees(b"bench>")
            await shell.ask(b"flow on nobody and called=none", b"Flow: on")
            async with process(*flood):
                await _filled(shell, recorded)
            opened = await _timed(shell, b"flow browse\r", b"back")
            await asyncio.sleep(_BETWEEN)
            async with process(*flood):
                keys = [await _key(shell) for _ in range(count)]
    worst = percentile(keys, 0.99)
    return [
        Line("browse", f"opens, {recorded:,} recorded", None, "", "<= 100 ms", opened <= 0.1,
             f"{opened * 1e3:.0f} ms"),
        Line("browse", f"a key at {RATE:,}/s", worst / median(keys), "median", "p99 <= 50 ms",
             worst <= 0.05, f"p99 {worst * 1e3:.0f} ms, median {median(keys) * 1e3:.0f} ms"),
    ]  # fmt: skip


async def _filled(shell: Terminal, recorded: int) -> None:
    """Wait until so many messages are recorded."""
    async with asyncio.timeout(60):
        while True:
            await shell.ask(b"flow", b"recorded: ")
            await shell.sees(b"\r\n")
            text = shell.output.partition(b"recorded: ")[2]
            if int(text.split()[0]) >= recorded:
                return
            await asyncio.sleep(_BETWEEN)


async def _timed(shell: Terminal, keys: bytes, effect: bytes) -> float:
    """Type keys; return the seconds until the terminal has got a text."""
    shell.output = b""
    before = perf_counter()
    shell.type(keys)
    await shell.sees(effect)
    return perf_counter() - before


async def _key(shell: Terminal) -> float:
    """List the keys and go back; return the seconds that the first of the two took."""
    took = await _timed(shell, b"?", b"Home")
    await asyncio.sleep(_BETWEEN)
    # Only what has changed is written: the list must be back before the keys come again.
    await _timed(shell, b"q", b"messages")
    await asyncio.sleep(_BETWEEN)
    return took
