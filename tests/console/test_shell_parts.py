"""Parts of the shell that need no terminal: operator's commands, completion, what is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from seen import Seen

from console.commands import TABLE
from console.commands.interpreter import Interpreter
from console.commands.top import COLUMNS, Top
from console.commands.watch import Watching
from console.link import LocalLink
from console.session.session import Session
from console.shell.completer import LinkCompleter
from yext import Engine, Message

ROUTER = """#!/bin/sh
echo '%%>install:50:call.route'
echo '%%>output:ready'
while read -r line; do
    id=${line#*message:}
    case $line in '%%>message:'*) echo "%%<message:${id%%:*}:true::$1" ;; esac
done
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "route.sh").write_text(ROUTER)
    (scripts / "route.sh").chmod(0o755)
    (tmp_path / "extmodule.conf").write_text(f"[general]\nscripts_dir={scripts}/\n")
    return tmp_path


def in_engine(config: Path, story: Callable[[LocalLink], Awaitable[None]]) -> None:
    """Plays a story on the link to a started engine."""

    async def play() -> None:
        async with Engine(config) as engine:
            await story(LocalLink(Interpreter(Session(engine, "console"), TABLE)))

    asyncio.run(play())


def test_history_and_its_numbers(config: Path) -> None:
    async def story(link: LocalLink) -> None:
        for line in ("uptime", "auth secret", "nonsense", "version"):
            await link.run(line)
        told = (await link.run("history 2")).text
        assert [line.split() for line in told.splitlines()] == [
            ["3", "version"],
            ["4", "history", "2"],
        ]
        again = await link.run("!3")
        assert again.text.startswith("version:")
        assert (await link.run("!!")).text.startswith("version:")
        assert (await link.run("!1")).text.startswith("Uptime")
        for wrong in ("!0", "!99", "!x", "history x"):
            reply = await link.run(wrong)
            assert not reply.ok
            assert reply.params["hint"]

    in_engine(config, story)


def test_source_runs_lines_up_to_the_first_that_fails(config: Path) -> None:
    (config / "good").write_text("# comment\n\n  uptime\nversion")
    (config / "bad").write_text("uptime\nexternal stop nobody\nversion\n")
    (config / "loop").write_text(f"source {config}/loop\n")
    (config / "end").write_text("quit\nuptime\n")

    async def story(link: LocalLink) -> None:
        good = await link.run(f"source {config}/good")
        assert good.ok
        assert "Uptime" in good.text
        assert "version:" in good.text
        bad = await link.run(f"source {config}/bad")
        assert not bad.ok
        assert bad.params["reason"].startswith(f"{config}/bad:2: external stop nobody: ")
        assert "version:" not in bad.text
        more = await link.run(f"source {config}/bad --keep-going")
        assert not more.ok
        assert "version:" in more.text
        loop = await link.run(f"source {config}/loop")
        assert "is being carried out already" in loop.params["reason"]
        assert "No such file" in (await link.run("source /no/such")).params["reason"]
        assert not (await link.run("source")).ok
        end = await link.run(f"source {config}/end")
        assert link.closing
        assert "Uptime" not in end.text

    in_engine(config, story)


def test_watch_and_top_show_once_without_a_view(config: Path) -> None:
    async def story(link: LocalLink) -> None:
        assert (await link.run("watch 2 uptime")).text.startswith("Uptime")
        assert not (await link.run("watch 2 nonsense")).ok
        for wrong in (
            "watch",
            "watch 2",
            "watch x uptime",
            "watch 0 uptime",
            "watch 1 top",
            "top x",
        ):
            reply = await link.run(wrong)
            assert not reply.ok, wrong
            assert reply.params["hint"]
        ready = asyncio.Event()
        link.subscribe(lambda event: ready.set() if event.text == "ready" else None)
        await link.run("external start route.sh 99")
        await asyncio.wait_for(ready.wait(), 20)
        lines = (await link.run("top")).text.splitlines()
        assert lines[0].split("\t") == list(COLUMNS)
        name, state = lines[1].split("\t")[:2]
        assert name == "route.sh 99"
        assert state in ("starting", "running")

    in_engine(config, story)


def test_watch_shows_the_table_of_all_peers(config: Path) -> None:
    async def story(link: LocalLink) -> None:
        await link.run("external start route.sh 99")
        for command in ("external", "external info"):
            drawn = await Watching(link.interpreter, Seen(120), command).draw(120, 24)
            assert drawn.split()[:3] == ["script", "parameter", "state"]
            assert "route.sh" in drawn

    in_engine(config, story)


def test_top_tells_latencies_errors_and_the_process(config: Path) -> None:
    async def story(link: LocalLink) -> None:
        engine = link.engine
        ready = asyncio.Event()
        link.subscribe(lambda event: ready.set() if event.text == "ready" else None)
        await link.run("external start route.sh 99")
        await asyncio.wait_for(ready.wait(), 20)
        assert not engine.recorder.active
        with Top(link.own) as top:
            for _ in range(10):
                assert await engine.dispatch(Message("call.route"))
            row = dict(zip(COLUMNS, (await top.text()).splitlines()[1].split("\t"), strict=True))
            assert 0 <= float(row["p50 ms"]) <= float(row["p99 ms"])
            assert row["errors"] == "0"
            assert float(row["MiB"]) > 0
            assert "route.sh 99" in await top.draw(80, 1)
        assert not engine.recorder.active, "nothing is recorded once nobody looks"

    in_engine(config, story)


