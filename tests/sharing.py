"""Started engines that share, each with a folder of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from yext import Engine
from yext.cluster.exchange.node import Node as Other
from yext.cluster.module import Cluster
from yext.log import Event

SHARE = "[share]\nhandle=call.route,user.*\nwatch=call.cdr\n"
SECONDS = 20.0


class Node:
    """One engine with its folder.

    Attributes:
        notices: the notices that it has shown.
        log: everything that it has logged.
        gone: the nodes that have left it, with their counts.
    """

    def __init__(self, folder: Path, name: str, yext: str, extmodule: str = "") -> None:
        self.folder = folder / name
        self.folder.mkdir(exist_ok=True)
        (self.folder / "yext.conf").write_text(yext)
        (self.folder / "extmodule.conf").write_text(extmodule)
        self.engine = Engine(self.folder, node=name)
        self.notices: list[str] = []
        self.log: list[str] = []
        self.gone: list[Other] = []
        self._news = asyncio.Event()
        self.engine.log.subscribe(self._logged)

    def _logged(self, event: Event) -> None:
        self.log.append(event.text)
        if event.kind == "notice":
            self.notices.append(event.text)
        self._news.set()

    def keep_gone(self) -> None:
        """Keep the nodes that leave from now on, if this one shares anything."""
        module = self.engine.modules.get("cluster")
        if isinstance(module, Cluster):
            asking = module.exchange.asking
            left = asking.left

            def keeping(node: Other) -> int:
                self.gone.append(node)
                return left(node)

            asking.left = keeping  # type: ignore[method-assign]

    @property
    def cluster(self) -> Cluster:
        module = self.engine.modules["cluster"]
        assert isinstance(module, Cluster)
        return module

    def homes(self, name: str) -> list[str]:
        """The other nodes that messages of a name can be sent to."""
        standins = self.cluster.exchange.asking.standins.values()
        return [home for one in standins if one.name == name for home in one.homes]

    async def says(self, text: str) -> str:
        """Wait until a line with `text` is logged; return it."""
        async with asyncio.timeout(SECONDS):
            while True:
                found = [line for line in self.log if text in line]
                if found:
                    return found[0]
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def running(*nodes: Node) -> AsyncIterator[None]:
    """Run engines, and stop them in reverse order."""
    started: list[Node] = []
    try:
        for node in nodes:
            await node.engine.start()
            started.append(node)
            node.keep_gone()
        yield
    finally:
        for node in reversed(started):
            await node.engine.stop()


async def installed(node: Node, name: str) -> None:
    """Wait until a message has a handler."""
    await asyncio.wait_for(node.engine.dispatcher.installed(name), SECONDS)


async def removed(node: Node, name: str) -> None:
    """Wait until a message has no handler any more."""
    async with asyncio.timeout(SECONDS):
        while node.engine.dispatcher.is_installed(name):
            await node.engine.dispatcher.changed()
