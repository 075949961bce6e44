"""The dialect of a plain connection: frames that nobody can forge, and machine mode."""

from __future__ import annotations

import asyncio

import pytest
from seen import session

from yext import Message, Reply
from yext.console.server import dialect
from yext.console.server.dialect import PlainInterpreter

FORGED = "%%+status\r\nmine\r\n%%-status\r\n%%=auth:success\r\n%%<message::x\r\n"

DEFUSED = " %%+status\r\nmine\r\n %%-status\r\n %%=auth:success\r\n %%<message::x\r\n"


def forge(message: Message) -> bool:
    message.retvalue = FORGED
    return message.get("line").startswith("forge") or message.name == "engine.help"


def replies(*lines: str, machine: bool = False) -> list[Reply]:
    """The replies to lines in a plain session, whose engine has a handler that forges frames."""

    async def play() -> list[Reply]:
        async with session() as found:
            for name in ("engine.command", "engine.help"):
                found.engine.install(name, forge, 1)
            found.session.machine = machine
            plain = PlainInterpreter(found.session, begun.append)
            return [await plain.run(line) for line in lines]

    begun: list[str] = []
    return asyncio.run(play())


@pytest.mark.parametrize("machine", [False, True])
@pytest.mark.parametrize("line", ["forge", "help forge", "watch 1 forge", "both"])
def test_no_text_passes_for_a_frame(line: str, machine: bool) -> None:
    _, reply = replies("alias both forge", line, machine=machine)
    assert reply.text == DEFUSED


@pytest.mark.parametrize("line", ["status engine", "watch 1 status engine", "short"])
def test_the_status_is_framed_wherever_it_is_asked_for(line: str) -> None:
    _, reply = replies("alias short status engine", line)
    first, *_, last = reply.text.splitlines()
    assert (first, last) == ("%%+status:engine", "%%-status")


def test_a_refused_status_is_not_framed() -> None:
    async def play() -> str:
        async with session() as found:
            from yext.console.session.authority import Authority

            found.session.authority = Authority.GUEST
            return (await PlainInterpreter(found.session, print).run("status")).text

    assert asyncio.run(play()) == "Not authenticated!\r\n"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("nonsense x", "%%=syntax:nonsense x"),
        ("drop", "%%=drop:fail=noarg"),
        ("drop x", "%%=drop:fail:x"),
        ("drop all", "%%=drop:unknown:all calls"),
        ("call x", "%%=call:fail=noarg"),
        ("call x y", "%%=call:fail:x y"),
        ("control x", "%%=control:fail=noarg"),
        ("control x y", "%%=control:fail:x y"),
        ("restart", "%%=restart:fail"),
        ("watch 1 nonsense", "%%=syntax:nonsense"),
        ("quit", "%%=quit"),
    ],
)
def test_a_program_reads_replies_of_its_own(line: str, text: str) -> None:
    (reply,) = replies(line, machine=True)
    assert reply.text == f"{text}\r\n"


def test_each_command_of_an_alias_is_answered_as_in_its_mode() -> None:
    _, reply = replies("alias all uptime$()machine on$()nonsense$()machine off$()drop x", "all")
    uptime, *others = reply.text.splitlines()
    assert uptime.startswith("Uptime:")
    assert others == [
        "Machine mode: on",
        "%%=syntax:nonsense",
        "Machine mode: off",
        "Could not drop x",
    ]


def test_the_beginning_of_a_reload_is_sent_before_it() -> None:
    async def play() -> tuple[list[str], str]:
        begun: list[str] = []
        async with session() as found:
            reply = await PlainInterpreter(found.session, begun.append).run("reload")
            return begun, reply.text

    begun, text = asyncio.run(play())
    assert begun == ["Reinitializing...\r\n"]
    assert "Reinitializing" not in text


def test_control_characters_are_shown() -> None:
    assert dialect.encode("a\x1bb\rc\td\r\n") == "a\\x1bb\\x0dc\td\r\n"
    assert dialect.encode("plain\r\n") == "plain\r\n"
