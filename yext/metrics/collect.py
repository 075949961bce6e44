"""The measures of the engine itself, and the pages that show all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from yext.engine.module import modules_of, unopened
from yext.log import safe
from yext.measures.counts import Busiest
from yext.measures.family import Family, Kind, Sample, by_label, merged
from yext.measures.histogram import Histogram
from yext.metrics.exposition import CONTENT_TYPE, render
from yext.metrics.http import Page

if TYPE_CHECKING:
    from yext.bus import Bus


class Collector:
    """Collects the measures of an engine.

    Args:
        bus: the engine's bus.

    Attributes:
        messages: the messages by name.
        lag: how late the event loop was.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.messages = Busiest()
        self.lag = Histogram()

    def metrics(self) -> Page:
        """Return the page of all measures."""
        modules = (family for module in modules_of(self._bus) for family in module.measures())
        return Page(200, render(merged([*self._engine(), *modules])), CONTENT_TYPE)

    def health(self) -> Page:
        """Return the page that says that the engine answers at all."""
        return Page(200, "ok\n")

    def readiness(self) -> Page:
        """Return the page that says whether the engine has started and listens."""
        bus = self._bus
        if bus.halting:
            return Page(503, "stopping\n")
        if not bus.started:
            return Page(503, "starting\n")
        reasons = "".join(f"{safe(reason)}\n" for reason in unopened(bus))
        if reasons and bus.must_listen:
            return Page(503, f"not listening\n{reasons}")
        return Page(200, f"ready\n{reasons}")

    def _engine(self) -> Iterator[Family]:
        bus, dispatcher = self._bus, self._bus.dispatcher
        params = bus.run_params

        def gauge(name: str, text: str, value: float) -> Family:
            return Family(f"yext_{name}", Kind.GAUGE, text, [Sample((), value)])

        build = (("version", params["version"]), ("node", safe(bus.node)))
        text = "The version and the node name, with the value 1"
        yield Family("yext_build_info", Kind.GAUGE, text, [Sample(build, 1)])
        yield gauge("uptime_seconds", "Time since the start", bus.uptime())
        names = by_label("name", self.messages.numbers())
        text = "Messages dispatched, the hundred busiest names by themselves"
        yield Family("yext_messages", Kind.COUNTER, text, names)
        yield gauge("queue_messages", "Messages in the queue", dispatcher.queue_length())
        yield gauge("queue_max_messages", "Longest queue so far", dispatcher.max_queue)
        yield gauge("messages_in_flight", "Messages being dispatched", dispatcher.in_flight)
        yield gauge("handlers", "Installed handlers", len(dispatcher.handlers()))
        text = "How late the event loop was, once a second"
        yield Family("yext_event_loop_lag_seconds", Kind.HISTOGRAM, text, [Sample((), self.lag)])
