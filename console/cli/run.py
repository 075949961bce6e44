"""``yext run``: commands from arguments or standard input, for scripts and CI.

Imports neither prompt_toolkit nor rich, and writes plain text.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from yext import Engine, Reply
from yext.console import gctuning
from yext.console.cli.exitcodes import FAILED, OK, TERMINATED, USAGE, exit_code
from yext.console.cli.signals import handle_harmless
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.commands.lines import remote
from yext.console.replies.reply import explanation
from yext.console.session.secrets import Secrets
from yext.console.session.session import Session
from yext.console.session.starts import Starts
from yext.console.session.view import PlainView
from yext.log import CONF, Event, EventKind, safe, safe_lines
from yext.sockets import descriptors

if TYPE_CHECKING:
    from yext.record.journey import Journey


LABEL = "yext run"
"""Name of the session in the message flow and the log."""


def run(options: argparse.Namespace) -> int:
    """Run commands on an engine of their own; return the exit code of the first that failed.

    ``-`` stands for the commands on standard input.
    """
    return asyncio.run(_run(options))


def as_json(command: str, reply: Reply, seconds: float) -> str:
    """Return a reply as a JSON object on one line (docs/json.md)."""
    import json

    from yext.console.replies.to_json import as_object

    return json.dumps(as_object(command, reply) | {"seconds": round(seconds, 6)})


async def _run(options: argparse.Namespace) -> int:
    engine = Engine(options.config, shared_dir=options.shared)
    remote.offer(engine)
    descriptors.raise_limit()
    handle_harmless(engine)
    try:
        with _recording(engine, options.record) as record, reporting(engine):
            async with engine:
                code = await _run_until_terminated(engine, options)
    except OSError as error:
        if options.record is None or error.filename != options.record:
            raise
        print(f"yext: {options.record}: {error.strerror}", file=sys.stderr)
        return USAGE
    return code or engine.exit_code or (FAILED if record is not None and record.error else OK)


async def _run_until_terminated(engine: Engine, options: argparse.Namespace) -> int:
    """Run the commands until SIGTERM, which leaves the engine to be stopped in order."""
    loop = asyncio.get_running_loop()
    work = loop.create_task(_run_all(engine, options))
    terminated = asyncio.Event()

    def terminate() -> None:
        terminated.set()
        work.cancel()

    loop.add_signal_handler(signal.SIGTERM, terminate)
    try:
        return await work
    except asyncio.CancelledError:
        if not terminated.is_set():
            raise
        return TERMINATED
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def _run_all(engine: Engine, options: argparse.Namespace) -> int:
    # A program that reads JSON must find nothing else on standard output.
    view = PlainView(sys.stderr if options.json else sys.stdout)
    session = Session(engine, LABEL, view=view)
    interpreter = Interpreter(session, TABLE)
    starts = Starts(session, options.settle, strict=options.strict)
    code = OK
    gctuning.resume()
    try:
        await starts.settle()
        async for line in lines(options.commands):
            before = time.perf_counter()
            session.remember(line)
            reply = await interpreter.run(line)
            seconds = time.perf_counter() - before
            show(session.secrets.hide(line), reply, seconds, json_lines=options.json)
            code = code or exit_code(reply)
            await starts.settle()
            code = code or (FAILED if starts.failed else OK)
            if session.closing or engine.halting:
                break
    finally:
        session.close()
    return code or (FAILED if starts.failed else OK)


def show(command: str, reply: Reply, seconds: float, *, json_lines: bool) -> None:
    """Print the reply to `command`, which took `seconds`."""
    if json_lines:
        print(as_json(command, reply, seconds), flush=True)
        return
    sys.stdout.write(safe_lines(reply.text))
    sys.stdout.flush()
    for line in explanation(reply):
        print(line, file=sys.stderr)


@contextlib.contextmanager
def reporting(engine: Engine) -> Iterator[None]:
    """Print the notices of `engine` on standard error, and the mistakes found at its start."""

    def report(event: Event) -> None:
        if event.unless != LABEL:
            print_notice(event)
        starting = engine.log.startup_ends == float("inf")
        if starting and event.kind is EventKind.DEBUG and event.level == CONF:
            print(f"yext: {safe(event.text)}", file=sys.stderr)

    unsubscribe = engine.log.subscribe(report)
    try:
        yield
    finally:
        unsubscribe()


def print_notice(event: Event) -> None:
    """Print a notice on standard error."""
    if event.kind is EventKind.NOTICE:
        for line in event.lines:
            print(safe(line, keep="\t"), file=sys.stderr)


async def lines(commands: Sequence[str]) -> AsyncIterator[str]:
    """Yield the command lines; in place of ``-``, those on standard input.

    Blank lines and comments (``#``) of standard input are left out.
    """
    for command in commands:
        if command != "-":
            yield command
            continue
        from yext.console.shell.stdin import LineReader

        reader = LineReader(sys.stdin.fileno())
        while (line := await reader.readline()) is not None:
            if line.strip() and not line.lstrip().startswith("#"):
                yield line.strip()


class _Record:
    """A file that each message is written to when it is over, up to the first error.

    Attributes:
        error: the error, empty for none.
    """

    def __init__(self, path: str, secrets: Secrets) -> None:
        from yext.record.file import open_private

        self.error = ""
        self._path = path
        self._secrets = secrets
        self._file: TextIO = open(path, "w", encoding="ascii", opener=open_private)  # noqa: SIM115

    def write(self, journey: Journey) -> None:
        """Write one message; the file buffers what is less than a block."""
        from yext.record.file import record_line

        if not self.error:
            with self._errors():
                self._file.write(record_line(self._secrets.visible(journey)))

    def close(self) -> None:
        """Write what is buffered, and close the file."""
        with self._errors():
            self._file.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = f"{self._path}: {error.strerror}"
            print(f"yext: {self.error}, the record is not whole", file=sys.stderr)


@contextlib.contextmanager
def _recording(engine: Engine, path: str | None) -> Iterator[_Record | None]:
    """Record all messages of `engine` in the file `path`, or none for None.

    Raises OSError for a file that cannot be opened.
    """
    if path is None:
        yield None
        return
    record = _Record(path, Secrets())
    unfollow = engine.recorder.follow(record.write)
    try:
        yield record
    finally:
        unfollow()
        record.close()
