"""The operator's commands: history, source, watch, top."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from links import configured, in_engine
from seen import Seen

from yext import Message
from yext.console.commands.top import COLUMNS, Top
from yext.console.commands.watch import Watch
from yext.console.link import LocalLink


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return configured(tmp_path)


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
            drawn = await Watch(link.interpreter, Seen(120), command).draw(120, 24)
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
            for parameter in range(4):
                await link.run(f"external start route.sh {parameter}")
            assert (await top.draw(80, 6)).count("route.sh") == 5
            assert (await top.draw(80, 5)).endswith("2 rows more: top | less\n")
        assert not engine.recorder.active, "nothing is recorded once nobody looks"

    in_engine(config, story)
