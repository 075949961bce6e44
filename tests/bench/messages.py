"""Rows on the speed of messages: round trip, throughput, chain, fan-out, many, long."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
from collections.abc import AsyncIterator
from time import perf_counter

from tests.bench import client
from tests.bench.result import Line, median, runs, spread
from tests.bench.target import Target, engine, relay

YATE_ROUND_TRIP = {"unix": 5.1e-3, "tcp": 92e-3}
"""Seconds that Yate 6.4.1 takes for a message through a script (docs/performance.md)."""

YATE_HANDLED = 1260
YATE_UNHANDLED = 62000


@contextlib.asynccontextmanager
async def _peers(target: Target, where: str, kind: str) -> AsyncIterator[None]:
    if kind == "pipe":
        yield
        return
    async with client.answering(where, [50], install=target.install):
        yield


async def latency(target: Target, kind: str, count: int) -> float:
    """Return the median time, in seconds, of a message through one handler."""
    where = target.tcp if kind == "tcp" else target.unix
    async with _peers(target, where, kind):
        sender = await client.send(where, count, 1)
    return median(sender.latencies)


async def round_trip(scale: float) -> list[Line]:
    """Measure one message at a time through one script."""
    lines = []
    count = max(20, int(600 * scale))
    for kind in ("pipe", "unix", "tcp"):
        scripts = ("50",) if kind == "pipe" else ()
        listener = "tcp" if kind == "tcp" else "unix"
        ratios, own = [], []
        async with engine(scripts=scripts) as yext, relay(listener, scripts=scripts) as reference:
            for _ in range(runs(scale)):
                theirs = await latency(reference, kind, count)
                own.append(await latency(yext, kind, count))
                ratios.append(own[-1] / theirs)
        ratio = median(ratios)
        absolute = f"{median(own) * 1e6:.0f} us"
        met = ratio <= 2
        if kind in YATE_ROUND_TRIP:
            faster = YATE_ROUND_TRIP[kind] / median(own)
            absolute += f", {faster:.0f} x faster than Yate"
            met = met and faster >= 30
        lines.append(
            Line("round trip", kind, ratio, "relay", "<= 2; >= 30 x Yate", met, absolute,
                 spread(ratios))
        )  # fmt: skip
    return [*lines, _cat(count)]


def _cat(count: int) -> Line:
    """Measure the least time for a line through another process: `cat` between two pipes."""
    line = b"%%>message:1:0:bench::" + client.PARAMS + b"\n"
    taken = []
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as cat:
        assert cat.stdin is not None and cat.stdout is not None
        for _ in range(count):
            before = perf_counter()
            os.write(cat.stdin.fileno(), line)
            os.read(cat.stdout.fileno(), 4096)
            taken.append(perf_counter() - before)
    return Line("round trip", "cat", None, "", "", None, f"{median(taken) * 1e6:.0f} us")


async def rate(target: Target, count: int, handled: bool) -> float:
    """Return messages a second with 500 in flight, through one handler or none."""
    where = target.unix
    if not handled:
        before = perf_counter()
        await client.send(where, count, 500, name=b"nobody")
        return count / (perf_counter() - before)
    async with client.answering(where, [50], install=target.install):
        before = perf_counter()
        await client.send(where, count, 500)
        return count / (perf_counter() - before)


async def throughput(scale: float) -> list[Line]:
    """Measure many messages in flight through one script, and without a handler."""
    count = max(1000, int(60000 * scale))
    ratios, handled, unhandled, cost = [], [], [], []
    async with engine() as yext, relay() as reference:
        for _ in range(runs(scale)):
            theirs = await rate(reference, count, handled=True)
            before = yext.cpu()
            handled.append(await rate(yext, count, handled=True))
            cost.append((yext.cpu() - before) / count)
            ratios.append(handled[-1] / theirs)
            unhandled.append(await rate(yext, count, handled=False))
    carried, other = median(handled), median(unhandled)
    return [
        Line(
            "handled throughput", "window 500", median(ratios), "relay", ">= 0.15; >= 60 x Yate",
            median(ratios) >= 0.15 and carried >= 60 * YATE_HANDLED,
            f"{carried:,.0f}/s, {carried / YATE_HANDLED:.0f} x Yate, "
            f"{median(cost) * 1e6:.1f} us CPU each",
            spread(ratios),
        ),
        Line(
            "unhandled throughput", "window 500", other / YATE_UNHANDLED, "Yate", ">= 3",
            other >= 3 * YATE_UNHANDLED, f"{other:,.0f}/s", spread(unhandled),
        ),
    ]  # fmt: skip


async def chain(scale: float) -> list[Line]:
    """Measure five scripts in a row: the cost of a further hop compared with the first."""
    count = max(500, int(10000 * scale))
    lengths = (0, 1, 5)
    costs: dict[int, list[float]] = {length: [] for length in lengths}
    async with engine() as yext:
        for _ in range(runs(scale)):
            for length in lengths:
                priorities = [10 * (number + 1) for number in range(length)]
                async with client.answering(yext.unix, priorities, passing=True):
                    before = yext.cpu()
                    await client.send(yext.unix, count, 500)
                    costs[length].append((yext.cpu() - before) / count)
    # The ratio is one of differences. Those of single runs are mostly noise, so use medians.
    none, one, five = (median(costs[length]) for length in lengths)
    further = (five - one) / 4
    ratio = further / (one - none) if one > none else 0.0
    return [
        Line(
            "chain", "5 scripts", ratio, "first hop", "<= 1.15", ratio <= 1.15,
            f"{further * 1e6:.1f} us CPU a hop", spread(costs[5]),
        )
    ]  # fmt: skip


class _Counter(client.Lines):
    """A watcher that counts its lines in a counter shared by all."""

    came = 0

    def data_received(self, data: bytes) -> None:
        _Counter.came += data.count(b"\n")


async def _fan(target: Target, watchers: int, messages: int) -> float:
    """Return CPU seconds for each message and watcher."""
    peers = [_Counter() for _ in range(watchers)]
    for peer in peers:
        await client.connect(target.unix, peer)
        if target.install:
            peer.write(b"%%>watch:bench\n")
    sender = client.Lines()
    await client.connect(target.unix, sender)
    await asyncio.sleep(0.1 + watchers / 2000)
    _Counter.came = 0
    before = target.cpu()
    for number in range(messages):
        sender.write(b"%%%%>message::%d:bench::%s\n" % (1700000000 + number, client.PARAMS))
        while _Counter.came < (number + 1) * watchers:
            await asyncio.sleep(0)
    used = target.cpu() - before
    for one in (*peers, sender):
        one.transport.close()
    await asyncio.sleep(0.05)
    return used / messages / watchers


async def fan_out(scale: float) -> list[Line]:
    """Measure one message to 1, 10, 100, 1000 watchers, against the relay with as many."""
    lines = []
    async with engine() as yext, relay(way="--fan") as reference:
        for watchers in (1, 10, 100, 1000):
            if scale < 0.1 and watchers > 100:
                continue
            messages = max(5, int(scale * 20000 / (watchers + 5)))
            ratios, costs = [], []
            for _ in range(runs(scale, 3)):
                theirs = await _fan(reference, watchers, messages)
                own = await _fan(yext, watchers, messages)
                costs.append(own)
                ratios.append(own / theirs if theirs else 1.0)
            ratio = median(ratios)
            met = ratio <= 1.3 if watchers >= 100 else None
            lines.append(
                Line("fan-out", f"{watchers} watchers", ratio, "relay", "<= 1.3", met,
                     f"{median(costs) * 1e6:.1f} us CPU a watcher", spread(ratios))
            )  # fmt: skip
    return lines


async def many_handlers(scale: float) -> list[Line]:
    """Measure throughput while handlers are installed for other names."""
    count = max(500, int(30000 * scale))
    lines = []
    async with engine() as yext:
        for handlers in (10, 1000, 10000):
            peer = client.Lines()
            await client.connect(yext.unix, peer)
            for first in range(0, handlers, 500):
                block = range(first, min(handlers, first + 500))
                peer.write(b"".join([b"%%%%>install:50:other.%d\n" % number for number in block]))
                await asyncio.sleep(0.01)
            await client.settle(peer, b"%%>setlocal:timeout:")
            costs, base = [], []
            for _ in range(runs(scale)):
                async with client.answering(yext.unix, [50]):
                    before = yext.cpu()
                    await client.send(yext.unix, count, 500)
                    costs.append((yext.cpu() - before) / count)
            peer.transport.close()
            await asyncio.sleep(0.1)
            for _ in range(runs(scale)):
                async with client.answering(yext.unix, [50]):
                    before = yext.cpu()
                    await client.send(yext.unix, count, 500)
                    base.append((yext.cpu() - before) / count)
            ratio = median(costs) / median(base) if median(base) else 1.0
            lines.append(
                Line("many handlers", f"{handlers:,}", ratio, "none", "<= 1.05", ratio <= 1.05,
                     f"{median(costs) * 1e6:.1f} us CPU a message", spread(costs))
            )  # fmt: skip
    return lines


async def _answer_cost(target: Target, pending: int) -> float:
    """Return CPU seconds for an answer while `pending` messages wait in the peer."""
    async with client.answering(target.unix, [50]) as (answerer,):
        await client.settle(answerer, b"%%>setlocal:maxqueue:10000")
        answerer.holding = []
        sender = client.Sender(pending, pending, client.PARAMS)
        await client.connect(target.unix, sender)
        sender.start()
        while len(answerer.holding) < pending:
            await asyncio.sleep(0.005)
        held, answerer.holding = answerer.holding, None
        before = target.cpu()
        for first in range(0, len(held), 200):
            answerer.answer(held[first : first + 200])
        await sender.done
        used = target.cpu() - before
        sender.transport.close()
    return used / pending


async def many_pending(scale: float) -> list[Line]:
    """Measure the cost of an answer while many messages wait in one peer."""
    lines = []
    async with engine() as yext:
        base: float | None = None
        for pending in (10, 1000, 9000):
            repeat = max(1, min(int(scale * 18000 / pending), 50))
            costs = []
            for _ in range(runs(scale, 3)):
                costs.append(
                    sum([await _answer_cost(yext, pending) for _ in range(repeat)]) / repeat
                )
            cost = median(costs)
            if pending == 1000:
                base = cost
            ratio = cost / base if base else None
            met = ratio <= 1.1 if ratio is not None and pending > 1000 else None
            lines.append(
                Line("many pending", f"{pending:,}", ratio, "1,000 pending", "<= 1.1", met,
                     f"{cost * 1e6:.1f} us CPU an answer", spread(costs))
            )  # fmt: skip
    return lines


_ONE_PASS = re.compile(rb"[\x00-\x1f:%]")


async def long_messages(scale: float) -> list[Line]:
    """Measure long messages with much to escape, in MB/s, against one regex pass."""
    lines = []
    async with engine() as yext:
        for size in (100, 1000, 8000, 60000):
            text = (b"a%zb%%c%Jdefg" * (size // 13 + 1))[:size].rpartition(b"g")[0]
            count = max(20, int(scale * 6_000_000 / size))
            rates, ratios = [], []
            for _ in range(runs(scale, 3)):
                before = perf_counter()
                for _ in range(max(1, 2_000_000 // size)):
                    _ONE_PASS.sub(lambda found: b"%" + found[0], text)
                regex = max(1, 2_000_000 // size) * len(text) / (perf_counter() - before)
                sender = client.Sender(count, 20, b"v=" + text, b"nobody")
                await client.connect(yext.unix, sender)
                await client.settle(sender, b"%%>setlocal:bufsize:65536")
                used = yext.cpu()
                sender.start()
                await sender.done
                used = yext.cpu() - used
                sender.transport.close()
                rates.append(count * len(text) / used if used else 0.0)
                ratios.append(rates[-1] / regex)
            ratio = median(ratios)
            lines.append(
                Line("long messages", f"{size:,} bytes", ratio, "a regex pass", ">= 0.5",
                     ratio >= 0.5 if size >= 1000 else None,
                     f"{median(rates) / 1e6:.1f} MB/s of CPU time", spread(ratios))
            )  # fmt: skip
    return lines
