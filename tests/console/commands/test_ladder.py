"""The command `flow ladder`, and the formats of `flow save`."""

import asyncio
import json
import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from seen import session

from yext import Message
from yext.console.commands.interpreter import Interpreter
from yext.console.session.authority import Authority
from yext.console.session.session import Policy


def _password(message: Message) -> bool:
    message.retvalue = "hunter2"
    return True


async def a_call(found: Interpreter) -> None:
    """Record the messages of a call."""
    assert (await found.run("flow on")).ok
    engine = found.engine
    engine.install("user.auth", _password)
    await engine.dispatch(Message("chan.startup", {"id": "sip/1", "billid": "b1"}))
    await engine.dispatch(Message("user.auth", {"id": "sip/1", "username": "bob"}))
    await engine.dispatch(Message("chan.hangup", {"id": "sip/1", "reason": "busy"}))


@pytest.mark.parametrize("wanted", ["b1", "sip/1", "1", "#1"])
def test_a_call_is_drawn_by_any_of_its_names(wanted: str) -> None:
    async def play() -> None:
        async with session() as found:
            await a_call(found)
            reply = await found.run(f"flow ladder {wanted}")
            assert reply.ok
            assert [line.split()[:2] for line in reply.text.splitlines()[:1]] == [
                ["sip/1", "engine"]
            ]
            assert "chan.startup" in reply.text and "hunter2" in reply.text
            arrows = reply.data["arrows"]  # type: ignore[index,call-overload]
            assert [(one["from"], one["to"], one["name"]) for one in arrows] == [
                ("sip/1", "engine", "chan.startup"),
                ("engine", "engine", "user.auth"),
                ("sip/1", "engine", "chan.hangup"),
            ]
            json.dumps(reply.data)

    asyncio.run(play())


def test_a_call_that_is_not_there() -> None:
    async def play() -> None:
        async with session() as found:
            await a_call(found)
            reply = await found.run("flow ladder sip/2\x1b[2J")
            assert not reply.ok and reply.text.startswith("No call with sip/2\\x1b[2J is recorded")
            assert "flow last" in reply.params["hint"]
            assert (await found.run("flow ladder")).text.startswith("Which call?")

    asyncio.run(play())


def test_observers_see_no_secret_in_a_ladder() -> None:
    async def play() -> None:
        async with session() as found:
            await a_call(found)
            found.session.authority = Authority.USER
            assert not (await found.run("flow ladder b1")).ok, "user_flow=yes is needed"
            found.session.policy = Policy(user_flow=True)
            for line in ("flow ladder b1", "flow ladder b1 --svg"):
                reply = await found.run(line)
                assert "(hidden)" in reply.text
                assert "hunter2" not in f"{reply.text}{reply.data}"
            assert "Not authenticated" in (await found.run("flow save /tmp/x.html")).text

    asyncio.run(play())


def test_the_picture_is_written_to_a_file(tmp_path: Path) -> None:
    async def play() -> None:
        async with session() as found:
            await a_call(found)
            assert (await found.run(f"flow ladder b1 --svg > {tmp_path}/call.svg")).ok
            assert (await found.run(f"flow ladder b1 > {tmp_path}/call.txt")).ok

    asyncio.run(play())
    assert ET.fromstring((tmp_path / "call.svg").read_text()).tag.endswith("svg")
    text = (tmp_path / "call.txt").read_text()
    assert "chan.startup" in text and text.isascii() is False


def test_the_ending_of_a_file_says_how_messages_are_saved(tmp_path: Path) -> None:
    async def play() -> None:
        async with session() as found:
            await a_call(found)
            await found.run("flow filter chan.*")
            for name in ("flow.html", "flow.jsonl", "flow"):
                reply = await found.run(f"flow save {tmp_path}/{name}")
                assert reply.ok and reply.text.endswith(f" messages to {tmp_path}/{name}\r\n")
            found.session.policy = Policy(files=(str(tmp_path / "mine"),))
            assert not (await found.run(f"flow save {tmp_path}/other.html")).ok

    asyncio.run(play())
    assert (tmp_path / "flow.html").read_text().startswith("<!DOCTYPE html>")
    assert (tmp_path / "flow.jsonl").read_text() == (tmp_path / "flow").read_text()
    assert not os.path.exists(tmp_path / "other.html")
