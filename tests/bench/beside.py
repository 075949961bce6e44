"""Another engine next to yext: the same client with the same messages, ``--peer WHERE``.

WHERE is a listener of role global, ``unix:PATH`` or ``tcp:HOST:PORT``, for example of a real Yate::

    [listener bench]
    type=unix
    path=/run/yate-bench
    role=global
"""

from __future__ import annotations

from dataclasses import replace

from tests.bench.messages import latency, rate
from tests.bench.result import Line, median, runs, spread
from tests.bench.target import Target, engine


async def beside(where: str, scale: float) -> list[Line]:
    """Measure round trip and throughput of the engine at `where`, and how much faster yext is."""
    other = Target("peer", where, where)
    kind = where.partition(":")[0]
    trips: list[list[float]] = []
    handled: list[list[float]] = []
    unhandled: list[list[float]] = []
    async with engine() as yext:
        own = replace(yext, unix=yext.tcp) if kind == "tcp" else yext
        for _ in range(runs(scale)):
            trips.append(
                [await latency(one, kind, max(10, int(50 * scale))) for one in (own, other)]
            )
            for handles, figures in ((True, handled), (False, unhandled)):
                count = max(200, int(3000 * scale))
                figures.append([await rate(one, count, handled=handles) for one in (own, other)])
    rows = [("round trip", [(theirs / ours, theirs) for ours, theirs in trips], 1e6, "us")]
    for name, figures in (("handled throughput", handled), ("unhandled throughput", unhandled)):
        rows.append((name, [(ours / theirs, theirs) for ours, theirs in figures], 1, "/s"))
    return [
        Line(
            row, where, median([one for one, _ in pairs]), "the peer: yext is faster by", "", None,
            f"{median([one for _, one in pairs]) * factor:,.0f} {unit} there",
            spread([one for one, _ in pairs]),
        )
        for row, pairs, factor, unit in rows
    ]  # fmt: skip
