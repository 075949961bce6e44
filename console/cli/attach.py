"""``yext attach``: the shell on a remote yext, or a real Yate; and ``yext run --attach``."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence

from console.client.connection import Lost
from console.client.hosts import Host, HostMistake
from console.client.link import AttachedLink
from console.client.login import NotAllowed, Secret, why
from yext import Reply

NOT_CONNECTED, NOT_AUTHORISED = 3, 4
"""Exit codes (CONTRACT.md)."""


async def connected(host: Host, secret: Secret) -> AttachedLink | int:
    """A link that is connected, or the exit code after telling why there is none."""
    link = AttachedLink(host, secret)
    code = NOT_CONNECTED
    try:
        await link.connect()
    except (NotAllowed, HostMistake) as error:
        code, reason = NOT_AUTHORISED, str(error)
    except (OSError, Lost, TimeoutError) as error:
        reason = why(error)
    else:
        return link
    await link.close()
    print(f"yext: {host.where}: {reason}", file=sys.stderr)
    return code


async def attach(host: Host, secret: Secret, *, plain: bool) -> int:
    """The shell on a remote manager, until the operator ends it; returns the exit code."""
    from console.shell.shell import front
    from console.shell.terminal import abilities

    link = await connected(host, secret)
    if isinstance(link, int):
        return link
    try:
        await link.introduce()
        return await front(link, abilities(), plain=plain)
    except Lost as error:
        print(f"yext: {host.where}: {error}", file=sys.stderr)
        return NOT_CONNECTED
    finally:
        await link.close()


async def run(
    host: Host, secret: Secret, lines: Sequence[str], *, json_lines: bool, seconds: float
) -> int:
    """Runs commands on a remote manager, or those on standard input for ``-``; returns the exit
    code, that of the first command that did not succeed."""
    from console import gctuning
    from console.cli import run

    gctuning.go_on()
    link = await connected(host, secret)
    if isinstance(link, int):
        return link
    code = run.OK
    try:
        async for line in run.lines(lines):
            before = time.perf_counter()
            try:
                reply = await asyncio.wait_for(link.run(line), seconds)
            except TimeoutError:
                text = f"{line}: no answer in {seconds:g} s"
                reply = Reply(False, f"{text}\r\n", {"reason": text, "error": "timeout"})
            run.show(line, reply, time.perf_counter() - before, json_lines=json_lines)
            code = code or run.exit_code(reply)
            if link.closing or code == run.TIMED_OUT:
                break
    finally:
        await link.close()
    return code
