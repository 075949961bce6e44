"""``yext serve``: the engine and its listeners in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys

from yext import Engine, log
from yext.bus import RESTART_CODE
from yext.console import gctuning
from yext.console.cli import signals
from yext.console.cli.exitcodes import FAILED, USAGE
from yext.console.cli.logfile import LogFile, UnhandledErrors, log_to
from yext.console.cli.pidfile import PidFileError, pid_file
from yext.console.commands.lines import remote
from yext.console.server.rmanager import RManager
from yext.engine.module import Module, unopened
from yext.log import safe
from yext.sockets import descriptors


def metrics(engine: Engine) -> Module:
    """Make the module of the metrics, which is imported for its section alone."""
    from yext.metrics.module import Metrics

    return Metrics(engine)


def serve(options: argparse.Namespace) -> int:
    """Run the engine until it halts; return its exit code.

    With ``-s``, a restart of the engine executes this program again in the same process.
    """
    code = asyncio.run(_serve_until_halted(options))
    if options.supervised and code == RESTART_CODE:
        descriptors.restore_limit()
        os.execv(sys.executable, sys.orig_argv)
    return code


async def _serve_until_halted(options: argparse.Namespace) -> int:
    try:
        log_file = log_to(options.log)
    except OSError as error:
        print(f"yext: {options.log}: {error.strerror}", file=sys.stderr)
        return USAGE
    try:
        with pid_file(options.pidfile):
            return await _serve(options, log_file)
    except PidFileError as error:
        print(f"yext: {error}", file=sys.stderr)
        return USAGE
    finally:
        log_file.close()


async def _serve(options: argparse.Namespace, log_file: LogFile) -> int:
    engine = Engine(
        options.config,
        node=options.node,
        modules={"rmanager": RManager, "metrics": metrics},
        supervised=options.supervised,
        shared_dir=options.shared,
    )
    engine.run_params["logfile"] = options.log or ""
    engine.log.level = max(0, min(log.ALL, engine.log.level + options.verbose - options.quiet))
    engine.program_output = log_file.descriptor
    remote.offer(engine)
    asyncio.get_running_loop().set_exception_handler(UnhandledErrors())
    signals.handle_harmless(engine, log_file.reopen)
    log.logger.info(descriptors.raise_limit().describe())
    engine.must_listen = not options.keep_going
    await engine.start()
    try:
        gctuning.resume()
        reasons = unopened(engine)
        for reason in reasons:
            _say(f"yext: {safe(reason)}")
        if reasons and engine.must_listen:
            return FAILED
        signals.handle(engine, (signal.SIGTERM, signal.SIGINT), log_file.reopen)
        _say(f"yext {engine.run_params['version']} ready on {engine.node}")
        return await engine.halted()
    finally:
        await engine.stop()


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # Standard error may be a file on a full disk.
        print(line, file=sys.stderr, flush=True)
