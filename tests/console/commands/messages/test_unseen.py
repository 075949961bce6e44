"""What a filter asks for that nobody has seen."""

import asyncio
from typing import Any, cast

import pytest
from seen import session

from yext import Message
from yext.dispatcher import Dispatch

NO_NAME = "no message of that name has been seen yet"
NO_PARAM = "no parameter of that name has been seen yet"
NO_SENDER = "no sender of that name has been seen yet"
NO_HANDLER = "no handler of that name has been seen yet"

ROWS = [
    ("call.rout", [f"call.rout: {NO_NAME}. Did you mean: call.route"]),
    ("timeout", [f"timeout: {NO_NAME}. Did you mean: timedout"]),
    ("lab.jop", [f"lab.jop: {NO_NAME}. Did you mean: lab.job"]),
    ("lap.*", [f"lap.*: {NO_NAME}"]),
    ("zzz", [f"zzz: {NO_NAME}"]),
    ("calld=99", [f"calld: {NO_PARAM}. Did you mean: called"]),
    ("has:kinds", [f"kinds: {NO_PARAM}. Did you mean: kind"]),
    ("sender=x", [f"sender: {NO_PARAM}. Did you mean: from:"]),
    ("from:lod.py", [f"lod.py: {NO_SENDER}. Did you mean: load.py"]),
    ("by:lod.py and unhandled", [f"lod.py: {NO_HANDLER}. Did you mean: load.py"]),
    ("x.y or \x1b=1", [f"x.y: {NO_NAME}", NO_PARAM]),
    ("lab.job and kind=a and color!=red and from:console and from:engine and by:load.py", []),
    ("call.route and called>5 and timedout and slow>3ms and has:targetid", []),
]


@pytest.mark.parametrize(("expression", "wanted"), ROWS)
def test_what_nobody_has_seen_is_told(expression: str, wanted: list[str]) -> None:
    async def play() -> None:
        async with session() as found:
            found.engine.install("lab.job", _pass).owner = "load.py 1"
            await found.run("flow on")
            await found.engine.dispatch(Message("lab.job", {"kind": "a", "color": "red"}))
            for command in ("flow on", "flow filter"):
                reply = await found.run(f"{command} {expression}")
                assert reply.ok, "the script may be started later"
                assert found.session.flow.filter.text == expression
                told = cast(dict[str, Any], reply.data)["unseen"]
                assert len(told) == len(wanted)
                assert all(text in line for text, line in zip(wanted, told, strict=True))
                assert reply.text.splitlines()[1:] == [f"  {line}" for line in told]
                assert "\x1b" not in reply.text

    asyncio.run(play())


class Watcher:
    """A peer that has sent nothing yet, but watches."""

    label = "watch.sh 60"

    def notice(self, dispatch: Dispatch) -> None:
        """Take notice."""


def test_a_watcher_may_send_messages() -> None:
    async def play() -> None:
        async with session() as found:
            found.engine.dispatcher.watch("lab.job", Watcher())
            reply = await found.run("flow filter from:watch.sh and lab.job")
            assert len(reply.text.splitlines()) == 1

    asyncio.run(play())


def test_a_console_that_has_seen_nothing_knows_the_standard_messages() -> None:
    async def play() -> None:
        async with session() as found:
            reply = await found.run("flow on call.* and called=99 or chan.dtmf and text=1")
            assert len(reply.text.splitlines()) == 1

    asyncio.run(play())


def _pass(message: Message) -> bool:
    return False
