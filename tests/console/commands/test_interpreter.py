"""Commands that stand for others, and lines that no command was made for."""

import asyncio
from pathlib import Path

import pytest
from seen import session

from yext import Reply
from yext.console.commands import TABLE
from yext.console.commands.command import SessionCommand
from yext.console.commands.interpreter import Interpreter
from yext.console.replies.draw import Page
from yext.console.replies.render import draw
from yext.console.replies.to_json import data_of
from yext.console.session.session import Session

PAGE = Page(90, color=False, unicode=True)

DIGITS = "9" * 5000
"""More than Python makes a number of."""


def test_an_alias_is_drawn_as_what_it_stands_for() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("alias both status pbx$()dispatcher handlers name=my.route")
            drawn = await draw(await found.run("both"), "both", PAGE, found.run)
            assert drawn == (
                await draw(await found.run("status pbx"), "status pbx", PAGE, found.run)
                + "priority  message   track name  filter\n50        my.route\n"
            )

    asyncio.run(play())


def test_a_line_of_the_history_is_named_and_drawn() -> None:
    async def play() -> None:
        async with session() as found:
            found.session.remember("module list")
            drawn = await draw(await found.run("!1"), "!1", PAGE, found.run)
            assert drawn.splitlines()[:2] == ["module list", "cdrbuild"]

    asyncio.run(play())


def test_a_file_of_commands_is_drawn_part_for_part(tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    inner.write_text("version\nexternal start gone.py\nuptime\n")
    outer.write_text(f"source {inner}\n")
    (tmp_path / "extmodule.conf").write_text(f"[general]\nscripts_dir={tmp_path}/\n")

    async def play() -> None:
        async with session(tmp_path) as found:
            reply = await found.run(f"source {outer}")
            drawn = (await draw(reply, "source", Page(500, False, True), found.run)).splitlines()
            assert drawn[0].startswith("version:")
            assert drawn[4].startswith("┌─ gone.py did not start ─")
            assert drawn[-2] == f"{inner}:2: external start gone.py: No such file or directory"
            assert drawn[-1].startswith(f"{outer}:1: source {inner}: {inner}:2: external start")
            assert reply.text.count("uptime") == 0

    asyncio.run(play())


def test_the_data_of_what_stands_for_others(tmp_path: Path) -> None:
    file = tmp_path / "commands"
    file.write_text("module list\nnosuch\n")

    async def play() -> None:
        async with session() as found:
            modules = data_of("module list", await found.run("module list"))
            await found.run("alias one module list")
            found.session.remember("module list")
            for line in ("one", "!!", "watch 1 module list"):
                assert data_of(line, await found.run(line)) == modules, line
            told = data_of("source", await found.run(f"source {file}"))
            assert isinstance(told, list)
            assert [(one["command"], one["ok"]) for one in told] == [
                ("module list", True),
                ("nosuch", False),
            ]
            assert told[0]["data"] == modules
            assert told[1]["reason"] == "unknown command"

    asyncio.run(play())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"flow last {DIGITS}", "Not a number of messages"),
        (f"flow show {DIGITS}", "Which message?"),
        (f"message --repeat {DIGITS} x", "--repeat wants a number"),
        (f"history {DIGITS}", "Usage: history"),
        (f"!{DIGITS}", "No line 99"),
        (f"watch {DIGITS} uptime", "Usage: watch"),
        (f"top {DIGITS}", "Usage: top"),
        ("flow last ²", "Not a number of messages"),
        ("history ²", "Usage: history"),
        ("!٣", "No line"),
        ("message --repeat ٣ x", "--repeat wants a number"),
    ],
)
def test_numbers_that_are_none(line: str, words: str) -> None:
    async def play() -> None:
        async with session() as found:
            reply = await found.run(line)
            assert not reply.ok
            assert reply.text.startswith(words)

    asyncio.run(play())


def test_a_debug_level_past_all_numbers_is_the_highest() -> None:
    async def play() -> None:
        async with session() as found:
            assert "level: 10," in (await found.run(f"debug level {DIGITS}")).text
            assert "level: 3," in (await found.run(f"debug level -{DIGITS}")).text
            assert "level: 5," in (await found.run("debug level 0000000005")).text

    asyncio.run(play())


def test_a_command_that_is_broken_is_answered() -> None:
    def brew(session: Session) -> Reply:
        raise LookupError("no tea")

    row = SessionCommand("brew", "Makes it", brew)

    async def play() -> None:
        async with session() as plain:
            found = Interpreter(plain.session, (*TABLE, row))
            reply = await found.run("brew")
            assert (reply.ok, reply.text) == (False, "Error: LookupError('no tea')\r\n")
            assert (await found.run("uptime")).ok

    asyncio.run(play())
