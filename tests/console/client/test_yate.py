"""Nothing is sent to a Yate that it takes for something else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from yates import Yate

from tests.console.commands.examples import EXAMPLES
from yext.console.client import yate
from yext.console.client.hosts import Host
from yext.console.client.link import AttachedLink
from yext.console.client.login import Password
from yext.console.commands import TABLE
from yext.console.commands.command import Listed
from yext.console.replies.draw import Page
from yext.console.replies.render import HELP, draw
from yext.extmodule.commands import VERBS, YATE_VERBS

ENDING = ("quit", "stop", "restart")

ONLY_YEXT = [verb for verb in VERBS if verb not in YATE_VERBS]

Story = Callable[[AttachedLink, Yate], Awaitable[None]]


def play(tmp_path: Path, story: Story) -> None:
    async def run() -> None:
        engine = Yate()
        path = str(tmp_path / "m")
        async with asyncio.timeout(30), await asyncio.start_unix_server(engine.serve, path):
            link = AttachedLink(Host(path=path), Password())
            await link.connect()
            try:
                await link.introduce()
                await story(link, engine)
            finally:
                await link.close()

    asyncio.run(run())


async def give(link: AttachedLink, line: str) -> str:
    """Give a line as a shell does, with TAB after each of its words; return what is drawn."""
    words = line.split(" ")
    for count in range(len(words)):
        start = " ".join(words[:count])
        await link.complete(f"{start} " if start else "")
        await link.complete(" ".join(words[: count + 1]))
        link.usage(f"{start} ")
    reply = await link.run(line)
    described = await link.described() if line in HELP else {}
    return await draw(reply, line, Page(80, color=False, unicode=True), link.look_up, described)


def test_no_command_of_the_table_starts_a_script(tmp_path: Path) -> None:
    """Each command, TAB on each of its words, the banner, the bottom line, what pictures ask."""

    async def story(link: AttachedLink, engine: Yate) -> None:
        await link.overview()
        for name, line in EXAMPLES.items():
            if name not in ENDING and not line.startswith(("source", "!")):
                await give(link, line)
                link.counts(), link.flow()
        for verb in ONLY_YEXT:
            for line in (f"external {verb}", f"external  {verb} x", f"watch 1 external {verb} x"):
                drawn = await give(link, line)
                assert "a Yate" in drawn, line
        for line in ("external", "external info", "external stop nosuch"):
            await give(link, line)
        assert engine.started == []
        sent = {line.split()[0] for line in engine.lines}
        only_yext = {row.name for row in TABLE if row.listed is not Listed.YATE} - {"?"}
        assert sent & (only_yext | {"attach", "phone"}) == set()
        verbs = {line.split()[1] for line in engine.lines if line.startswith("external ")}
        assert verbs <= set(YATE_VERBS)

    play(tmp_path, story)


def test_what_the_operator_starts_is_started(tmp_path: Path) -> None:
    async def story(link: AttachedLink, engine: Yate) -> None:
        assert (await link.run("external start route.py 99")).ok
        await give(link, "external")
        assert engine.started == ["route.py 99"]

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("shwo", "external show"),
        ("strat", "external start"),
        ("debug", "debug external"),
        ("status", "status external"),
    ],
)
def test_a_misspelt_word_starts_no_script(word: str, meant: str, tmp_path: Path) -> None:
    async def story(link: AttachedLink, engine: Yate) -> None:
        reply = await link.run(f"external {word} x")
        assert not reply.ok
        assert meant in reply.params["hint"] and f"external start {word}" in reply.params["hint"]
        assert (await link.run(f"external start {word}")).params.get("hint") != reply.params["hint"]
        assert engine.started == [word]

    play(tmp_path, story)


@pytest.mark.parametrize(
    "line",
    [
        "alias e external show",
        "alias e uptime$()external why x",
        "alias t top",
    ],
)
def test_an_alias_that_would_start_a_script_is_not_defined(line: str, tmp_path: Path) -> None:
    async def story(link: AttachedLink, engine: Yate) -> None:
        assert not (await link.run(line)).ok
        assert line not in engine.lines

    play(tmp_path, story)


def test_an_alias_that_was_there_is_filled_in_before_it_is_judged(tmp_path: Path) -> None:
    async def story(link: AttachedLink, engine: Yate) -> None:
        engine.replies["alias e external \\0"] = "Alias e set to: external \\0\r\n"
        engine.replies["e info"] = ""
        assert (await link.run("alias e external \\0")).ok
        assert (await link.run("e info")).ok
        assert not (await link.run("e show")).ok
        assert "e show" not in engine.lines

    play(tmp_path, story)


@pytest.mark.parametrize("line", ["uptime\nstop", "uptime\rstop", "upt\tstop", "a\x15b", "a\x03"])
def test_one_line_is_never_sent_as_more(line: str, tmp_path: Path) -> None:
    """Pasted lines are given one by one; a completion must not give any of them."""

    async def story(link: AttachedLink, engine: Yate) -> None:
        before = list(engine.lines)
        reply = await link.run(line)
        assert "control character" in reply.params["reason"]
        assert await link.complete(line) == []
        assert engine.lines == before

    play(tmp_path, story)


def test_a_byte_is_no_telnet_command(tmp_path: Path) -> None:
    async def story(link: AttachedLink, engine: Yate) -> None:
        await link.run("echo \udcff\udcf4")
        assert engine.lines[-1] == "echo \xff\xff\xf4"

    play(tmp_path, story)


def test_each_answer_says_what_to_do() -> None:
    for line in [*(f"external {verb}" for verb in ONLY_YEXT), "message x", "top", "phone answer"]:
        reply = yate.answered_here(line, {})
        assert reply is not None and not reply.ok and reply.params["hint"]
    for line in ("external", "external info", "external route.py", "uptime", "help status", ""):
        assert yate.answered_here(line, {}) is None


def test_help_for_what_this_side_does_is_given_here(tmp_path: Path) -> None:
    async def story(link: AttachedLink, engine: Yate) -> None:
        reply = await link.run("help flow")
        assert reply.ok and reply.text.startswith("  flow ")
        assert "help flow" not in engine.lines

    play(tmp_path, story)
