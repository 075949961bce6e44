"""The module: reads yext.conf, and connects this node with others by its carriers.

It is loaded only where yext.conf has a section ``[share]``, ``[link NAME]`` or ``[nats]``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from yext.bus import Bus
from yext.cluster import settings, table
from yext.cluster.commands import COMMANDS
from yext.cluster.exchange.exchange import Exchange
from yext.cluster.exchange.journeys import Follower
from yext.cluster.limits import BEAT_SECONDS
from yext.cluster.link.accepting import Accepting
from yext.cluster.link.dialer import Dialer
from yext.command import Words, help_with
from yext.conf import Problem
from yext.conf.options import Option, lost_section
from yext.engine.engine import Engine
from yext.engine.module import Module, Nodes
from yext.extmodule.module import ExtModule
from yext.log import logger
from yext.message import Message

if TYPE_CHECKING:
    from yext.cluster.nats import NatsCarrier

COMMAND_PRIORITY = 119
"""Before the other modules' handlers of commands: ``external info --all`` is one of this module."""

_SETTLE_SECONDS = 1.0
"""How long after the start a command waits for a node that is not here yet: one of a batch comes
before the first connection is made."""

_GATHER_SECONDS = 0.02
"""How long changes of handlers are gathered before other nodes are told."""


class Cluster(Module):
    """This node among others.

    Attributes:
        exchange: the other nodes.
        settled_at: when those who can be reached ought to be here, by the loop's clock.
        dialers: the links that this node opens, by name.
        nats: the carrier over NATS, None without.
    """

    name = "cluster"
    title = "Cluster"
    track = False

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self._planned = settings.read(bus.own_conf, bus.node)
        self.exchange = Exchange(bus, self._planned.share, asyncio.get_running_loop().time)
        self.dialers: dict[str, Dialer] = {}
        self.nats: NatsCarrier | None = None
        self._accepting = Accepting(self.exchange)
        if isinstance(bus, Engine) and bus.operator_runner is not None:
            self.exchange.commanding.runner = bus.operator_runner
        self.settled_at = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._applied = False

    def load(self) -> None:
        self.handle("engine.status", self._status, self.status_priority)
        self.handle("engine.command", self._command, COMMAND_PRIORITY)
        self.handle("engine.debug", self._debug, COMMAND_PRIORITY)
        self.handle("engine.help", self._help, 100)
        self.handle("engine.halt", self._halt, 100)

    @property
    def server(self) -> NatsCarrier | None:
        """The connection to a NATS server, None without the section."""
        return self.nats

    # Configuration

    def read_conf(self) -> list[Problem]:
        self._planned = settings.read(self.bus.own_conf, self.bus.node)
        return [*self._planned.problems, *self._examine_nats()]

    def _examine_nats(self) -> list[Problem]:
        if self._planned.nats is None:
            return []
        from yext.cluster import nats

        return nats.examine(self._planned.nats)

    def losses(self) -> list[Problem]:
        file = self.bus.own_conf
        open_now: dict[str, tuple[tuple[Option, ...], str]] = {
            f"link {name}": (settings.LINK, f"{dialer.spec.where()} would be closed")
            for name, dialer in self.dialers.items()
        }
        if self.exchange.serving.offers:
            would = f"{len(self.exchange.serving.offers)} handlers would be shared no more"
            open_now["share"] = settings.SHARE, would
        if self.nats is not None:
            open_now["nats"] = settings.NATS, "its connection would be closed"
        found = [
            lost_section(file, section, [option.name for option in options], would)
            for section, (options, would) in open_now.items()
        ]
        return [one for one in found if one is not None]

    async def apply_conf(self) -> list[str]:
        lines = []
        if not self._applied:
            self._applied = True
            loop = asyncio.get_running_loop()
            self.settled_at = loop.time() + _SETTLE_SECONDS
            self._tasks = [loop.create_task(self._beat()), loop.create_task(self._look())]
            extmodule = self.bus.modules.get("extmodule")
            if isinstance(extmodule, ExtModule):
                extmodule.supervisor.links = self._accepting.begin
        self.exchange.use(self._planned.share)
        lines += await self._apply_links()
        lines += await self._apply_nats()
        return lines

    async def _apply_links(self) -> list[str]:
        wanted = {spec.name: spec for spec in self._planned.links}
        lines = []
        for name, dialer in list(self.dialers.items()):
            if wanted.get(name) != dialer.spec:
                del self.dialers[name]
                await dialer.close()
                lines.append(f"link '{name}' closed: {dialer.spec.where()}")
        for name, spec in wanted.items():
            if name not in self.dialers:
                self.dialers[name] = Dialer(self.exchange, spec)
                lines.append(f"link '{name}' is being opened: {spec.where()}")
        return lines

    async def _apply_nats(self) -> list[str]:
        spec, lines = self._planned.nats, []
        if self.nats is not None and self.nats.spec != spec:
            await self.nats.close()
            self.nats = None
            lines.append("nats closed")
        if self.nats is None and spec is not None and not self._examine_nats():
            from yext.cluster.nats import NatsCarrier

            self.nats = NatsCarrier(self.exchange, spec)
            lines.append(f"nats is being opened: {', '.join(spec.servers)}")
        return lines

    # What goes on

    async def _beat(self) -> None:
        """Let the exchange look at its nodes again and again."""
        while True:
            try:
                self.exchange.beat()
                if self.nats is not None:
                    self.nats.beat()
            except Exception:
                logger.exception("a beat among other nodes failed")
            await asyncio.sleep(BEAT_SECONDS)

    async def _look(self) -> None:
        """Tell other nodes when handlers and watchers here come and go."""
        while True:
            try:
                self.exchange.changed()
            except Exception:
                logger.exception("other nodes could not be told of a change")
            await self.bus.dispatcher.changed()
            await asyncio.sleep(_GATHER_SECONDS)

    # Status and commands

    def busy(self) -> bool:
        return bool(self.exchange.nodes)

    def status_format(self) -> str:
        return f",format={'|'.join(table.COLUMNS)}"

    def status_params(self) -> str:
        return table.totals(self)

    def status_detail(self) -> str:
        return ",".join(table.rows(self))

    def nodes(self) -> Nodes:
        return table.counted(self)

    async def command(self, line: str, message: Message) -> bool:
        word, _, rest = line.strip().partition(" ")
        command = COMMANDS.get(word)
        return command is not None and await command.carry_out(self, rest.strip(), message)

    def complete(self, line: str, word: str) -> Words:
        if not line:
            return {name: one.description for name, one in COMMANDS.items() if one.usage}
        first, _, rest = line.partition(" ")
        if line in ("status", "status overview"):
            return {}
        command = COMMANDS.get(first)
        return command.complete(self, rest) if command is not None else {}

    def _help(self, message: Message) -> bool:
        found = [
            help_with(message, name, one.usage, one.description)
            for name, one in COMMANDS.items()
            if one.usage
        ]
        return any(found)

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Call `follower` with the journeys of other nodes; return a function that ends that."""
        end = self.exchange.journeys.follow(follower)
        self.exchange.changed()

        def unfollow() -> None:
            end()
            self.exchange.changed()

        return unfollow

    # The end

    def _halt(self, message: Message) -> None:
        """Let other nodes ask no more once the engine is about to end."""
        self.exchange.stop()

    async def stop(self, deadline: float) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        extmodule = self.bus.modules.get("extmodule")
        if isinstance(extmodule, ExtModule):
            extmodule.supervisor.links = None
        self.exchange.stop()
        await self.exchange.commanding.stop()
        await asyncio.gather(*(dialer.close() for dialer in self.dialers.values()))
        self._accepting.close()
        if self.nats is not None:
            await self.nats.close()
