"""10,000 starts and stops, and 10,000 connects, leave no resources behind."""

import asyncio
import gc
import os
from pathlib import Path

from ports import free_port
from test_faults import Resources
from workshop import Workshop

CYCLES = 10_000

WARM_UP = 300
"""Cycles before the first measurement: then buffers, caches and histories have their final size."""

WORKERS = 10

KEPT_OBJECTS = 2000

KEPT_BYTES = 16 << 20


def resident() -> int:
    """Return the resident memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_starts_and_stops(tmp_path: Path) -> None:
    lab = Workshop(tmp_path)
    lab.script("x.sh", "read -r line || exit 0\n")

    async def cycles(worker: int, count: int) -> None:
        for _ in range(count):
            assert (await lab.engine.command(f"external start x.sh {worker}")).ok
            reply = await lab.engine.command(f"external stop x.sh {worker}")
            assert reply.params["ended"] in ("exit status 0", "killed by SIGTERM")

    async def story() -> None:
        async with lab.running(quiet=True):
            for worker in range(WORKERS):
                await cycles(worker, WARM_UP // WORKERS)
            before, memory = Resources.now(), resident()
            await asyncio.gather(*(cycles(one, CYCLES // WORKERS) for one in range(WORKERS)))
            Resources.now().check(before, KEPT_OBJECTS)
            assert resident() - memory < KEPT_BYTES
            assert len(lab.module.supervisor.scripts) == WORKERS

    asyncio.run(story())


def test_connects(tmp_path: Path) -> None:
    lab = Workshop(tmp_path)
    path = tmp_path / "sock"
    port = free_port()
    lab.configure(
        rest=f"[listener a]\ntype=unix\npath={path}\n[listener b]\ntype=tcp\nport={port}\n"
    )

    async def cycles(worker: int, count: int) -> None:
        for _ in range(count):
            if worker % 2:
                reader, writer = await asyncio.open_unix_connection(path)
            else:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"%%>connect:global\n%%>install::x\n%%>watch:y\n")
            assert await reader.readline() == b"%%<install:100:x:true\n"
            writer.close()
            await writer.wait_closed()

    async def story() -> None:
        async with lab.running(quiet=True):
            for worker in range(WORKERS):
                await cycles(worker, WARM_UP // WORKERS)
            await all_left(lab)
            before, memory = Resources.now(), resident()
            await asyncio.gather(*(cycles(one, CYCLES // WORKERS) for one in range(WORKERS)))
            await all_left(lab)
            gc.collect()
            Resources.now().check(before, KEPT_OBJECTS)
            assert resident() - memory < KEPT_BYTES

    asyncio.run(story())


async def all_left(lab: Workshop) -> None:
    """Wait until the engine has noticed, a few turns of the loop later, that all peers left."""
    async with asyncio.timeout(20):
        while lab.module.supervisor.peers:
            await asyncio.sleep(0)
    # Its socket is closed in the turn after that.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
