"""``yext``: the shell on an engine in the same process."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator

from yext import Engine
from yext.console.cli import signals
from yext.console.cli.exitcodes import FAILED, OK
from yext.console.cli.run import reporting
from yext.console.cli.service.modules import metrics
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.commands.lines import remote
from yext.console.link import LocalLink
from yext.console.session.session import Session
from yext.console.session.starts import Starts
from yext.console.shell import shell
from yext.console.shell.terminal import (
    Capabilities,
    detect_capabilities,
    print_now,
    without_echo,
)
from yext.sockets import descriptors

_LABEL = "console"
"""Name of the shell's session in the message flow and the log."""

_SLOW_SECONDS = 0.5
"""How long the engine may take to stop before the operator is shown what it waits for."""


def run_shell(options: argparse.Namespace) -> int:
    """Run the shell and its engine until one of them ends; return the exit code."""
    return asyncio.run(_run(options))


async def _run(options: argparse.Namespace) -> int:
    engine = Engine(options.config, modules={"metrics": metrics}, shared_dir=options.shared)
    remote.offer(engine)
    descriptors.raise_limit()
    capabilities = detect_capabilities()
    until_banner = contextlib.ExitStack()
    if not capabilities.editing:
        until_banner.enter_context(reporting(engine))
    with without_echo(capabilities), until_banner:
        async with engine:
            return await _run_on(engine, options, capabilities, until_banner)


async def _run_on(
    engine: Engine,
    options: argparse.Namespace,
    capabilities: Capabilities,
    until_banner: contextlib.ExitStack,
) -> int:
    """Run the shell on a started engine; `until_banner` is closed when it shows its banner."""
    signals.handle(engine, (signal.SIGTERM,))
    session = Session(engine, _LABEL, output=True)
    batch = not capabilities.editing
    starts = Starts(session, options.settle if batch else 0.0, strict=options.strict)
    link = LocalLink(Interpreter(session, TABLE), starts)
    try:
        if batch:
            await starts.settle()
        until_banner.close()
        async with _watching(engine, wanted=options.watch):
            code = await shell.run(link, capabilities, plain=options.plain)
    finally:
        session.close()
    loop = asyncio.get_running_loop()
    slow = loop.call_later(_SLOW_SECONDS, _show_stopping, link)
    await engine.stop()
    slow.cancel()
    return code or (FAILED if batch and starts.failed else OK)


@contextlib.asynccontextmanager
async def _watching(engine: Engine, *, wanted: bool) -> AsyncIterator[None]:
    """Start scripts anew meanwhile when their files change, if that is `wanted`."""
    if not wanted:
        yield
        return
    from yext.console.cli.filewatch import watching

    async with watching(engine):
        yield


def _show_stopping(link: LocalLink) -> None:
    """Show what a stop waits for, as the prompt has gone by then."""
    counts = link.counts()
    running = counts.running + counts.silent
    scripts = f" {running} script{'' if running == 1 else 's'}" if running else ""
    print_now(f"stopping{scripts}")
