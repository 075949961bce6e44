"""Reloads: asked for together, and read off the loop."""

import asyncio
from pathlib import Path

from yext import Engine, Message


def test_reloads_that_are_asked_for_together_are_one(tmp_path: Path) -> None:
    """One goes on and one waits; whoever asks meanwhile has the outcome of the one that waits."""
    begun = 0

    def init(message: Message) -> None:
        nonlocal begun
        begun += 1

    async def main() -> None:
        async with Engine(tmp_path) as engine:
            engine.install("engine.init", init)
            first = asyncio.create_task(engine.reload())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            done = await asyncio.gather(first, *(engine.reload() for _ in range(30)))
            assert all(one.ok for one in done)
            assert begun == 2
            await engine.reload()
            assert begun == 3

    asyncio.run(main())


def test_the_loop_goes_on_while_a_reload_reads(tmp_path: Path) -> None:
    """A folder that includes itself has no end but the bound on the number of files."""
    folder = tmp_path / "d"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number}.conf").write_text(f"[$include {folder}]\n")

    async def main() -> None:
        async with Engine(tmp_path) as engine:
            (tmp_path / "extmodule.conf").write_text(f"[$include {folder}]\n")
            turns = 0
            reload = asyncio.create_task(engine.reload())
            while not reload.done():
                await asyncio.sleep(0.001)
                turns += 1
            assert turns > 3
            done = await reload
            assert not done.ok
            assert "More than 1000 files" in done.reason

    asyncio.run(main())
