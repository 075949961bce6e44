"""``python -m tests.bench``: print the table of docs/performance.md."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from typing import Any

from tests.bench import (
    audio,
    beside,
    browse,
    growth,
    held,
    messages,
    metrics,
    nodes,
    operators,
    peers,
    routes,
    through,
)
from tests.bench.result import Line, build, reasons, table

Row = Callable[[float], Coroutine[Any, Any, list[Line]]]

ROWS: dict[str, Row] = {
    "round-trip": messages.round_trip,
    "throughput": messages.throughput,
    "chain": messages.chain,
    "fan-out": messages.fan_out,
    "many-handlers": messages.many_handlers,
    "many-pending": messages.many_pending,
    "long-messages": messages.long_messages,
    "idle": peers.idle,
    "connects": peers.connects,
    "watched": operators.watched,
    "traced": operators.traced,
    "fairness": operators.fairness,
    "held": held.held,
    "browse": browse.browse,
    "routes": routes.routes,
    "memory": operators.memory,
    "start": operators.start,
    "metrics": metrics.metrics,
    "audio": audio.playrec_channels,
    "nodes": nodes.nodes,
    "yext-exec": through.through_yext_exec,
    "growth": growth.growth,
}

QUICK = 0.005
"""The scale of `--quick`: each row then takes a fraction of a second, plus its starts."""


async def measure(names: list[str], scale: float) -> list[Line]:
    """Run the rows one after the other."""
    lines: list[Line] = []
    # As after an installation: without this, the first start would also compile.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for name in names:
        before = time.monotonic()
        lines += await ROWS[name](scale)
        print(f"{name}: {time.monotonic() - before:.0f} s", file=sys.stderr)
    return lines


def main() -> int:
    """Read the options and print the table or JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument("--scale", type=float, default=1.0, help="part of the usual amount of work")
    parser.add_argument("--quick", action="store_true", help="as little as possible of each row")
    parser.add_argument("--peer", metavar="WHERE", help="unix:PATH or tcp:HOST:PORT of another")
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS))
    options = parser.parse_args()
    scale = QUICK if options.quick else options.scale
    if options.peer:
        lines = asyncio.run(beside.beside(options.peer, scale))
    else:
        lines = asyncio.run(measure(options.rows, scale))
    if options.json:
        print(json.dumps([asdict(line) for line in lines], indent=1))
    else:
        print(build(), table(lines), *reasons(lines), sep="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
