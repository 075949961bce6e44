"""Passwords in command lines: found wherever they stand, shown to nobody and kept nowhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from seen import Seen, session

from yext import Message, Reply
from yext.console.client.link import RemoteInterpreter
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.server.dialect import PlainInterpreter
from yext.console.server.operators import masked
from yext.console.session.authority import Authority
from yext.console.session.secrets import Secrets
from yext.console.session.session import Policy

ALIASES = {
    "login": r"auth \0",
    "both": r"uptime$()AUTH \1",
    "again": "watch 2 auth \\0",
    "up": "uptime",
}

SECRETS = Secrets(ALIASES, lambda name: "password" in name.lower())

HIDDEN = {
    "auth s3": "auth ***",
    "AUTH s3": "AUTH ***",
    "  auth  s3  ": "  auth  ***",
    "auth\ts3": "auth\t***",
    "auth\N{NO-BREAK SPACE}s3": "auth\N{NO-BREAK SPACE}***",
    "auth s3 and more": "auth ***",
    "auth s3$()date": "auth ***",
    "watch 2 auth s3": "watch 2 auth ***",
    "WATCH  2  Auth s3": "WATCH  2  Auth ***",
    "watch 2 auth s3$()date": "watch 2 auth ***",
    "watch 1 watch 2 auth s3": "watch 1 watch 2 auth ***",
    "help auth s3": "help auth ***",
    "? auth s3": "? auth ***",
    "!auth s3": "!auth ***",
    "! auth s3": "! auth ***",
    "alias x auth s3": "alias x auth ***",
    "alias x uptime$()auth s3$()date": "alias x uptime$()auth ***$()date",
    "login s3": "login ***",
    "LOGIN s3": "LOGIN ***",
    "both s3": "both ***",
    "again s3": "again ***",
    "watch 2 login s3": "watch 2 login ***",
    "alias x login s3": "alias x login ***",
    "message user.auth password=s3 username=4": "message user.auth password=*** username=4",
    "message user.auth username=4 'password=s 3'": "message user.auth username=4 'password=***",
    'message user.auth password="s 3" a=b': "message user.auth password=*** a=b",
    "message user.auth password='s 3": "message user.auth password=***",
    "control c op password=s 3 a=b": "control c op password=*** a=b",
    "runparam MyPassword=s3": "runparam MyPassword=***",
    "message engine.command 'line=auth s3' a=b": "message engine.command 'line=*** a=b",
    "message engine.command line=auth\\ s3": "message engine.command line=***",
    "message engine.command partial='watch 2 auth s3'": "message engine.command partial=***",
    "flow on password=s*": "flow on password=***",
}  # fmt: skip

KEPT = (
    "", "   ", "=", "!", "!5", "!!", "auth", "authors list", "authors", "help auth", "alias login",
    "up s3", "login", "watch 2", "watch", "alias", "external start auth x", "source auth x",
    "message user.auth username=4", "message x line=auth", "flow on line=auth*", "status auth",
    "drop all auth failed",
)  # fmt: skip


@pytest.mark.parametrize("line", HIDDEN)
def test_a_password_is_hidden(line: str) -> None:
    assert SECRETS.hide(line) == HIDDEN[line]
    assert SECRETS.holds(line)
    assert "s3" not in SECRETS.hide(line) or "s 3" not in SECRETS.hide(line)


@pytest.mark.parametrize("line", KEPT)
def test_a_line_without_a_password_is_kept(line: str) -> None:
    assert SECRETS.hide(line) == line
    assert not SECRETS.holds(line)


@pytest.mark.parametrize("line", [line for line in HIDDEN if "engine.command" not in line])
def test_a_password_is_hidden_from_its_first_character_on(line: str) -> None:
    """While the line is being typed, from left to right."""
    start, end = SECRETS.spans(line)[0]
    assert SECRETS.start(line[: start + 1]) == start
    assert SECRETS.hide(line[: start + 1]).endswith("***")
    assert end <= len(line)


def test_where_a_password_will_begin() -> None:
    assert SECRETS.start("auth ") == 5
    assert SECRETS.start("auth") is None
    assert SECRETS.start("message x password=") == 19
    assert not SECRETS.holds("auth ")
    assert SECRETS.hide("auth ") == "auth "


def test_without_a_session_auth_alone_is_known() -> None:
    plain = Secrets()
    assert plain.holds("watch 2 AUTH s3")
    assert not plain.holds("login s3")
    assert not plain.holds("message x password=s3")


@pytest.mark.parametrize("beginning", ["watch 1 ", "alias x ", "! ", "message x line='"])
def test_a_line_of_any_depth_is_looked_through(beginning: str) -> None:
    line = beginning * 10_000 + "auth s3"
    assert SECRETS.holds(line)
    assert "s3" not in SECRETS.hide(line)


# A session

PASSWORD = "s3cret"

TYPED = (
    "auth s3cret", "AUTH s3cret", "  Auth   s3cret", "auth\ts3cret", "watch 2 auth s3cret",
    "Watch 2 AUTH s3cret", "watch 2 watch 2 auth s3cret", "help auth s3cret", "? AUTH s3cret",
    "!auth s3cret", "! auth s3cret", "alias login auth s3cret", "login", "alias",
    r"alias enter uptime$()AUTH \0", "enter s3cret", "ENTER s3cret", "watch 2 enter s3cret",
    "alias loop enter s3cret", "loop", "history", "!!", "debug",
)  # fmt: skip
"""Lines that an operator may type, one after the other in one session."""


async def refuse(password: str) -> Reply:
    return Reply(False, "Bad authentication password!\r\n", {"reason": "no"})


def leaks(what: object) -> bool:
    return PASSWORD in str(what)


async def in_session(
    story: Callable[[Interpreter], Awaitable[None]],
    authority: Authority = Authority.USER,
    *,
    plain: bool = False,
) -> None:
    """Play a story in a session; no password of it may be on the bus, kept or shown."""
    audited: list[str] = []

    def audit(line: str, reply: Reply) -> None:
        audited.append(found.session.secrets.hide(line) + str(reply))

    policy = Policy(lambda line: True, True, True, refuse, audit)
    async with session(policy=policy, authority=authority) as first:
        found = PlainInterpreter(first.session, lambda text: None) if plain else first
        on_bus: list[str] = []

        def watch(message: Message) -> bool:
            on_bus.append(f"{message.name} {message.params}")
            return False

        found.engine.install("", watch, 1)
        await story(found)
        assert on_bus
        assert not leaks(on_bus)
        assert not leaks(audited)
        assert not leaks(found.session.history)
        assert not leaks([one.params for one in found.engine.recorder.last(1000)])
        assert not leaks(found.session.view.lines if isinstance(found.session.view, Seen) else "")


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("machine", [False, True])
@pytest.mark.parametrize("authority", [Authority.USER, Authority.ADMIN])
def test_a_session_shows_and_keeps_no_password(
    authority: Authority, machine: bool, plain: bool
) -> None:
    async def story(found: Interpreter) -> None:
        found.session.machine = machine
        await found.run("flow on")
        for line in TYPED:
            found.session.remember(line)
            reply = await found.run(line)
            assert not leaks(reply), line
            assert not leaks(await found.complete(line)), line
            assert not leaks(await found.complete(line + " ")), line
        assert not leaks(found.complete_own("", ""))
        assert "authors list" not in found.session.history
        found.session.remember("authors list")
        assert found.session.history[-1] == "authors list"

    asyncio.run(in_session(story, authority, plain=plain))


def test_a_file_of_commands_shows_no_password(tmp_path: Path) -> None:
    file = tmp_path / "commands"
    file.write_text("auth s3cret\nAUTH s3cret\nwatch 2 auth s3cret\n")

    async def story(found: Interpreter) -> None:
        for more in ("", " --keep-going"):
            reply = await found.run(f"source {file}{more}")
            assert not reply.ok
            assert "auth ***" in str(reply)
            assert not leaks(reply)

    asyncio.run(in_session(story))


def test_the_flow_shows_no_password_of_a_command_line(tmp_path: Path) -> None:
    """Of a line that came to the bus in another way: from a script, or by `message`."""
    saved = tmp_path / "saved"
    lines = ("AUTH s3cret", "watch 2 auth s3cret", "alias x auth s3cret")

    async def play() -> None:
        async with session() as found:
            await found.run("flow on engine.*")
            for line in lines:
                await found.engine.dispatch(Message("engine.command", {"line": line}))
                params = {"partial": line, "partline": line, "partword": "s3cret"}
                await found.engine.dispatch(Message("engine.command", params))
                assert not leaks(await found.run(f"message engine.command 'line={line}'"))
            last = await found.run("flow last")
            assert "(hidden)" in last.text
            assert not leaks(last)
            assert not leaks(await found.run("flow show 1"))
            assert not leaks(found.complete_own("message engine.command", ""))
            await found.run(f"flow save {saved}")
            assert isinstance(found.session.view, Seen)
            assert not leaks(found.session.view.lines)

    asyncio.run(play())
    assert [json.loads(line)["name"] for line in saved.read_text().splitlines()]
    assert not leaks(saved.read_text())


def test_a_reply_that_repeats_its_line_shows_no_password() -> None:
    def refuse(message: Message) -> bool:
        message.retvalue = message["reason"] = f"cannot {message.get('line')}"
        return True

    async def play() -> None:
        async with session() as found:
            found.engine.install("engine.command", refuse, priority=1)
            await found.run("flow on engine.*")
            for authority in (Authority.ADMIN, Authority.USER):
                found.session.authority = authority
                found.session.policy = Policy(user_flow=True)
                message = Message("engine.command", {"line": "x password=s3cret"})
                await found.engine.dispatch(message)
                for line in ("flow last", "flow show 1"):
                    reply = await found.run(line)
                    assert reply.ok and not leaks(reply)
                seen = masked(message, found.session.secrets, found.engine.recorder.secret)
                assert leaks(message.params) and not leaks([seen.params, seen.retvalue])
                await found.engine.dispatch(Message("engine.command", {"line": "plain"}))
                assert "cannot plain" in (await found.run("flow last")).text

    asyncio.run(play())


def test_the_value_of_a_secret_parameter_is_not_completed() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("flow on")
            await found.engine.dispatch(Message("user.auth", {"password": PASSWORD}))
            offered = found.complete_own("message user.auth", "")
            assert offered["password="] == "seen"
            found.session.remember("message user.auth password=s3cret")
            assert found.session.history == []

    asyncio.run(play())


def test_every_command_that_takes_a_line_is_looked_through() -> None:
    for row in TABLE:
        if row.line_after is not None:
            assert SECRETS.holds(f"{row.name} x auth s3"), row.name


def test_a_password_of_a_parameter_reaches_its_command() -> None:
    async def play() -> None:
        async with session() as found:
            assert (await found.run("runparam MyPassword=s3cret")).ok
            assert found.engine.run_params["MyPassword"] == PASSWORD

    asyncio.run(play())


def test_an_alias_of_a_remote_engine_is_known_here() -> None:
    sent: list[str] = []

    async def send(line: str) -> Reply:
        sent.append(line)
        return Reply(True, "there\r\n")

    async def play() -> None:
        async with session() as found:
            attached = RemoteInterpreter(
                found.session, TABLE, is_local=lambda line: False, send=send, look_up=send
            )
            for line in (r"alias enter auth \0", "enter s3cret"):
                found.session.remember(line)
                assert (await attached.run(line)).text == "there\r\n"
            assert found.session.history == []

    asyncio.run(play())
    assert sent == [r"alias enter auth \0", "enter s3cret"]
