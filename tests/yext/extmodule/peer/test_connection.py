"""Many lines of one peer: in slices, in order, all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.yext.extmodule.peer.peers import DrivenPeer
from yext import Engine
from yext.extmodule.peer.connection import SLICE

MANY = 10 * len(SLICE) + 1

LINES = "".join(f"%%>install:{number % 100}:job.{number}\n" for number in range(MANY)).encode()


def installed(peer: DrivenPeer) -> int:
    return peer.line.written.count(b"%%<install:")


async def after(end: Callable[[DrivenPeer], object]) -> tuple[int, int]:
    """Return how many lines were answered at once and after the end of the connection."""
    async with Engine() as engine:
        peer = DrivenPeer(engine)
        peer.connection.data_received(LINES[: len(LINES) // 2])
        at_once = sum(len(line.split()) for line in peer.peer.outgoing or ())
        peer.connection.data_received(LINES[len(LINES) // 2 :])
        assert not peer.line.reading
        end(peer)
        for _ in range(2 * MANY // len(SLICE)):
            await asyncio.sleep(0)
        peer.connection.flush()
        return at_once, installed(peer)


@pytest.mark.parametrize(
    "end",
    [
        lambda peer: None,
        lambda peer: peer.connection.eof_received(),
        lambda peer: peer.connection.resume_writing(),
    ],
    ids=["stays", "ends", "has caught up"],
)
def test_lines_are_taken_in_slices_and_none_is_lost(end: Callable[[DrivenPeer], object]) -> None:
    assert asyncio.run(after(end)) == (len(SLICE), MANY)


def test_lines_that_came_before_the_connection_was_lost_are_carried_out() -> None:
    async def names() -> set[str]:
        async with Engine() as engine:
            heard = set[str]()
            engine.install("job", lambda message: heard.add(message["n"]) or True)
            peer = DrivenPeer(engine)
            lines = (f"%%>message:{number}:0:job::n={number}\n" for number in range(MANY))
            peer.connection.data_received("".join(lines).encode())
            peer.connection.connection_lost(None)
            for _ in range(MANY):
                await asyncio.sleep(0)
            return heard

    assert len(asyncio.run(names())) == MANY


def test_the_lines_of_others_come_between() -> None:
    async def order() -> list[str]:
        async with Engine() as engine:
            heard: list[str] = []
            engine.install("job", lambda message: heard.append(message["from"]) or True)
            first, second = DrivenPeer(engine), DrivenPeer(engine)
            first.connection.data_received(b"%%>message:1:0:job::from=first\n" * MANY)
            second.connection.data_received(b"%%>message:1:0:job::from=second\n")
            while "second" not in heard:
                await asyncio.sleep(0)
            return heard

    heard = asyncio.run(order())
    assert heard.index("second") <= 2 * len(SLICE)


def test_a_peer_that_is_left_in_the_middle_is_read_no_more() -> None:
    async def count() -> int:
        async with Engine() as engine:
            peer = DrivenPeer(engine)
            peer.connection.data_received(b"%%>quit\n".join([LINES[:100], LINES]))
            await asyncio.sleep(0)
            return len(engine.dispatcher.handlers())

    assert asyncio.run(count()) < MANY
