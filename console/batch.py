"""Commands from arguments or standard input, for scripts and CI: exit codes, JSON.

Imports neither prompt_toolkit nor rich.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from console.session import Session
from yext import Engine, Reply
from yext.log import Event, safe

OK, FAILED, USAGE, NOT_CONNECTED, NOT_AUTHORISED, TIMED_OUT = range(6)
"""Exit codes of ``yext run`` (CONTRACT.md)."""


def exit_code(reply: Reply) -> int:
    """What one reply makes of the exit code."""
    if reply.ok:
        return OK
    return FAILED if reply.known else USAGE


def plain(text: str) -> str:
    """A reply as it is printed: lines ending in LF, nothing that a terminal would obey."""
    return "".join(f"{safe(line, keep=chr(9))}\n" for line in text.splitlines())


def as_json(command: str, reply: Reply, seconds: float) -> str:
    """One reply as a JSON object on a line (docs/json.md)."""
    return json.dumps(
        {
            "command": command,
            "ok": reply.ok,
            "text": plain(reply.text),
            "data": dict(reply.params),
            "reason": reply.params.get("reason"),
            "errno": reply.params.get("errno"),
            "hint": reply.params.get("hint"),
            "seconds": round(seconds, 6),
        }
    )


async def run(config_dir: Path | None, commands: Sequence[str], *, json_lines: bool) -> int:
    """Runs `commands` on an engine of its own, or those on standard input for ``-``.

    Returns the exit code: that of the first command that did not succeed.
    """
    engine = Engine(config_dir)
    code = OK
    async with engine:
        session = Session(engine, "yext run")
        engine.log.subscribe(_tell_notice)
        async for line in _lines(commands):
            before = time.perf_counter()
            reply = await session.run(line)
            seconds = time.perf_counter() - before
            if json_lines:
                print(as_json(line, reply, seconds), flush=True)
            else:
                _print(reply)
            code = code or exit_code(reply)
            if session.closing or engine.halting:
                break
    return code or engine.exit_code


def _print(reply: Reply) -> None:
    sys.stdout.write(plain(reply.text))
    sys.stdout.flush()
    if not reply.known and "hint" in reply.params:
        print(reply.params["hint"], file=sys.stderr)


def _tell_notice(event: Event) -> None:
    if event.kind == "notice":
        for line in event.lines:
            print(safe(line, keep="\t"), file=sys.stderr)


async def _lines(commands: Sequence[str]) -> AsyncIterator[str]:
    for command in commands:
        if command != "-":
            yield command
            continue
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            if line.strip() and not line.lstrip().startswith("#"):
                yield line.strip()
