"""``status cluster``: the other nodes, how they are reached, and what they are asked."""

from __future__ import annotations

from collections.abc import Iterator

from yext.cluster.exchange.node import Node
from yext.cluster.link.yatepeer import YatePeer
from yext.cluster.state import State
from yext.log import safe

COLUMNS = (
    "State", "By", "Handlers", "InFlight", "Asked", "Answered", "P50ms", "P99ms", "Lost", "Late",
    "Serving", "Served",
)  # fmt: skip


def totals(cluster: State) -> str:
    """Return the second field of the status line."""
    exchange = cluster.exchange
    nodes = exchange.nodes.values()
    shared = len(exchange.serving.offers)
    counts = {
        "node": cluster.bus.node,
        "nodes": len(nodes),
        "handlers": shared,
        "standins": len(exchange.asking.standins),
        "inflight": sum(len(node.flights) for node in nodes),
        "lost": exchange.lost + sum(node.lost for node in nodes),
        "late": exchange.late + sum(node.late for node in nodes),
        "skipped": exchange.asking.skipped,
    }
    return ",".join(f"{name}={value}" for name, value in counts.items())


def rows(cluster: State) -> Iterator[str]:
    """Return ``NAME=FIELD|…`` of each node, then of each link and server that is not there."""
    for name, node in sorted(cluster.exchange.nodes.items()):
        yield f"{name}={_row('up', node)}"
    for name, dialer in sorted(cluster.dialers.items()):
        link = dialer.link
        if isinstance(link, YatePeer):
            yield f"{_plain(name)}={_row('one-way', link.node)}"
        elif link is None and dialer.node not in cluster.exchange.nodes:
            reason = _plain(dialer.reason) or "connecting"
            yield f"{_plain(name)}=down: {reason}|link {_plain(name)}" + "|" * (len(COLUMNS) - 2)
    if cluster.server is not None and not cluster.server.up:
        reason = _plain(cluster.server.reason) or "connecting"
        yield f"nats=down: {reason}|nats" + "|" * (len(COLUMNS) - 2)


def counted(cluster: State) -> tuple[int, int]:
    """Return how many other nodes are here, and how many links and servers are not."""
    missing = sum(row.partition("=")[2].startswith("down") for row in rows(cluster))
    return len(cluster.exchange.nodes), missing


def _row(state: str, node: Node) -> str:
    p50, p99 = (_milliseconds(node.latency.percentile(percent)) for percent in (50, 99))
    fields = (
        state, _plain(node.carrier.label), len(node.offers), len(node.flights), node.asked,
        node.answered, p50, p99, node.lost, node.late, node.serving, node.served,
    )  # fmt: skip
    return "|".join(map(str, fields))


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.2f}"


def _plain(text: str) -> str:
    """Return a text without what separates fields."""
    return safe(text.translate({ord(","): ";", ord("|"): "/", ord("="): ":"}))
