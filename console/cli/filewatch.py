"""``--watch``: start scripts anew when their files change (docs/scripts.md)."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence

from yext import Engine
from yext.engine.module import modules_of
from yext.log import NOTE, WARN, safe

_STEP_MS = 20
"""How often watchfiles looks for events of the kernel, and how long no further one may come
before it passes them on: an editor writes a file in several steps."""

_DEBOUNCE_MS = 200
"""How long it waits for that at most."""

_GONE_SECONDS = 0.2
"""How long after a folder has gone the others are watched again."""

_AGAIN_MS = 5000
"""How often files are compared without any event: network folders have none."""


@contextlib.asynccontextmanager
async def watching(engine: Engine) -> AsyncIterator[None]:
    """Watch the files of the programs of `engine`, and start those anew that change."""
    task = asyncio.get_running_loop().create_task(_watch(engine))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _watch(engine: Engine) -> None:
    try:
        while True:
            started = [asyncio.ensure_future(one.program_started()) for one in modules_of(engine)]
            try:
                await _watch_folders(engine, _folders(engine), started)
            except FileNotFoundError:
                await asyncio.sleep(_GONE_SECONDS)  # A folder has gone, perhaps for a moment.
            finally:
                for wait in started:
                    wait.cancel()
    except ImportError:
        lines = ("Files are not watched: watchfiles is not installed", "do: pip install watchfiles")
        engine.log.notice(lines, "", level=WARN)
    except OSError as error:
        reason = error.strerror or str(error)
        lines = (
            f"Files are not watched any more: {safe(reason)}",
            "do: raise fs.inotify.max_user_watches (sysctl), or name fewer files by yext-watch",
        )
        engine.log.notice(lines, "", level=WARN)


async def _watch_folders(
    engine: Engine, folders: dict[str, int], started: Sequence[asyncio.Future[None]]
) -> None:
    """Watch some folders until there are others to watch, or one of `started` is done."""
    from watchfiles import awatch

    if not folders:
        await asyncio.wait(started, return_when=asyncio.FIRST_COMPLETED)
        return
    stop = asyncio.Event()
    for wait in started:
        wait.add_done_callback(lambda _: stop.set())
    events = awatch(
        *folders, watch_filter=None, debounce=_DEBOUNCE_MS, step=_STEP_MS, stop_event=stop,
        rust_timeout=_AGAIN_MS, yield_on_timeout=True, recursive=False,
        ignore_permission_denied=True,
    )  # fmt: skip
    async with contextlib.aclosing(events):
        # What changes from now on leads to an event; what changed before that is found here.
        following = asyncio.ensure_future(anext(events, None))
        await asyncio.sleep(0)
        try:
            while True:
                await _renew(engine)
                if _folders(engine) != folders or await following is None:
                    return
                following = asyncio.ensure_future(anext(events, None))
        finally:
            following.cancel()
            await asyncio.wait([following])


async def _renew(engine: Engine) -> None:
    """Start the programs anew whose files have changed, and tell all sessions."""
    for module in modules_of(engine):
        for renewal in await module.restart_changed(again=False):
            level = NOTE if renewal.ok else WARN
            engine.log.notice(tuple(map(safe, renewal.lines)), "", level=level)


def _folders(engine: Engine) -> dict[str, int]:
    """Return the folders to watch, each with its inode: one that is made anew is another."""
    found: dict[str, int] = {}
    for module in modules_of(engine):
        for folder in module.watched_folders():
            with contextlib.suppress(OSError):
                found[folder] = os.stat(folder).st_ino
    return found
