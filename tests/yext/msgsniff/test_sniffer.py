"""The command ``sniffer``, beyond what the recordings play: its cost and its mistakes."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from yext import Engine, Message
from yext.engine.commands import BUS_COMMANDS
from yext.log import Event

Story = Callable[[Engine, list[str]], Awaitable[None]]


def play(story: Story) -> None:
    """Run `story` with an engine and the first lines of all messages that it shows."""

    async def run() -> None:
        shown: list[str] = []

        def keep(event: Event) -> None:
            if event.text.startswith(("Sniffed", "Ret")):
                shown.append(event.text)

        async with Engine() as engine:
            engine.log.subscribe(keep)
            await story(engine, shown)

    asyncio.run(run())


def names(shown: list[str]) -> list[str]:
    return [line.split("'")[1] for line in shown if line.startswith("Sniffed")]


@pytest.mark.parametrize(
    ("words", "sniffed"),
    [
        ("", ["call.route", "call.execute", "user.auth"]),
        ("filter ^call", ["call.route", "call.execute"]),
        ("filter ^call^", ["user.auth"]),
        ("filter auth", ["user.auth"]),
        ("params a=1", ["call.route"]),
        ("params a=1 b=2", []),
        ("params any a=1 b=2", ["call.route", "user.auth"]),
        ("params negated a=1", ["call.execute", "user.auth"]),
        ("params a=^[0-9]$", ["call.route"]),
        (r"filter \(route\|auth\)$", ["call.route", "user.auth"]),
        (r"filter ^[[:alpha:]]\{4\}\.\<exec", ["call.execute"]),
        ("filter (route|auth)$", []),
        ("age 3600", []),
        ("set name=x filter=^user set name=y filter=route", ["call.route", "user.auth"]),
    ],
)
def test_what_is_sniffed(words: str, sniffed: list[str]) -> None:
    async def story(engine: Engine, shown: list[str]) -> None:
        # Each `set` takes all the words that follow it.
        for part in words.replace(" set ", "\nset ").split("\n"):
            assert (await engine.command(f"sniffer {part}")).ok
        await engine.command("sniffer on")
        del shown[:]
        await engine.dispatch(Message("call.route", {"a": "1"}))
        await engine.dispatch(Message("call.execute", {"a": "x"}))
        await engine.dispatch(Message("user.auth", {"b": "2"}))
        assert names(shown) == sniffed
        assert len(shown) == 2 * len(sniffed), "each is shown again at its end"

    play(story)


def test_off_it_is_not_there() -> None:
    async def story(engine: Engine, shown: list[str]) -> None:
        before = len(engine.dispatcher.handlers())
        await engine.command("sniffer on")
        await engine.command("sniffer on")
        assert len(engine.dispatcher.handlers()) == before + 1
        await engine.command("sniffer off")
        assert len(engine.dispatcher.handlers()) == before
        assert engine.dispatcher.watch_names() == []
        await engine.dispatch(Message("call.route"))
        assert "call.route" not in names(shown)

    play(story)


def test_the_timer_is_reported_when_asked_for() -> None:
    async def story(engine: Engine, shown: list[str]) -> None:
        await engine.command("sniffer on params mine=1")
        await engine.dispatch(Message("engine.timer", {"mine": "1"}))
        assert shown == []
        await engine.command("sniffer timer on")
        await engine.dispatch(Message("engine.timer", {"mine": "1"}))
        assert names(shown) == ["engine.timer"]

    play(story)


def test_a_bad_expression_is_reported() -> None:
    async def story(engine: Engine, shown: list[str]) -> None:
        reply = await engine.command(r"sniffer filter a\(b")
        assert not reply.ok
        assert reply.text == "not a regular expression: a\\(b: column 2: this is not closed\r\n"
        reply = await engine.command(r"sniffer params a=^\(b\)\1")
        assert "column 7: back-references such as \\1 are not supported" in reply.text
        assert (await engine.command("sniffer")).text == "Message sniffer: off\r\n"

    play(story)


def test_a_bad_expression_changes_nothing() -> None:
    async def story(engine: Engine, shown: list[str]) -> None:
        before = (await engine.command("sniffer on filter ^call")).text
        assert not (await engine.command(r"sniffer filter ^\(")).ok
        assert (await engine.command("sniffer")).text == before
        await engine.dispatch(Message("call.route"))
        await engine.dispatch(Message("user.auth"))
        assert names(shown) == ["call.route"]

    play(story)


def test_its_help_and_completion() -> None:
    async def story(engine: Engine, shown: list[str]) -> None:
        assert "sniffer [on|off]" in (await engine.command("help")).text
        assert "reported as output" in (await engine.command("help sniffer")).text
        assert await engine.complete("", "snif") == ["sniffer"]
        assert "filter" in await engine.complete("sniffer", "")

    play(story)


def test_handlers_and_watches_are_listed() -> None:
    async def story(engine: Engine, shown: list[str]) -> None:
        assert "dispatcher" in BUS_COMMANDS
        engine.install("call.route", lambda message: True, 42, filter=("called", "99"), track="me")
        found = (await engine.command("dispatcher handlers name=call.route trackname=me")).text
        assert found == "call.route priority=42 trackname='me' filter='called=99'\r\n"
        every = (await engine.command("dispatcher handlers name=^")).text.splitlines()
        assert len(every) == len(engine.dispatcher.handlers())
        assert (await engine.command("dispatcher handlers")).text.startswith("Empty name and")
        assert (await engine.command("dispatcher handlers name=^(")).text == "Empty list\r\n"
        listed = r"dispatcher handlers name=^call\.\(route\|x\)$ trackname=me"
        assert (await engine.command(listed)).text == found
        reply = await engine.command(r"dispatcher handlers name=^\(")
        assert not reply.ok
        assert reply.text == "not a regular expression: ^\\(: column 2: this is not closed\r\n"
        counted = (await engine.command(r"status dispatcher handlers ^call\.route\>")).text
        assert "count=2;call.route=42|me|yes" in counted
        reply = await engine.command(r"status dispatcher handlers ^\(")
        assert not reply.ok
        assert reply.params["reason"].endswith(r"expression: ^\(: column 2: this is not closed")
        await engine.command("sniffer on")
        watches = (await engine.command("dispatcher watches")).text
        assert watches == "* watcher='msgsniff'\r\n"
        assert not (await engine.command("dispatcher nonsense")).known

    play(story)
