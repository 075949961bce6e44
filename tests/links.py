"""Links to an engine that can start one script: in this process, and behind a remote manager."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from yext import Engine
from yext.console.client.hosts import Host
from yext.console.client.link import AttachedLink
from yext.console.client.login import Password
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.link import Link, LocalLink
from yext.console.server.rmanager import RManager
from yext.console.session.session import Session

ROUTER = """#!/bin/sh
echo '%%>install:50:call.route'
echo '%%>output:ready'
while read -r line; do
    id=${line#*message:}
    case $line in '%%>message:'*) echo "%%<message:${id%%:*}:true::$1" ;; esac
done
"""


def configured(folder: Path) -> Path:
    """Write a configuration whose scripts are ``route.sh``, which answers ``call.route``."""
    scripts = folder / "scripts"
    scripts.mkdir()
    (scripts / "route.sh").write_text(ROUTER)
    (scripts / "route.sh").chmod(0o755)
    (folder / "extmodule.conf").write_text(f"[general]\nscripts_dir={scripts}/\n")
    return folder


def in_engine(config: Path, story: Callable[[LocalLink], Awaitable[None]]) -> None:
    """Play a story on the link to a started engine."""

    async def play() -> None:
        async with Engine(config) as engine:
            await story(LocalLink(Interpreter(Session(engine, "console"), TABLE)))

    asyncio.run(play())


Story = Callable[[Link, Engine], Awaitable[None]]

Play = Callable[[Path, Story], None]
"""Plays a story on a link to a started engine with the given configuration."""


def play_local(config: Path, story: Story) -> None:
    """Play a story on the link to an engine in this process."""

    async def local(link: LocalLink) -> None:
        assert isinstance(link.engine, Engine)
        await story(link, link.engine)

    in_engine(config, local)


def play_attached(config: Path, story: Story) -> None:
    """Play a story on the link to an engine behind its remote manager."""
    path = config / "rmanager.sock"
    (config / "rmanager.conf").write_text(f"[general]\npath={path}\n")

    async def play() -> None:
        async with Engine(config, modules={"rmanager": RManager}) as engine:
            link = AttachedLink(Host(path=str(path)), Password())
            await link.connect()
            try:
                await link.introduce()
                await story(link, engine)
            finally:
                await link.close()

    asyncio.run(play())
