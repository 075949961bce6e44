"""The link to an engine: completion, usage, and what a shell shows first.

The same tests run on the link to an engine in this process, and on that to a yext behind its remote
manager.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import pytest
from links import Play, configured, in_engine, play_attached, play_local
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from yext import Engine, Message
from yext.console.link import Counts, Link, LocalLink, Overview, SessionLink
from yext.console.shell.completer import LinkCompleter


@pytest.fixture(params=[play_local, play_attached])
def play(request: pytest.FixtureRequest) -> Play:
    """Plays a story on one of the links."""
    played: Play = request.param
    return played


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return configured(tmp_path)


def completions(link: Link, text: str) -> Awaitable[dict[str, str]]:
    async def found() -> dict[str, str]:
        completer = LinkCompleter(link)
        event = CompleteEvent(completion_requested=True)
        return {
            one.text: one.display_meta_text
            async for one in completer.get_completions_async(Document(text), event)
        }

    return found()


def test_completion_describes_and_falls_back_to_fuzzy(config: Path, play: Play) -> None:
    async def story(link: Link, engine: Engine) -> None:
        found = await completions(link, "up")
        assert found == {"uptime ": "Show information on how long Yate has run"}
        assert "uptime " in await completions(link, "utm")
        assert await completions(link, "zzz") == {}
        assert "external" in await completions(link, "")

    play(config, story)


def test_completion_describes_sub_commands_messages_parameters_and_modules(
    config: Path, play: Play
) -> None:
    async def story(link: Link, engine: Engine) -> None:
        await link.run("external start route.sh 99")
        await link.run("message --wait 20 call.route caller=40")
        for line, word, expected in (
            ("", "external", "Controls the external scripts"),
            ("help sni", "sniffer ", "which messages are reported"),
            ("external ", "stop", "disconnect a peer"),
            ("external stop route.sh ", "99 ", "running, pid "),
            ("flow ", "pause", "holds them back"),
            ("flow show ", "", "call.route handled by route.sh"),
            ("flow filter ", "unhandled", "nobody handled"),
            ("flow filter by:", "by:route.sh", "handles call.route"),
            ("flow filter from:", "from:", "sent call.route"),
            ("message ", "call.route", "route.sh"),
            ("message call.route cal", "caller=", "seen: 40"),
            ("message --", "--repeat", "so often"),
            ("dispatcher ", "handlers", "lists the handlers"),
            ("dispatcher handlers ", "trackname=", "that tracking name"),
            ("dispatcher handlers name=call.ro", "name=call.route ", "route.sh"),
            ("dispatcher handlers trackname=ext", "trackname=extmodule ", "engine.command"),
            ("module unload ", "extmodule", "scripts=1"),
            ("reload ", "extmodule", "scripts=1"),
            ("debug ", "extmodule", "scripts=1"),
            ("status ", "extmodule", "scripts=1"),
        ):
            found = await completions(link, line)
            assert any(
                text.startswith(word) and expected in what for text, what in found.items()
            ), (
                line,
                found,
            )

    play(config, story)


def test_completion_offers_the_peers_of_listeners(config: Path, play: Play) -> None:
    path = config / "up.sock"
    with (config / "extmodule.conf").open("a") as file:
        file.write(f"[listener door]\ntype=unix\npath={path}\n")

    async def story(link: Link, engine: Engine) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"%%>connect:global\n%%>setlocal:id:\n")
        await reader.readline()
        found = await completions(link, "external stop do")
        assert list(found) == ["door "]
        assert "connected to listener door" in found["door "]
        writer.close()
        await writer.wait_closed()

    play(config, story)


def test_completion_of_a_line_in_a_line_and_of_words_cut_short(config: Path, play: Play) -> None:
    async def story(link: Link, engine: Engine) -> None:
        assert list(await completions(link, "watch 1 exter")) == ["external "]
        assert "info" in await completions(link, "watch 1 external ")
        assert "external" in await completions(link, "watch 1 ")
        assert list(await completions(link, "alias e exter")) == ["external "]
        assert list(await completions(link, "sta over")) == ["status overview "]
        assert list(await completions(link, "disp han na")) == ["dispatcher handlers name="]
        assert list(await completions(link, "nobody over")) == []
        assert link.usage("watch 1 dispatcher ").startswith("dispatcher {handlers")
        assert link.usage("watch ") == "watch SECONDS COMMAND"

    play(config, story)


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


def test_completion_tells_how_scripts_are(config: Path, play: Play) -> None:
    async def story(link: Link, engine: Engine) -> None:
        pid = (await link.run("external start route.sh 99")).params["pid"]
        found = await completions(link, "external stop ")
        assert list(found) == ["route.sh "]
        assert found["route.sh "].endswith(f", pid {pid}")

    play(config, story)


def test_completion_answers_in_time_when_the_bus_does_not(config: Path, play: Play) -> None:
    async def story(link: Link, engine: Engine) -> None:
        before = await completions(link, "external st")
        assert {"start", "stop"} <= {word.strip() for word in before}
        never = asyncio.Event()

        async def stalls(message: Message) -> bool:
            await never.wait()
            return False

        engine.install("engine.command", stalls, 1)
        assert {"uptime "} == set(await completions(link, "upt")), "the table needs no bus"
        assert await completions(link, "external st") == before, "as it was the last time"

    play(config, story)


def test_usage_of_the_command_being_typed(config: Path, play: Play) -> None:
    async def story(link: Link, engine: Engine) -> None:
        assert link.usage("uptim") == ""
        assert link.usage("watch 2") == "watch SECONDS COMMAND"
        assert link.usage("external ") == ""
        while not link.usage("external "):
            await asyncio.sleep(0)
        assert link.usage("external start").startswith("external [info]")

    play(config, story)


def test_overview_and_counts_are_those_of_all_modules(config: Path, play: Play) -> None:
    with (config / "extmodule.conf").open("a") as file:
        file.write(f"[listener door]\ntype=unix\npath={config}/up.sock\n")

    async def story(link: Link, engine: Engine) -> None:
        assert (await link.run("external start route.sh 99")).ok
        assert not (await link.run("external start gone.sh x")).ok
        counts = link.counts()
        assert (counts.running, counts.failed) == (1, 1)
        overview = await link.overview()
        ((program, reason, explain),) = overview.failed
        assert (program, explain) == ("gone.sh x", "external why gone.sh x")
        assert reason.startswith("gone.sh: No such file")
        assert overview.listeners == [f"unix {config}/up.sock"]

    play(config, story)


def test_an_engine_whose_modules_run_nothing_has_nothing_to_show(config: Path, play: Play) -> None:
    (config / "yate.conf").write_text("[modules]\nextmodule.yate=no\n")

    async def story(link: Link, engine: Engine) -> None:
        overview = await link.overview()
        assert (overview.failed, overview.listeners) == ([], None)
        assert link.counts() == Counts(messages=link.counts().messages)

    play(config, story)


def test_what_a_picture_looks_up_is_not_in_the_history(config: Path, play: Play) -> None:
    async def story(link: Link, engine: Engine) -> None:
        await link.run("external")
        assert await link.look_up("external show") is not None
        assert isinstance(link, SessionLink) and link.own.history == ["external"]

    play(config, story)


@pytest.mark.parametrize(
    ("counts", "words", "banner", "line"),
    [
        (Counts(), "", "no scripts   Type", " alder | 0 running"),
        (Counts(nodes=0), "0 nodes", "no other node yet", " alder + 0 nodes | 0 running"),
        (Counts(nodes=1), "1 node", "beside 1 node", " alder + 1 node | 0 running"),
        (
            Counts(nodes=2, unlinked=1), "2 nodes, 1 link down", "beside 2 nodes, 1 link down",
            " alder + 2 nodes, 1 link down | 0 running",
        ),
    ],
)  # fmt: skip
def test_other_nodes_are_counted(counts: Counts, words: str, banner: str, line: str) -> None:
    from yext.console.replies.draw import Page
    from yext.console.shell import banner as shell_banner
    from yext.console.shell.bottomline import BottomLine

    assert counts.others() == words
    shown = shell_banner.text("alder", Overview("1.0"), counts, Page(120, False, True))
    assert banner in shown.replace("\n", "   ")

    class FakeLink:
        node = "alder"

        def usage(self, typed: str) -> str:
            return ""

        def counts(self) -> Counts:
            return counts

        def flow(self) -> str:
            return "flow off"

    class Idle:
        is_slow = False
        left_out = 0
        width = 80

    made = BottomLine(FakeLink(), Idle(), Idle(), lambda: "")  # type: ignore[arg-type]
    assert "".join(part[1] for part in made.text()).startswith(line)


def test_a_node_that_shares_counts_the_others(config: Path, play: Play) -> None:
    (config / "yext.conf").write_text("[share]\n")

    async def story(link: Link, engine: Engine) -> None:
        assert (link.counts().nodes, link.counts().unlinked) == (0, 0)

    play(config, story)
