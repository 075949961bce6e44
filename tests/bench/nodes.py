"""Rows on other nodes: a message by a link and by NATS, beside a local peer and bare nats-py."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter

import nats

from tests.bench import client
from tests.bench.result import Line, median, percentile, runs, spread
from tests.bench.target import Target, process, served
from tests.natsservers import NatsServer
from tests.ports import free_port

SHARE = "[share]\nhandle=bench\n"


@contextlib.asynccontextmanager
async def _alder(folder: Path, name: str, yext: str) -> AsyncIterator[Target]:
    """Run a node that has no handler of its own."""
    conf = folder / name
    conf.mkdir()
    port, unix = free_port(), f"{folder}/{name}.socket"
    (conf / "extmodule.conf").write_text(
        f"[general]\nmaxqueue=10000\n[listener unix]\ntype=unix\npath={unix}\nrole=global\n"
        f"[listener tcp]\ntype=tcp\nport={port}\nrole=global\n"
    )
    (conf / "yext.conf").write_text(yext)
    target = Target(name, f"unix:{unix}", f"tcp:127.0.0.1:{port}")
    async with process(*served(conf), "-N", name) as target.pid:
        yield target


@contextlib.asynccontextmanager
async def _beech(folder: Path, yext: str, port: int = 0) -> AsyncIterator[None]:
    """Run a node with a function as the handler, and a listener at a port unless that is 0."""
    conf = folder / "beech"
    conf.mkdir()
    listener = f"[listener nodes]\ntype=tcp\nport={port}\nrole=global\n" if port else ""
    (conf / "extmodule.conf").write_text(listener)
    (conf / "yext.conf").write_text(yext)
    async with process(sys.executable, "-m", "tests.bench.node", str(conf), "beech"):
        yield


async def _handled(target: Target) -> None:
    """Wait until messages are handled on the other node."""
    asking = client.Replies()
    await client.connect(target.unix, asking)
    async with asyncio.timeout(60):
        while not (await asking.ask(b"%%>message:1:0:bench::")).startswith(b"%%<message:1:true:"):
            await asyncio.sleep(0.05)
    asking.transport.close()


class _Measured:
    """The times of one way, run for run."""

    def __init__(self) -> None:
        self.middle: list[float] = []
        self.slow: list[float] = []
        self.rates: list[float] = []

    def words(self) -> str:
        """The figures in words."""
        rate = f", {median(self.rates):,.0f}/s" if self.rates else ""
        return f"p50 {median(self.middle) * 1e6:.0f} us, p99 {median(self.slow) * 1e6:.0f} us{rate}"

    def add(self, latencies: list[float], rate: float) -> None:
        """Add the times of one run, and its messages a second with 500 in flight."""
        self.middle.append(percentile(latencies, 0.5))
        self.slow.append(percentile(latencies, 0.99))
        self.rates.append(rate)

    def ratio(self, other: _Measured) -> list[float]:
        """The ratios of the medians to those of the other way, run for run."""
        return [own / theirs for own, theirs in zip(self.middle, other.middle, strict=True)]


async def _measure(target: Target, count: int, found: _Measured) -> None:
    sender = await client.send(target.unix, count, 1)
    many = count * 10
    before = perf_counter()
    await client.send(target.unix, many, 500)
    found.add(sender.latencies, many / (perf_counter() - before))


async def _bare(url: str, count: int, found: _Measured) -> None:
    """Measure request and reply of bare nats-py."""
    asking = await nats.connect(url)
    latencies = []
    for _ in range(count):
        before = perf_counter()
        await asking.request("bench", client.PARAMS, timeout=10)
        latencies.append(perf_counter() - before)
    gate = asyncio.Semaphore(500)

    async def one() -> None:
        async with gate:
            await asking.request("bench", client.PARAMS, timeout=10)

    before = perf_counter()
    await asyncio.gather(*(one() for _ in range(count * 10)))
    found.add(latencies, count * 10 / (perf_counter() - before))
    await asking.close()


async def nodes(scale: float) -> list[Line]:
    """Measure messages to a handler on another node, each way beside its reference."""
    count = max(20, int(1000 * scale))
    peer, link, bare, by_nats = _Measured(), _Measured(), _Measured(), _Measured()
    with tempfile.TemporaryDirectory(prefix="yext-bench-") as name:
        folder = Path(name)
        (folder / "l").mkdir()
        (folder / "n").mkdir()
        await _links(folder / "l", scale, count, peer, link)
        with NatsServer(folder) as server:
            await _nats(folder / "n", server.url, scale, count, bare, by_nats)
    ratios, others = link.ratio(peer), by_nats.ratio(bare)
    return [
        Line("nodes", "local peer", None, "", "", None, peer.words()),
        Line("nodes", "link", median(ratios), "local peer", "<= 2", median(ratios) <= 2,
             link.words(), spread(ratios)),
        Line("nodes", "bare nats-py", None, "", "", None, bare.words()),
        Line("nodes", "nats", median(others), "bare nats-py", "<= 2", median(others) <= 2,
             by_nats.words(), spread(others)),
    ]  # fmt: skip


async def _links(folder: Path, scale: float, count: int, peer: _Measured, link: _Measured) -> None:
    port = free_port()
    linked = f"{SHARE}[link beech]\naddress=127.0.0.1:{port}\n"
    async with (
        _beech(folder, SHARE, port),
        _alder(folder, "alder", linked) as alder,
        _alder(folder, "alone", "") as alone,
    ):
        await _handled(alder)
        for _ in range(runs(scale)):
            async with client.answering(alone.tcp, [50]):
                await _measure(alone, count, peer)
            await _measure(alder, count, link)


async def _nats(
    folder: Path, url: str, scale: float, count: int, bare: _Measured, by_nats: _Measured
) -> None:
    yext = f"{SHARE}[nats]\nservers={url}\n"
    async with (
        _beech(folder, yext),
        _alder(folder, "alder", yext) as alder,
        process(sys.executable, "-m", "tests.bench.natsreply", url),
    ):
        await _handled(alder)
        for _ in range(runs(scale)):
            await _bare(url, count, bare)
            await _measure(alder, count, by_nats)
