"""The log of refused connections: a line for each kind, then a count."""

import asyncio

import pytest

from yext.access import refusals
from yext.access.refusals import Refusals


def test_the_first_of_a_kind_is_a_line_and_the_others_a_count() -> None:
    async def story() -> None:
        lines: list[str] = []
        log = Refusals(lambda level, text: lines.append(text))
        for number in range(1000):
            log.report("HTTP", f"{number} closed: HTTP")
            log.report("user", f"{number} refused: user")
        assert lines == ["0 closed: HTTP", "0 refused: user"]
        log.flush()
        assert lines[2:] == [
            "The same 999 times more; the last: 999 closed: HTTP",
            "The same 999 times more; the last: 999 refused: user",
        ]
        log.report("HTTP", "next")
        log.flush()
        assert lines[4:] == ["next"]

    asyncio.run(story())


def test_the_count_comes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "REPORT_SECONDS", 0.01)

    async def story() -> None:
        lines: asyncio.Queue[str] = asyncio.Queue()
        log = Refusals(lambda level, text: lines.put_nowait(text))
        for number in range(2):
            log.report("HTTP", str(number))
        async with asyncio.timeout(20):
            assert [await lines.get() for _ in range(2)] == [
                "0", "The same once more; the last: 1",
            ]  # fmt: skip

    asyncio.run(story())


def test_kinds_without_end_take_no_memory_and_few_lines() -> None:
    async def story() -> None:
        lines: list[str] = []
        log = Refusals(lambda level, text: lines.append(text))
        for number in range(10_000):
            log.report(f"kind {number}", f"{number}")
        assert len(lines) == 33
        log.flush()
        assert lines[-1] == "The same 9,967 times more; the last: 9999"

    asyncio.run(story())
