"""``yext``: the shell on an engine in the same process."""

from __future__ import annotations

import argparse
import asyncio
import signal

from console.cli import signals
from console.commands import TABLE
from console.commands.interpreter import Interpreter
from console.link import LocalLink
from console.session.session import Session
from console.shell import shell
from console.shell.terminal import detect_capabilities, print_now
from yext import Engine
from yext.sockets import descriptors

_LABEL = "console"
"""Name of the shell's session in the message flow and the log."""

_SLOW_SECONDS = 0.5
"""How long the engine may take to stop before the operator is shown what it waits for."""


def run_shell(options: argparse.Namespace) -> int:
    """Run the shell and its engine until one of them ends; return the exit code."""
    return asyncio.run(_run(options.config, plain=options.plain))


async def _run(config_dir: str | None, *, plain: bool) -> int:
    engine = Engine(config_dir)
    engine.log.output(descriptors.raise_limit().describe())
    async with engine:
        signals.handle(engine, (signal.SIGTERM,))
        session = Session(engine, _LABEL, output=True)
        link = LocalLink(Interpreter(session, TABLE))
        try:
            code = await shell.run(link, detect_capabilities(), plain=plain)
        finally:
            session.close()
        loop = asyncio.get_running_loop()
        slow = loop.call_later(_SLOW_SECONDS, _show_stopping, link)
        await engine.stop()
        slow.cancel()
        return code


def _show_stopping(link: LocalLink) -> None:
    """Show what a stop waits for, as the prompt has gone by then."""
    running = link.counts().running
    scripts = f" {running} script{'' if running == 1 else 's'}" if running else ""
    print_now(f"stopping{scripts}")
