"""Commands from arguments or standard input, for scripts and CI: exit codes, JSON, a record.

Imports neither prompt_toolkit nor rich, and writes text alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TextIO

from console import gctuning
from console.commands.table import unsaid
from console.session.plainview import PlainView
from console.session.session import Session
from yext import Engine, Reply
from yext.log import Event, safe, safe_lines

if TYPE_CHECKING:
    from yext.record.journey import Journey

OK, FAILED, USAGE, NOT_CONNECTED, NOT_AUTHORISED, TIMED_OUT = range(6)
"""Exit codes of ``yext run`` (CONTRACT.md)."""

_BY_ERROR = {"noauth": NOT_AUTHORISED, "timeout": TIMED_OUT}
"""What the parameter ``error`` of a reply makes of the exit code."""

_TERMINATED = 128 + signal.SIGTERM


class Options(NamedTuple):
    """How a batch is run.

    Attributes:
        json_lines: an object for each command on standard output, instead of its text.
        record: the file that all messages are written to (docs/flow.md), None for none.
    """

    json_lines: bool = False
    record: str | None = None


def exit_code(reply: Reply) -> int:
    """What one reply makes of the exit code."""
    if reply.ok:
        return OK
    if not reply.known:
        return USAGE
    return _BY_ERROR.get(reply.params.get("error", ""), FAILED)


def as_json(command: str, reply: Reply, seconds: float) -> str:
    """One reply as a JSON object on a line (docs/json.md)."""
    import json

    from console.replies.to_json import told

    return json.dumps(told(command, reply) | {"seconds": round(seconds, 6)})


async def run(config_dir: str | None, commands: Sequence[str], options: Options) -> int:
    """Runs `commands` on an engine of its own, or those on standard input for ``-``.

    Returns the exit code: that of the first command that did not succeed.
    """
    engine = Engine(config_dir)
    try:
        with _recording(engine, options.record) as record:
            async with engine:
                code = await _run_until_terminated(engine, commands, options)
    except OSError as error:
        if options.record is None or error.filename != options.record:
            raise
        print(f"yext: {options.record}: {error.strerror}", file=sys.stderr)
        return USAGE
    return code or engine.exit_code or (FAILED if record is not None and record.error else OK)


async def _run_until_terminated(engine: Engine, commands: Sequence[str], options: Options) -> int:
    """SIGTERM ends the commands, and nothing else: the engine is to be stopped in order."""
    loop = asyncio.get_running_loop()
    work = loop.create_task(_run_all(engine, commands, options))
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
        return _TERMINATED
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def _run_all(engine: Engine, commands: Sequence[str], options: Options) -> int:
    # Standard output is for the objects alone where a program reads them.
    view = PlainView(sys.stderr if options.json_lines else sys.stdout)
    session = Session(engine, "yext run", view=view)
    unsubscribe = engine.log.subscribe(_tell_notice)
    code = OK
    gctuning.go_on()
    try:
        async for line in lines(commands):
            before = time.perf_counter()
            session.remember(line)
            reply = await session.run(line)
            seconds = time.perf_counter() - before
            show(line, reply, seconds, json_lines=options.json_lines)
            code = code or exit_code(reply)
            # What is told of a command comes in the turn of the loop after its reply.
            await asyncio.sleep(0)
            if session.closing or engine.halting:
                break
    finally:
        session.close()
        unsubscribe()
    return code


def show(command: str, reply: Reply, seconds: float, *, json_lines: bool) -> None:
    """Prints one reply."""
    if json_lines:
        print(as_json(command, reply, seconds), flush=True)
        return
    sys.stdout.write(safe_lines(reply.text))
    sys.stdout.flush()
    for line in unsaid(reply):
        print(line, file=sys.stderr)


def _tell_notice(event: Event) -> None:
    if event.kind == "notice":
        for line in event.lines:
            print(safe(line, keep="\t"), file=sys.stderr)


async def lines(commands: Sequence[str]) -> AsyncIterator[str]:
    """The command lines, in the place of ``-`` those on standard input."""
    for command in commands:
        if command != "-":
            yield command
            continue
        from console.shell.stdin import Lines

        typed = Lines(sys.stdin.fileno())
        while (line := await typed.next()) is not None:
            if line.strip() and not line.lstrip().startswith("#"):
                yield line.strip()


class _Record:
    """Writes each message to a file when it is over; stops at the first error."""

    def __init__(self, path: str) -> None:
        self.error = ""
        self._path = path
        self._file: TextIO = open(path, "w", encoding="ascii")  # noqa: SIM115

    def write(self, journey: Journey) -> None:
        """Writes one message; the text stays in memory until there is a block of it."""
        from console.session.flow import record_line

        if not self.error:
            with self._errors():
                self._file.write(record_line(journey))

    def close(self) -> None:
        """Writes what is left."""
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
    """Records all messages of `engine`, from its start to its end. Raises OSError for a file
    that cannot be opened."""
    if path is None:
        yield None
        return
    record = _Record(path)
    unfollow = engine.sniffer.follow(record.write)
    try:
        yield record
    finally:
        unfollow()
        record.close()
