"""Lines of several commands, filters and files."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from yext import Engine, Reply
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.commands.lines import pipeline
from yext.console.commands.lines.pipeline import Pipeline, parse
from yext.console.server.dialect import PlainInterpreter
from yext.console.session.authority import Authority
from yext.console.session.session import Policy, Session

LINES = {
    "uptime": [Pipeline("uptime")],
    "a; b ;c; ": [Pipeline("a"), Pipeline("b ;c")],
    "a; b": [Pipeline("a"), Pipeline("b")],
    "a;b": [Pipeline("a;b")],
    "show | grep -i x y": [Pipeline("show", (("grep", "-i", "x", "y"),))],
    "show | grep a | grep 'b c' | less": [
        Pipeline("show", (("grep", "a"), ("grep", "b c"), ("less",)))
    ],
    "show > f": [Pipeline("show", (), "f")],
    "show >f; x": [Pipeline("show", (), "f"), Pipeline("x")],
    "show >> 'a b'": [Pipeline("show", (), "a b", True)],
    "show | grep x > f": [Pipeline("show", (("grep", "x"),), "f")],
    # What stays as it is.
    "flow filter slow>10ms": [Pipeline("flow filter slow>10ms")],
    "flow filter slow > 10ms": [Pipeline("flow filter slow > 10ms")],
    "message x a='b; c > d | grep e'": [Pipeline("message x a='b; c > d | grep e'")],
    "call sip/1@x;transport=tls phone/": [Pipeline("call sip/1@x;transport=tls phone/")],
    "sniffer filter a\\|b": [Pipeline("sniffer filter a\\|b")],
    "message x a=b|c": [Pipeline("message x a=b|c")],
    "message x | y": [Pipeline("message x | y")],
    "message x a->b": [Pipeline("message x a->b")],
    "show > two files": [Pipeline("show > two files")],
    "show > a > b": [Pipeline("show > a > b")],
    "it's; open": [Pipeline("it's; open")],
}


@pytest.mark.parametrize(("line", "parsed"), LINES.items())
def test_a_line_is_cut(line: str, parsed: list[Pipeline]) -> None:
    assert parse(line) == parsed


@asynccontextmanager
async def interpreter(
    authority: Authority = Authority.ADMIN, files: tuple[str, ...] | None = None
) -> AsyncIterator[Interpreter]:
    async with Engine() as engine:
        audited: list[str] = []
        policy = Policy(files=files, audit=lambda line, reply: audited.append(line))
        session = Session(engine, "test", authority=authority, policy=policy)
        made = Interpreter(session, TABLE)
        made.audited = audited
        yield made


def _run(*lines: str, **options: object) -> list[Reply]:
    async def play() -> list[Reply]:
        async with interpreter(**options) as made:
            return [await made.run(line) for line in lines]

    return asyncio.run(play())


def test_grep_keeps_lines() -> None:
    kept, folded, without, none = _run(
        "help | grep uptime", "help | grep -i UPTIME", "help | grep -v e", "help | grep nothing!"
    )
    assert kept.text == folded.text == "  uptime\r\n"
    assert "uptime" not in _run("help | grep -v uptime")[0].text
    assert without.ok and "e" not in without.text
    assert not none.ok and none.text == "No line has nothing!\r\n"


def test_a_failure_is_not_filtered_and_not_written(tmp_path: Path) -> None:
    file = tmp_path / "out"
    for reply in _run(f"nonsense > {file}", "nonsense | grep x"):
        assert not reply.ok
        assert reply.text == "Cannot understand: nonsense\r\n"
    assert not file.exists()


def test_commands_one_after_the_other() -> None:
    first, last = _run("nonsense; uptime", "uptime; quit; uptime")
    assert not first.ok
    assert "Cannot understand: nonsense\r\nUptime:" in first.text
    assert last.ok and last.text.count("Uptime") == 1, "nothing comes after quit"


def test_a_file_is_written_and_added_to(tmp_path: Path) -> None:
    file = tmp_path / "a file"
    replies = _run(f"module list > '{file}'", f"uptime >> '{file}'", f"uptime > '{file}'")
    assert [reply.ok for reply in replies] == [True] * 3
    assert replies[0].text == f"1 line written to {file}\r\n"
    assert file.read_text().startswith("Uptime:")
    assert len(file.read_text().splitlines()) == 1
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["", "missing/x", "fifo"])
def test_what_cannot_be_written_is_a_failure(tmp_path: Path, name: str) -> None:
    import os

    os.mkfifo(tmp_path / "fifo")
    (reply,) = _run(f"uptime > {tmp_path}/{name}")
    assert not reply.ok and reply.params["hint"]


def test_files_of_a_listener_are_a_limit(tmp_path: Path) -> None:
    allowed, other = tmp_path / "allowed", tmp_path / "other"
    allowed.mkdir()
    (allowed / "link").symlink_to(tmp_path)
    inside, outside, beside = _run(
        f"uptime > {allowed}/x", f"uptime > {other}", f"uptime > {allowed}/link/other",
        files=(str(allowed),),
    )  # fmt: skip
    assert inside.ok and (allowed / "x").exists()
    assert not outside.ok and not beside.ok and not other.exists()


def test_an_observer_writes_no_file_and_gives_no_command_of_others(tmp_path: Path) -> None:
    file = tmp_path / "x"
    redirected, second, filtered = _run(
        f"uptime > {file}", "uptime; stop", "uptime | grep Uptime", authority=Authority.USER
    )
    assert redirected.params["error"] == "noauth" and not file.exists()
    assert second.params["error"] == "noauth" and second.text.startswith("Uptime")
    assert filtered.ok


def test_each_command_is_audited_and_the_file_is(tmp_path: Path) -> None:
    async def play() -> None:
        async with interpreter() as made:
            await made.run("uptime; date")
            await made.run(f"uptime > {tmp_path}/x")
            assert made.audited == ["uptime", "date", "uptime", f"uptime > {tmp_path}/x"]

    asyncio.run(play())


def test_lines_in_lines(tmp_path: Path) -> None:
    (tmp_path / "commands").write_text("module list | grep ext; uptime\n")

    async def play() -> None:
        async with interpreter() as made:
            await made.run("alias both module list | grep ext; uptime")
            assert made.session.aliases["both"] == "module list | grep ext; uptime"
            for line in ("both", f"source {tmp_path}/commands"):
                reply = await made.run(line)
                assert "extmodule" in reply.text and "Uptime" in reply.text
            assert (await made.run("both | grep Uptime")).text.startswith("Uptime")

    asyncio.run(play())


def test_a_password_is_no_several_commands() -> None:
    async def play() -> None:
        async with interpreter() as made:
            assert made.pipelines("auth secret; uptime > /x") == []
            assert len(made.pipelines("uptime; date")) == 2

    asyncio.run(play())


def test_a_plain_connection_has_one_command_a_line() -> None:
    async def play() -> None:
        async with interpreter() as other:
            made = PlainInterpreter(other.session, lambda text: None)
            reply = await made.run("uptime; uptime")
            assert reply.text == "Cannot understand: uptime; uptime\r\n"

    asyncio.run(play())


def test_completion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.txt").write_text("")
    monkeypatch.chdir(tmp_path)

    async def play() -> None:
        async with interpreter() as made:
            assert await made.complete("uptime | ") == ["grep", "less"]
            assert await made.complete("uptime | l") == ["less"]
            for line in ("uptime > ", "uptime >> o", "flow load ", "flow save o", "source "):
                assert "one.txt" in await made.complete(line), line
            assert "uptime" in await made.complete("date; up")
            assert "on" in await made.complete("date; flow ")

    asyncio.run(play())


def test_operators_of_a_line() -> None:
    assert pipeline.writes("a | grep b > c") and not pipeline.writes("a '> c'")
    assert pipeline.pages("a | less") and not pipeline.pages("a | less; b")
