"""Rotate a log of a gigabyte under load: `python -m tests.bench.rotation [MEGABYTES]`.

A peer has lines with numbers logged as fast as the engine takes them, while the file is moved away
and the engine told to open a new one, as logrotate does. No line may be missing, torn, or there
twice. What a machine can do decides how long it takes, so it is no test of the suite.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.target import process

LINE = 1000
"""Characters of text in a line."""

AT_ONCE = 100
"""Lines that are sent in one write."""

_NUMBER = re.compile(rb"line (\d+) x+\n")


async def rotate(megabytes: int, folder: Path) -> tuple[int, int, list[str]]:
    """Return the number of lines and of files, and what is wrong with them."""
    log, peers = folder / "yext.log", folder / "peers"
    (folder / "rmanager.conf").write_text("[general]\nport=0\n")
    (folder / "extmodule.conf").write_text(f"[listener p]\ntype=unix\npath={peers}\nrole=global\n")
    command = (sys.executable, "-m", "console", "serve", "-c", str(folder), "-l", str(log))
    files = 0
    count = megabytes * 1_000_000 // LINE
    async with process(*command) as pid:
        reader, writer = await asyncio.open_unix_connection(str(peers))
        for start in range(0, count, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, count))
            writer.write(b"".join(b"%%%%>output:line %d %s\n" % (n, b"x" * LINE) for n in numbers))
            await writer.drain()
            if log.exists() and log.stat().st_size > megabytes * 1_000_000 / 20:
                files += 1
                log.rename(folder / f"old.{files:03}")
                os.kill(pid, signal.SIGUSR1)
        writer.write(b"%%>setlocal:id:\n")
        await reader.readline()  # All lines before have been taken.
        writer.close()
    every = [*sorted(folder.glob("old.*")), log]
    return count, len(every), _mistakes(every, count)


def _mistakes(files: list[Path], count: int) -> list[str]:
    expected, mistakes = 0, []
    for file in files:
        with file.open("rb") as lines:
            for line in lines:
                if b" x" not in line:
                    continue
                found = _NUMBER.search(line)
                if found is None or len(line) < LINE or int(found[1]) != expected:
                    mistakes.append(f"{file.name}: {line[:80]!r} in place of {expected}")
                expected = int(found[1]) + 1 if found is not None else expected + 1
    if expected != count:
        mistakes.append(f"{expected} of {count} lines")
    return mistakes


def main() -> int:
    """Print what was found."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory(prefix="yext-rotation-") as folder:
        before = time.monotonic()
        count, files, mistakes = asyncio.run(rotate(megabytes, Path(folder)))
        taken = time.monotonic() - before
    print(f"{count:,} lines, {megabytes} MB, in {files} files, {taken:.0f} s: ", end="")
    print("\n".join(mistakes[:10]) or "each line once, in order")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
