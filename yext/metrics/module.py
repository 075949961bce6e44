"""The module: reads ``[metrics]`` of yext.conf, listens, and has everything counted meanwhile."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterator
from typing import Final, cast

from yext import log
from yext.bus import Bus
from yext.conf import Problem, Severity
from yext.conf.options import Option, lost_section, read_options, unknown_problems
from yext.engine.module import Module, modules_of
from yext.errors import ListenError
from yext.listening import ListenerSpec, ListeningServer, SocketKind, examine_listeners, listen
from yext.measures.family import Family, listeners_up
from yext.metrics.collect import Collector
from yext.metrics.http import Fetch, Site

SECTION: Final = "metrics"

OPTIONS: Final = (
    Option("addr", "str", "127.0.0.1", help="address or name to listen on"),
    Option("port", "int", 0, 0, 65535, help="TCP port; 0, the default, for no metrics"),
)
"""The section ``[metrics]`` of yext.conf."""

_NAMES: Final = tuple(option.name for option in OPTIONS)

_LAG_SECONDS: Final = 1.0
"""How often it is seen how late the event loop is."""


class Metrics(Module):
    """Serves ``/metrics``, ``/healthz`` and ``/readyz``."""

    name = "metrics"
    title = "Metrics"
    track = False

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self._planned: ListenerSpec | None = None
        self._spec: ListenerSpec | None = None
        self._server: ListeningServer | None = None
        self._site: Site | None = None
        self._error: ListenError | None = None
        self._collector = Collector(bus)
        self._timer: asyncio.TimerHandle | None = None
        self._fetched = 0

    def status_params(self) -> str:
        return f"listeners={int(self._server is not None)},fetched={self._fetched}"

    def unopened(self) -> list[str]:
        return [str(self._error)] if self._error is not None else []

    def measures(self) -> Iterator[Family]:
        if self._planned is not None:
            yield listeners_up(self.name, {SECTION: self._server is not None}, ())

    # Configuration

    def read_conf(self) -> list[Problem]:
        file = self.bus.own_conf
        values, problems = read_options(file, SECTION, OPTIONS)
        problems += unknown_problems(file, SECTION, _NAMES)
        section = file.section(SECTION)
        port = cast(int, values["port"])
        self._planned = None
        if section is not None and port:
            addr = cast(str, values["addr"])
            self._planned = ListenerSpec(
                SECTION, SocketKind.TCP, addr=addr, port=port, file=section.file, line=section.line
            )
        elif section is not None and file.entry(SECTION, "port") is None:
            text = "[metrics] has no port=: nothing is served"
            problems.append(Problem(section.file, section.line, Severity.WARNING, text))
        return problems

    def losses(self) -> list[Problem]:
        if self._spec is None or self._planned is not None:
            return []
        would = f"{self._spec.where()} would be closed"
        lost = lost_section(self.bus.own_conf, SECTION, _NAMES, would)
        return [lost] if lost is not None else []

    def examine(self) -> list[Problem]:
        if self._planned is None:
            return []
        problems = examine_listeners([self._planned])
        if not _is_local(self._planned.addr):
            text = f"everyone who reaches {self._planned.where()} can read the metrics"
            place = self._planned.file, self._planned.line
            problems.append(Problem(*place, Severity.NOTE, text))
        return problems

    async def apply_conf(self) -> list[str]:
        lines: list[str] = []
        if self._spec is not None and self._spec != self._planned:
            lines.append(f"metrics listener closed: {self._spec.where()}")
            self._close()
        self._error = None
        if self._planned is not None and self._spec is None:
            lines.append(await self._open(self._planned))
        return lines

    # Listening

    async def _open(self, spec: ListenerSpec) -> str:
        """Listen, and begin to count; return a line that says so, or why that failed."""
        pages = {
            "/metrics": self._collector.metrics,
            "/healthz": self._collector.health,
            "/readyz": self._collector.readiness,
        }
        site = Site(pages, local=_is_local(spec.addr))
        try:
            self._server = await listen(
                spec, lambda: self._fetch(site), lambda text: self.debug(log.WARN, text)
            )
        except ListenError as error:
            self._error = error
            self.debug(log.WARN, f"Could not open metrics {error}")
            return str(error)
        self._spec, self._site = spec, site
        self._count(True)
        self._watch_lag()
        return f"metrics listener opened: {spec.where()}"

    def _fetch(self, site: Site) -> Fetch:
        self._fetched += 1
        return Fetch(site)

    def _count(self, on: bool) -> None:
        self.bus.dispatcher.count(self._collector.messages if on else None)
        for module in modules_of(self.bus):
            module.measure(on)

    def _watch_lag(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + _LAG_SECONDS

        def look() -> None:
            self._collector.lag.add(max(0.0, loop.time() - due))
            self._watch_lag()

        self._timer = loop.call_at(due, look)

    def _close(self) -> None:
        if self._server is None or self._site is None:
            return
        self._server.close()
        self._site.close()
        self._server = self._site = self._spec = None
        self._count(False)
        if self._timer is not None:
            self._timer.cancel()

    async def stop(self, deadline: float) -> None:
        self._close()


def _is_local(addr: str) -> bool:
    """Return True for an address, or a name, that other machines do not reach."""
    if addr == "localhost":
        return True
    try:
        return ipaddress.ip_address(addr).is_loopback
    except ValueError:
        return False
