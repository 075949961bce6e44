"""``yext serve``: the engine and its listeners in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator

from console import gctuning
from console.cli import signals
from console.cli.exitcodes import USAGE
from console.server.rmanager import RManager
from yext import Engine, log
from yext.bus import RESTART_CODE


def serve(options: argparse.Namespace) -> int:
    """Run the engine until it halts; return its exit code.

    With ``-s``, a restart of the engine executes this program again in the same process.
    """
    code = asyncio.run(_serve_until_halted(options))
    if options.supervised and code == RESTART_CODE:
        os.execv(sys.executable, sys.orig_argv)
    return code


async def _serve_until_halted(options: argparse.Namespace) -> int:
    try:
        handler, output = log.log_to(options.log)
    except OSError as error:
        print(f"yext: {options.log}: {error.strerror}", file=sys.stderr)
        return USAGE
    engine = Engine(
        options.config,
        node=options.node,
        modules={"rmanager": RManager},
        supervised=options.supervised,
    )
    engine.log.level = max(0, min(log.ALL, engine.log.level + options.verbose - options.quiet))
    engine.program_output = output
    with _pidfile(options.pidfile):
        await engine.start()
        gctuning.resume()
        signals.handle(engine, (signal.SIGTERM, signal.SIGINT))
        print(f"yext {engine.run_params['version']} ready on {engine.node}", file=sys.stderr)
        sys.stderr.flush()
        try:
            return await engine.halted()
        finally:
            await engine.stop()
            log.stop_logging(handler)


@contextlib.contextmanager
def _pidfile(path: str | None) -> Iterator[None]:
    """Keep the process id in a file while the engine runs; no file for None."""
    if path is None:
        yield
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
