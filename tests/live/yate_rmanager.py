"""The remote manager of a real Yate: ``make test-yate YATE_RMANAGER=HOST:PORT``.

If it needs a password, describe it in hosts.toml (docs/remote.md) and give its name here. Not every
machine has a Yate, so this file is not part of ``make test``. Everything in it also holds for
``yext serve``.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from console.client import hosts
from console.client.link import AttachedLink
from console.client.login import Password
from yext.log import Event
from yext.record.journey import Journey

SECONDS = 20.0

Trial = Callable[[AttachedLink], Awaitable[None]]


@asynccontextmanager
async def attached() -> AsyncIterator[AttachedLink]:
    host = hosts.find(os.environ.get("YATE_RMANAGER", ""))
    link = AttachedLink(host, Password(host.password_file))
    await link.connect()
    try:
        await link.introduce()
        yield link
    finally:
        await link.close()


async def commands(link: AttachedLink) -> None:
    reply = await link.run("uptime")
    assert reply.ok and reply.text.startswith("Uptime:")
    reply = await link.run("status engine")
    assert reply.ok and "name=engine" in reply.text
    assert link.node and (await link.overview()).version != "?"


async def failures(link: AttachedLink) -> None:
    reply = await link.run("nosuch command")
    assert not reply.ok and not reply.known
    assert not (await link.run("drop nosuch/1")).ok


async def pipelined(link: AttachedLink) -> None:
    replies = await asyncio.gather(*(link.run(f"help nosuch{n}") for n in range(100)))
    assert all(f"'nosuch{n}'" in reply.text for n, reply in enumerate(replies))


async def completion(link: AttachedLink) -> None:
    assert [one.text for one in await link.complete("upt")] == ["uptime"]
    assert {"status", "uptime"} <= {one.text for one in await link.complete("")}
    assert "engine" in [one.text for one in await link.complete("status eng")]
    assert {"start", "stop"} <= {one.text for one in await link.complete("external st")}
    # Yate does not keep the completed word on the line.
    assert (await link.run("uptime")).ok


async def output(link: AttachedLink) -> None:
    heard: asyncio.Queue[Event] = asyncio.Queue()
    unsubscribe = link.subscribe(heard.put_nowait)
    async with attached():
        while "emote connection" not in (await heard.get()).text:
            pass
    unsubscribe()


async def flow(link: AttachedLink) -> None:
    seen: asyncio.Queue[Journey] = asyncio.Queue()
    for _ in range(2):
        unfollow = link.follow(seen.put_nowait)
        while seen.empty():
            await link.run("help nosuch")
        journey = await seen.get()
        while (journey.name, journey.after.get("line")) != ("engine.help", "nosuch"):
            journey = await seen.get()
        assert not journey.handled
        unfollow()
        while not seen.empty():
            seen.get_nowait()


@pytest.mark.parametrize("trial", [commands, failures, pipelined, completion, output, flow])
def test_attach(trial: Trial) -> None:
    async def run() -> None:
        async with asyncio.timeout(SECONDS), attached() as link:
            await trial(link)

    asyncio.run(run())
