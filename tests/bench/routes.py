"""The row routes: what a message costs under a thousand rules, in one process."""

from __future__ import annotations

import asyncio
import random
import tempfile
from pathlib import Path
from time import process_time

from tests.bench.result import Line, median, runs, spread
from yext import Engine, Message

RULES = 1000

MOST_MICROSECONDS = 100.0
"""What a message may cost under so many rules."""

_YATE_CONF = "[general]\nmodload=no\n[modules]\nregexroute.yate=yes\n"


def dial_plan(rules: int) -> str:
    """Return rules as dial plans have them: prefixes with groups, parameters, ranges, a default."""
    source = random.Random(rules)
    prefixes = sorted({str(source.randrange(1, 10**5)) for _ in range(rules)}, key=len)
    lines = ["[default]"]
    for number, prefix in enumerate(reversed(prefixes)):
        if number % 10 == 9:
            lines.append(f"${{caller}}^{prefix}=;account={number}")
        elif number % 10 == 8:
            lines.append(f"^{prefix}[0-4][0-9]\\{{3,6\\}}$=sip/range@gw{number}")
        else:
            lines.append(f"^{prefix}\\(.*\\)$=sip/\\1@gw{number};format=alaw")
    return "\n".join([*lines[:rules], ".*=-;error=noroute"]) + "\n"


async def _cost(engine: Engine, count: int, seed: int) -> float:
    """Return the processor time of a message, in seconds."""
    source = random.Random(seed)
    messages = [
        Message(
            "call.route",
            {
                "called": str(source.randrange(10**7, 10**11)),
                "caller": str(source.randrange(10**7, 10**11)),
            },
        )
        for _ in range(count)
    ]
    before = process_time()
    for message in messages:
        await engine.dispatch(message)
    return (process_time() - before) / count


async def _measured(rules: int, count: int, scale: float) -> tuple[float, list[float]]:
    """Return the cost of a first message in seconds, and those of others, each number new."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "yate.conf").write_text(_YATE_CONF)
        (Path(folder) / "regexroute.conf").write_text(dial_plan(rules))
        async with Engine(folder) as engine:
            first = await _cost(engine, 1, 0)
            await _cost(engine, count, 1)
            return first, [await _cost(engine, count, 2 + run) for run in range(runs(scale))]


async def routes(scale: float) -> list[Line]:
    """Measure messages under few and under many rules."""
    count = max(50, int(5000 * scale))
    _, few = await _measured(10, count, scale)
    await asyncio.sleep(0)
    first, many = await _measured(RULES, count, scale)
    cost = median(many) * 1e6
    return [
        Line(
            "routes", f"{RULES:,} rules", median(many) / median(few), "10 rules",
            f"<= {MOST_MICROSECONDS:.0f} us", cost <= MOST_MICROSECONDS,
            f"{cost:.0f} us a message, the first {first * 1e3:.0f} ms", spread(many),
        )
    ]  # fmt: skip