def completions(link: LocalLink, text: str) -> Awaitable[dict[str, str]]:
    async def found() -> dict[str, str]:
        completer = LinkCompleter(link)
        event = CompleteEvent(completion_requested=True)
        return {
            one.text: one.display_meta_text
            async for one in completer.get_completions_async(Document(text), event)
        }

    return found()


def test_completion_describes_and_falls_back_to_fuzzy(config: Path) -> None:
    async def story(link: LocalLink) -> None:
        found = await completions(link, "up")
        assert found == {"uptime ": "Show information on how long Yate has run"}
        assert "uptime " in await completions(link, "utm")
        assert await completions(link, "zzz") == {}
        assert "external" in await completions(link, "")

    in_engine(config, story)


def test_completion_describes_sub_commands_messages_parameters_and_modules(config: Path) -> None:
    async def story(link: LocalLink) -> None:
        await link.run("external start route.sh 99")
        await link.run("message --wait 20 call.route caller=40")
        for line, word, told in (
            ("", "external", "Controls the external scripts"),
            ("help sni", "sniffer ", "which messages are told"),
            ("external ", "stop", "disconnects a peer"),
            ("external stop route.sh ", "99 ", "running, pid "),
            ("flow ", "pause", "holds them back"),
            ("flow show ", "", "call.route handled by route.sh"),
            ("flow filter ", "unhandled", "nobody handled"),
            ("flow filter by:", "by:route.sh", "handles call.route"),
            ("flow filter from:", "from:console", "sent call.route"),
            ("message ", "call.route", "route.sh"),
            ("message call.route cal", "caller=", "seen: 40"),
            ("message --", "--repeat", "so often"),
            ("dispatcher ", "handlers", "who handles"),
            ("dispatcher handlers ", "trackname=", "of whom"),
            ("dispatcher handlers name=call.ro", "name=call.route ", "route.sh"),
            ("dispatcher handlers trackname=ext", "trackname=extmodule ", "engine.command"),
            ("module unload ", "extmodule", "scripts=1"),
            ("reload ", "extmodule", "scripts=1"),
            ("debug ", "extmodule", "scripts=1"),
            ("status ", "extmodule", "scripts=1"),
        ):
            found = await completions(link, line)
            assert any(text.startswith(word) and told in what for text, what in found.items()), (
                line,
                found,
            )

    in_engine(config, story)


def test_completion_offers_the_peers_of_listeners(config: Path) -> None:
    path = config / "up.sock"
    with (config / "extmodule.conf").open("a") as file:
        file.write(f"[listener door]\ntype=unix\npath={path}\n")

    async def story(link: LocalLink) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"%%>connect:global\n%%>setlocal:id:\n")
        await reader.readline()
        found = await completions(link, "external stop do")
        assert list(found) == ["door "]
        assert "connected to listener door" in found["door "]
        writer.close()
        await writer.wait_closed()

    in_engine(config, story)


def test_completion_of_a_line_in_a_line_and_of_words_cut_short(config: Path) -> None:
    async def story(link: LocalLink) -> None:
        assert list(await completions(link, "watch 1 exter")) == ["external "]
        assert "info" in await completions(link, "watch 1 external ")
        assert "external" in await completions(link, "watch 1 ")
        assert list(await completions(link, "alias e exter")) == ["external "]
        assert list(await completions(link, "sta over")) == ["status overview "]
        assert list(await completions(link, "disp han na")) == ["dispatcher handlers name="]
        assert list(await completions(link, "nobody over")) == []
        assert link.usage("watch 1 dispatcher ").startswith("dispatcher {handlers")
        assert link.usage("watch ") == "watch SECONDS COMMAND"

    in_engine(config, story)


def test_plain_connections_are_not_asked_to_describe(config: Path) -> None:
    asked: list[Message] = []

    def heard(message: Message) -> bool:
        asked.append(message)
        return False

    async def story(link: LocalLink) -> None:
        link.engine.install("engine.command", heard, 200)
        assert await link.interpreter.complete("external st") == ["start", "stop"]
        assert not any(key.startswith("describe") for key in asked[-1].params)
        await link.complete("external st")
        assert asked[-1]["describe.stop"]

    in_engine(config, story)


def test_completion_tells_how_scripts_are(config: Path) -> None:
    async def story(link: LocalLink) -> None:
        pid = (await link.run("external start route.sh 99")).params["pid"]
        found = await completions(link, "external stop ")
        assert list(found) == ["route.sh "]
        assert found["route.sh "].endswith(f", pid {pid}")

    in_engine(config, story)


def test_completion_answers_in_time_when_the_bus_does_not(config: Path) -> None:
    async def story(link: LocalLink) -> None:
        before = await completions(link, "external st")
        assert {"start", "stop"} <= {word.strip() for word in before}
        never = asyncio.Event()

        async def stalls(message: Message) -> bool:
            await never.wait()
            return False

        link.engine.install("engine.command", stalls, 1)
        assert {"uptime "} == set(await completions(link, "upt")), "the table needs no bus"
        assert await completions(link, "external st") == before, "as it was the last time"

    in_engine(config, story)


def test_usage_of_the_command_being_typed(config: Path) -> None:
    async def story(link: LocalLink) -> None:
        assert link.usage("uptim") == ""
        assert link.usage("watch 2") == "watch SECONDS COMMAND"
        assert link.usage("external ") == ""
        while not link.usage("external "):
            await asyncio.sleep(0)
        assert link.usage("external start").startswith("external [info]")

    in_engine(config, story)
