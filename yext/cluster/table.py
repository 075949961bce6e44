"""``status cluster``: the other nodes, how they are reached, and what they are asked."""

from __future__ import annotations

from collections.abc import Iterator

from yext.cluster.exchange.node import Node
from yext.cluster.link.yatepeer import YatePeer
from yext.cluster.state import State
from yext.engine.module import Nodes
from yext.log import safe

COLUMNS = ("By", "Handlers", "InFlight", "Served", "P50ms", "P99ms", "Lost", "State")


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
        "asked": sum(node.asked for node in nodes),
        "answered": sum(node.answered for node in nodes),
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
        if isinstance(dialer.link, YatePeer):
            yield f"{_plain(name)}={_row('one-way', dialer.link.node)}"
        elif dialer.link is None and dialer.node not in cluster.exchange.nodes:
            yield _down(name, f"link {name}", dialer.reason)
    if cluster.server is not None and not cluster.server.up:
        yield _down("nats", "nats", cluster.server.reason)


def _down(name: str, by: str, reason: str) -> str:
    empty = "|" * (len(COLUMNS) - 2)
    return f"{_plain(name)}={_plain(by)}|{empty}{_plain(reason) or 'connecting'}"


def counted(cluster: State) -> Nodes:
    """Return how many other nodes are here, and how many links and servers are not."""
    nodes = cluster.exchange.nodes
    dialers, server = cluster.dialers.values(), cluster.server
    # One that is being opened for the first time is neither.
    down = sum(one.link is None and one.node not in nodes and one.reason != "" for one in dialers)
    return Nodes(len(nodes), down + (server is not None and not server.up and server.reason != ""))


def _row(state: str, node: Node) -> str:
    p50, p99 = (_milliseconds(node.latency.percentile(percent)) for percent in (50, 99))
    fields = (
        _plain(node.carrier.label), len(node.offers), len(node.flights), node.served, p50, p99,
        node.lost, state,
    )  # fmt: skip
    return "|".join(map(str, fields))


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.2f}"


def _plain(text: str) -> str:
    """Return a text without what separates fields."""
    return safe(text.translate({ord(","): ";", ord("|"): "/", ord("="): ":"}))
