"""Hostile visitors of a soak: guests, peers and scripts, and servers that a console attaches to.

None of them may hold others up, hear what is not theirs, or end the engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from tests.bench import client
from tests.bench.target import ROOT, terminal

SERVER = ROOT / "tests" / "faults" / "hostile.py"

ATTACHED_MEMORY = 200 * 2**20
"""Bytes that an attached console may take, whatever the other end sends."""

LEAVES_SECONDS = 20.0
"""Within this time an attached console has ended after ^C and ^D."""

IAC, SB, SE, DO, NAWS, ECHO = b"\xff", b"\xfa", b"\xf0", b"\xfd", b"\x1f", b"\x01"

GUESTS = (
    b"x" * 900 + b"\x15",
    b"abc\x1b[D\x1b[C" * 300,
    b"h\t\x15" * 1000,
    IAC + DO + ECHO + IAC + SB + b"\x18\x00" + b"y" * 4000,
    (IAC + SB + NAWS + b"\0\x50\0\x18" + IAC + SE) * 400,
    b"auth guess\r\n" * 50,
    b"POST / HTTP/1.1\r\nHost: x\r\n\r\nexternal execute /bin/false\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
    b"help\r\n" * 300,
    b"status " + b" " * 60000 + b"\r\n",
)
"""What a guest of the remote manager sends."""

PEERS = (
    b"%%>message:x:0:engine.halt::\n%%>message:y:0:engine.timer::time=1\n",
    b"".join(b"%%%%<message:%d:true::stolen\n" % number for number in range(2000)),
    b"".join(b"%%%%>install:%d:hostile.%d\n" % (number, number) for number in range(2000)),
    b"".join(b"%%%%>watch:hostile.%d\n" % number for number in range(2000)),
    b"%%>message:x:0:a::" + b"a=" * 4000 + b"\n",
    b"%%>message:" + b"9" * 5000 + b"\n" + b"%%>install:" + b"9" * 5000 + b":x\n",
    b"garbage\n" * 3000,
    b"\0\r\n" * 3000,
    b"x" * 300_000,
    b"%%>setlocal:bufsize:1\n%%>setlocal:timeout:-1\n%%>setlocal:id:\n" * 200,
    b"%%>message:x:0:engine.command::line=external%20start%20nothing\n" * 20,
)
"""What a peer sends."""

SERVERS = ("lines", "line", "silent", "blank", "floods", "lies", "nel", "escape")
"""Kinds of hostile servers, see tests/faults/hostile.py."""


async def _leave_after(where: str, data: bytes, dice: random.Random) -> None:
    """Connect, send, read nothing or all, and leave without a word."""
    one = client.Lines()
    await client.connect(where, one)
    if dice.random() < 0.5:
        one.transport.pause_reading()
    for _ in range(dice.randint(1, 5)):
        one.write(data)
        await asyncio.sleep(dice.uniform(0.0, 0.2))
    one.transport.abort()


async def guest(where: str, dice: random.Random) -> None:
    """Attack the remote manager at `where` as one who has not logged in."""
    await _leave_after(where, dice.choice(GUESTS), dice)


async def peer(where: str, dice: random.Random) -> None:
    """Attack the extmodule listener at `where`."""
    await _leave_after(where, dice.choice(PEERS), dice)


async def attached(dice: random.Random) -> str:
    """Attach a console to a hostile server, let it attack, and leave.

    Returns:
        What is wrong, in words; empty if the console has left in time and stayed small.
    """
    kind = dice.choice(SERVERS)
    with tempfile.TemporaryDirectory(prefix="yext-soak-") as folder:
        path = f"{folder}/server"
        server = await asyncio.create_subprocess_exec(
            sys.executable, str(SERVER), path, kind, stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"RECORD": f"{folder}/record", "FILE": f"{folder}/file"},
        )  # fmt: skip
        try:
            assert server.stdout is not None
            await server.stdout.readline()
            return await _attack(path, kind)
        finally:
            server.kill()
            await server.wait()


async def _attack(path: str, kind: str) -> str:
    async with terminal(sys.executable, "-m", "console", "attach", path) as console:
        with contextlib.suppress(TimeoutError):  # A flood may begin before the login has ended.
            await asyncio.wait_for(console.sees(b"help"), 5)
        console.type(b"go\r")
        await asyncio.sleep(1)
        memory = 0
        with contextlib.suppress(FileNotFoundError, IndexError):  # It may have left.
            status = Path(f"/proc/{console.pid}/status").read_text()
            memory = 1024 * int(status.partition("VmRSS:")[2].split()[0])
        until = perf_counter() + LEAVES_SECONDS
        while not console.gone:
            if perf_counter() > until:
                return f"attached to {kind}: did not leave within {LEAVES_SECONDS:.0f} s"
            console.type(b"\x03\x04")
            await asyncio.sleep(0.1)
    if memory > ATTACHED_MEMORY:
        return f"attached to {kind}: {memory / 1e6:.0f} MB"
    return ""
