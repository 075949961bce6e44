"""Command lines from standard input."""

import asyncio
import os

from yext.console.shell.stdin import LineReader


def test_input_that_is_not_read_yet_leaves_the_loop_at_rest() -> None:
    async def play() -> None:
        reading, writing = os.pipe()
        os.write(writing, b"one\ntwo\n")
        reader = LineReader(reading)
        assert await reader.readline() == "one"
        os.write(writing, b"three\n")
        os.close(writing)
        assert not asyncio.get_running_loop().remove_reader(reading), "it is not watched"
        assert [await reader.readline() for _ in range(3)] == ["two", "three", None]
        os.close(reading)

    asyncio.run(play())
