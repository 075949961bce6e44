"""The remote manager of a real Yate: ``make test-yate YATE_RMANAGER=HOST:PORT``.

If it needs a password, describe it in hosts.toml (docs/remote.md) and give its name here. Not every
machine has a Yate, so this file is not part of ``make test``. More is tried with

- YATE_FOLDER: the directory of its scripts (``scripts_dir``) on this host, to write scripts to,
- YATE_LOG: the file that it logs to,
- YATE_BUS: a listener of role global of its extmodule.conf.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from examples import ENDING, EXAMPLES

from yext.console.client import hosts
from yext.console.client.link import AttachedLink, Beside
from yext.console.client.login import Password
from yext.console.replies.draw import Page
from yext.console.replies.render import draw
from yext.console.session.view import PlainView
from yext.extmodule.commands import VERBS, YATE_VERBS
from yext.log import Event
from yext.record.journey import Journey

SECONDS = 60.0

Trial = Callable[[AttachedLink], Awaitable[None]]


@asynccontextmanager
async def attached(bus: str = "") -> AsyncIterator[AttachedLink]:
    host = hosts.find(os.environ.get("YATE_RMANAGER", ""))
    link = AttachedLink(
        host, Password(host.password_file), Beside(os.environ.get("YATE_LOG", ""), bus)
    )
    await link.connect()
    try:
        await link.introduce()
        link.show_on(PlainView(sys.stdout), ())
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


SESSION = [
    line for name, line in EXAMPLES.items() if name not in ENDING
    and not line.startswith(("restart", "reload", "source", "cfgmerge", "!"))
]  # fmt: skip


async def nothing_is_started(link: AttachedLink) -> None:
    """A whole session of every command, with TAB on each word, starts no script."""
    heard: list[str] = []
    async with attached() as other:
        unsubscribe = other.subscribe(lambda event: heard.append(event.text))
        verbs = [f"external {verb}" for verb in VERBS if verb not in YATE_VERBS]
        for line in (*SESSION, *verbs, "external", "external info", "external stop nosuch"):
            words = line.split(" ")
            for count in range(len(words)):
                await link.complete(" ".join(words[: count + 1]))
                await link.complete("".join(f"{word} " for word in words[: count + 1]))
            reply = await link.run(line)
            page = Page(80, color=False, unicode=True)
            await draw(reply, line, page, link.look_up, await link.described())
            link.counts(), link.flow(), link.usage(line)
        await link.overview()
        # Its output comes in order: what was started before this line would have been seen.
        async with attached():
            while not any("emote connection" in text for text in heard):
                await asyncio.sleep(0)
        unsubscribe()
    assert [text for text in heard if "external module" in text] == []


async def what_it_is(link: AttachedLink) -> None:
    overview = await link.overview()
    assert (overview.product, overview.version.count(".")) == ("Yate", 2)


async def flow_has_no_times(link: AttachedLink) -> None:
    await link.run("flow on call.drop")
    while not (reply := await link.run("flow last")).data:
        await link.run("drop nosuch/1")
    assert isinstance(reply.data, list)
    assert reply.data[0]["seconds"] is None
    assert "cdrbuild" in [one["handler"] for one in reply.data[0]["handlers"]]
    await link.run("flow off")


TRIALS = [
    commands, failures, pipelined, completion, output, flow, nothing_is_started, what_it_is,
    flow_has_no_times,
]  # fmt: skip


def script(name: str, text: str) -> None:
    path = Path(os.environ["YATE_FOLDER"]) / name
    path.write_text(text)
    path.chmod(0o755)


async def the_exact_reason(link: AttachedLink) -> None:
    script("yext-bad.py", "#!/usr/bin/pyhton3\n")
    for line in ("start yext-bad.py x", "restart yext-bad.py x", "yext-bad.py"):
        reply = await link.run(f"external {line}")
        assert not reply.ok and reply.params["errno"] == "ENOENT"
        assert "interpreter /usr/bin/pyhton3 not found" in reply.params["reason"]
        assert reply.params["found"]
    reply = await link.run("external start yext-missing.py")
    assert not reply.ok and "No such file" in reply.params["reason"]


async def a_script_that_dies(link: AttachedLink) -> None:
    script("yext-dies.sh", "#!/bin/sh\necho last words >&2\nexit 3\n")
    reply = await link.run("external start yext-dies.sh")
    assert not reply.ok and "does not say why" in reply.params["reason"]
    assert "yext-exec" in reply.params["hint"]
    if "YATE_LOG" in os.environ:
        assert "printed: last words" in reply.text


async def a_script_that_stays(link: AttachedLink) -> None:
    script("yext-stays.sh", "#!/bin/sh\nwhile read -r line; do :; done\n")
    before = link.counts().running
    reply = await link.run("external start yext-stays.sh 9")
    assert reply.ok and int(reply.params["pid"]) > 1
    while link.counts().running != before + 1:
        await asyncio.sleep(0)
    assert (await link.run("external stop yext-stays.sh 9")).ok
    while link.counts().running != before:
        await asyncio.sleep(0)


IN_FOLDER = [the_exact_reason, a_script_that_dies, a_script_that_stays]


async def messages(link: AttachedLink) -> None:
    assert "call.route" in [word.text for word in await link.complete("message call.ro")]
    reply = await link.run("message call.route caller=1 called=nosuch")
    assert not reply.ok and "cdrbuild" in str(reply.data)
    await link.run("flow on call.drop")
    while not (reply := await link.run("flow last")).data:
        await link.run("drop nosuch/1")
    assert isinstance(reply.data, list) and reply.data[0]["seconds"] > 0
    await link.run("flow off")


ON_BUS = [messages]


@pytest.mark.parametrize(
    "trial",
    [
        *TRIALS,
        *(IN_FOLDER if "YATE_FOLDER" in os.environ else ()),
        *(ON_BUS if "YATE_BUS" in os.environ else ()),
    ],
)
def test_attach(trial: Trial) -> None:
    bus = os.environ.get("YATE_BUS", "") if trial in ON_BUS else ""

    async def run() -> None:
        async with asyncio.timeout(SECONDS), attached(bus) as link:
            await trial(link)

    asyncio.run(run())
