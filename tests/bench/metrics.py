"""The row on metrics: what counting costs a message, and what a fetch of them costs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench import client, messages
from tests.bench.result import Line, median, runs, spread
from tests.bench.target import Target, configured, engine, process, served
from tests.ports import free_port

SCRIPTS = 100

_SCRIPT = "#!/bin/sh\nexec cat >/dev/null\n"


async def metrics(scale: float) -> list[Line]:
    """Measure an engine with metrics beside one without, and fetches with a hundred scripts."""
    count = max(1000, int(60000 * scale))
    ratios, own = [], []
    async with engine() as without, engine(metrics=free_port()) as counting:
        await messages.rate(without, count, handled=True)
        await messages.rate(counting, count, handled=True)
        for _ in range(3 * runs(scale)):
            theirs = await _cost(without, count)
            own.append(await _cost(counting, count))
            ratios.append(own[-1] / theirs)
    ratio, (taken, size) = median(ratios), await _fetches(max(3, int(50 * scale)))
    return [
        Line(
            "metrics", "handled throughput", ratio, "without", "<= 1.02", ratio <= 1.02,
            f"{median(own) * 1e6:.2f} us CPU each", spread(ratios),
        ),
        Line(
            "metrics", f"a fetch, {SCRIPTS} scripts", None, "", "<= 5 ms", taken <= 5e-3,
            f"{taken * 1e3:.1f} ms CPU, {size / 1000:.0f} kB",
        ),
    ]  # fmt: skip


async def _cost(target: Target, count: int) -> float:
    """Return the processor time of a message that a peer handles, in seconds."""
    async with client.answering(target.unix, [50], install=target.install):
        before = target.cpu()
        await client.send(target.unix, count, 500)
        return (target.cpu() - before) / count


async def _fetches(count: int) -> tuple[float, int]:
    """Return the processor time of a fetch with a hundred scripts, in seconds, and its bytes."""
    port = free_port()
    with configured(metrics=port) as (conf, target):
        _add_scripts(conf)
        async with process(*served(conf)) as target.pid:
            before = target.cpu()
            sizes = [len(await fetch(port)) for _ in range(count)]
            return (target.cpu() - before) / count, sizes[-1]


def _add_scripts(conf: Path) -> None:
    lines = []
    for number in range(SCRIPTS):
        script = conf / f"script{number}.sh"
        script.write_text(_SCRIPT)
        script.chmod(0o755)
        lines.append(f"{script}=\n")
    with (conf / "extmodule.conf").open("a") as file:
        file.write("".join(lines))


async def fetch(port: int) -> bytes:
    """Return the reply to a request for the metrics, with its head."""
    url = urlsplit(f"http://127.0.0.1:{port}/metrics")
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode())
    reply = await reader.read()
    writer.close()
    return reply
