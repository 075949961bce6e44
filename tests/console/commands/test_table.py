"""Every command, in `run` and `run --json`; and help, completion, authority and execution all
come from the one table."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pytest
from examples import ENDING, EXAMPLES, FAILING, SESSION_EXAMPLES, missing
from seen import session

from yext import Reply
from yext.console.commands import TABLE
from yext.console.commands.command import Listed, SessionCommand
from yext.console.commands.interpreter import Interpreter
from yext.console.commands.parameters import Word
from yext.console.server.dialect import PlainInterpreter
from yext.console.session.authority import Authority
from yext.console.session.secrets import Secrets
from yext.console.session.session import Session

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("batch")
    (made / "commands.txt").write_text("# two commands\nuptime\nversion\n")
    (made / "conf").mkdir()
    (made / "conf" / "yate.conf").write_text("[general]\n")
    return made


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``yext run`` with these arguments."""
    environment = {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-m", "console", "run", "-c", "conf", *arguments],
        cwd=folder, env=environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def _lines(names: Sequence[str]) -> list[str]:
    return [EXAMPLES[name] for name in names]


def test_every_command_has_an_example() -> None:
    assert missing() == set()


@pytest.fixture(scope="module")
def replies(folder: Path) -> dict[str, dict[str, object]]:
    """What each command of the list answers in one batch, by its line."""
    done = run(folder, "--json", *_lines([name for name in EXAMPLES if name not in ENDING]))
    assert done.stderr == ""
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["command"]: one for one in told}


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name not in ENDING])
def test_in_run_json(name: str, replies: dict[str, dict[str, object]]) -> None:
    reply = replies[Secrets().hide(EXAMPLES[name])]
    assert reply["ok"] is (name not in FAILING), reply
    assert "Cannot understand" not in str(reply["text"])
    assert "\x1b" not in str(reply)


def test_in_run(folder: Path, replies: dict[str, dict[str, object]]) -> None:
    """The same list as text: each reply is there, in its order, and not one escape byte."""
    done = run(folder, *_lines([name for name in EXAMPLES if name not in ENDING]))
    assert done.returncode == 1
    assert "\x1b" not in done.stdout + done.stderr
    # First lines with numbers that differ from run to run tell nothing.
    firsts = [str(one["text"]).split("\n")[0] for one in replies.values()]
    at = 0
    for first in firsts:
        if first and not any(char.isdigit() for char in first):
            at = done.stdout.index(first, at) + len(first)


@pytest.mark.parametrize(("name", "code"), [("quit", 0), ("stop", 3)])
def test_commands_that_end_a_batch(folder: Path, name: str, code: int) -> None:
    for options in ((), ("--json",)):
        done = run(folder, *options, EXAMPLES[name], "version")
        assert done.returncode == code
        assert "release" not in done.stdout


def _as(authority: Authority, found: Interpreter) -> Interpreter:
    return Interpreter(Session(found.engine, "other", authority=authority), TABLE)


def test_help_and_completion_know_every_row() -> None:
    async def play() -> None:
        async with session() as found:
            listed = (await found.run("help")).text
            first_words = await found.complete("")
            for row in TABLE:
                text = (await found.run(f"help {row.name}")).text
                assert text.startswith(f"  {row.usage}\r\n{row.help}\r\n")
                if row.name != "!" and row.listed is not Listed.NOWHERE:
                    assert f"  {row.usage}\r\n" in listed
                    assert row.name in first_words
                offered = await found.complete(f"{row.name} ")
                assert {
                    word for one in row.signature.positional[:1] for word in one.kind.words
                } <= set(offered)

    asyncio.run(play())


def test_yates_own_help_shows_yates_commands_only() -> None:
    async def play() -> None:
        async with session() as other:
            found = PlainInterpreter(other.session, lambda text: None)
            listed = (await found.run("help")).text
            for row in TABLE:
                assert (f"  {row.usage}\r\n" in listed) is (row.listed is Listed.YATE)
            assert "flow" not in await found.complete("")
            assert (await found.run("help flow")).ok

    asyncio.run(play())


@pytest.mark.parametrize("authority", [Authority.GUEST, Authority.USER])
def test_authority_holds_for_every_row(authority: Authority) -> None:
    async def play() -> None:
        async with session() as found:
            other = _as(authority, found)
            listed = (await other.run("help")).text
            offered = await other.complete("")
            for row in TABLE:
                allowed = row.authority <= authority
                if not allowed:
                    reply = await other.run(SESSION_EXAMPLES[row.name])
                    assert reply.text == "Not authenticated!\r\n"
                    assert (await other.run(f"help {row.name}")).text.startswith("No help for")
                    assert row.name not in offered
                    assert f"  {row.usage}\r\n" not in listed
                    assert await other.complete(f"{row.name} ") == []
            for line in ("external start x", "nonsense", "module list"):
                assert (await other.run(line)).text == "Not authenticated!\r\n"

    asyncio.run(play())


def test_a_row_is_all_that_a_command_takes() -> None:
    """One row more, and help, completion, authority and execution know it."""
    asked: list[str] = []

    def brew(
        session: Session,
        drink: Annotated[str, Word("tea|coffee", {"tea": "", "coffee": ""})] = "water",
    ) -> Reply:
        asked.append(drink)
        return Reply(True, f"{drink}\r\n")

    row = SessionCommand("brew", "Makes it", brew)

    async def play() -> None:
        async with session() as plain:
            found = Interpreter(plain.session, (*TABLE, row))
            assert (await found.run("help brew")).text == "  brew [tea|coffee]\r\nMakes it\r\n"
            assert "  brew [tea|coffee]\r\n" in (await found.run("help")).text
            assert await found.complete("br") == ["brew"]
            assert await found.complete("brew c") == ["coffee"]
            assert (await found.run("brew  tea")).text == "tea\r\n"
            assert (await found.run("brew")).text == "water\r\n"
            reply = await found.run("brew tea coffee")
            assert reply.text == "Usage: brew [tea|coffee]\r\n"
            other = Session(found.engine, "other", authority=Authority.USER)
            assert (
                await Interpreter(other, found.table.values()).run("brew tea")
            ).text == "Not authenticated!\r\n"
            assert asked == ["tea", "water"]

    asyncio.run(play())


def test_an_unknown_command_has_the_nearest_names() -> None:
    async def play() -> None:
        async with session() as found:
            for typed, meant in (("externl", "external"), ("fow", "flow"), ("statsu", "status")):
                reply = await found.run(typed)
                assert reply.text == f"Cannot understand: {typed}\r\n"
                assert meant in reply.params["hint"]
                assert not reply.known

    asyncio.run(play())
