"""``yext serve``: the engine and its listeners in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from yext import Engine, log
from yext.bus import RESTART_CODE
from yext.console import gctuning
from yext.console.cli import signals
from yext.console.cli.exitcodes import FAILED, USAGE
from yext.console.cli.service.logfile import LogFile, UnhandledErrors, log_to
from yext.console.cli.service.modules import metrics
from yext.console.cli.service.pidfile import PidFileError, pid_file
from yext.console.commands.lines import remote
from yext.console.server.rmanager import RManager
from yext.engine.module import unopened
from yext.log import safe
from yext.sockets import descriptors

if TYPE_CHECKING:
    from yext.console.cli.service.notify import ServiceManager


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
        log_file = log_to(options.log, as_json=options.log_json)
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
    # What programs write is no JSON.
    engine.program_output = sys.stderr.fileno() if options.log_json else log_file.descriptor
    remote.offer(engine)
    asyncio.get_running_loop().set_exception_handler(UnhandledErrors())
    signals.handle_harmless(engine, log_file.reopen)
    log.logger.info(descriptors.raise_limit().describe())
    engine.must_listen = not options.keep_going
    with _service_manager() as manager:
        await engine.start()
        reasons: list[str] = []
        try:
            gctuning.resume()
            reasons = [safe(reason) for reason in unopened(engine)]
            for reason in reasons:
                _say(f"yext: {reason}")
            if reasons and engine.must_listen:
                engine.halt(FAILED)
            else:
                reasons.clear()
                _ready(engine, log_file, manager)
            return await engine.halted()
        finally:
            if manager is not None and options.supervised and engine.exit_code == RESTART_CODE:
                manager.restarting()
            elif manager is not None:
                manager.stopping(reasons)
            await engine.stop()


def _ready(engine: Engine, log_file: LogFile, manager: ServiceManager | None) -> None:
    """Tell that the engine is ready, and have it stop and reload on signals."""
    reloading: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
    if manager is not None:
        reloading = functools.partial(manager.reloading, engine)
    signals.handle(engine, (signal.SIGTERM, signal.SIGINT), log_file.reopen, reloading)
    _say(f"yext {engine.run_params['version']} ready on {engine.node}")
    if manager is not None:
        manager.ready(engine)


@contextlib.contextmanager
def _service_manager() -> Iterator[ServiceManager | None]:
    """Make the service manager that has started the program, None if there is none.

    Scripts do not inherit its socket: what they said there would be taken for the engine's.
    """
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        yield None
        return
    from yext.console.cli.service import notify

    manager = notify.service_manager()
    del os.environ[notify.SOCKET]
    try:
        yield manager
    finally:
        os.environ[notify.SOCKET] = path
        manager.close()


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # Standard error may be a file on a full disk.
        print(line, file=sys.stderr, flush=True)
