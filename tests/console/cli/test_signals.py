"""Signals that halt or reload an engine."""

import asyncio
import os
import signal
from pathlib import Path

from yext import Engine
from yext.console.cli import signals
from yext.log import Event


def test_sigterm_halts() -> None:
    async def play() -> None:
        async with Engine() as engine:
            signals.handle(engine, (signal.SIGTERM,))
            os.kill(os.getpid(), signal.SIGTERM)
            assert await engine.halted() == 0

    asyncio.run(play())


def test_sighup_reloads_and_the_log_has_the_outcome(tmp_path: Path) -> None:
    (tmp_path / "extmodule.conf").write_text("[general]\n")

    async def play() -> None:
        async with Engine(tmp_path) as engine:
            signals.handle(engine, (signal.SIGTERM,))
            outcome: asyncio.Queue[str] = asyncio.Queue()

            def keep(event: Event) -> None:
                if event.kind == "output" and not event.source:
                    outcome.put_nowait(event.text)

            engine.log.subscribe(keep)
            (tmp_path / "extmodule.conf").write_text("[general]\ntimeout=abc\n")
            os.kill(os.getpid(), signal.SIGHUP)
            assert await outcome.get() == "Nothing was changed."
            (tmp_path / "extmodule.conf").write_text(
                f"[listener a]\npath={tmp_path}/a\ntype=unix\n"
            )
            os.kill(os.getpid(), signal.SIGHUP)
            assert "listener" in await outcome.get()

    asyncio.run(play())
