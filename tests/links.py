"""A local link to an engine that can start one script."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from console.commands import TABLE
from console.commands.interpreter import Interpreter
from console.link import LocalLink
from console.session.session import Session
from yext import Engine

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
