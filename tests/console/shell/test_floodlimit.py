"""The limit on lines that were not asked for."""

import asyncio

from yext.console.shell.floodlimit import FloodLimit


def test_a_burst_passes_and_the_rest_is_counted_and_reported_once() -> None:
    async def play() -> None:
        reports: list[int] = []
        limit = FloodLimit(reports.append)
        assert all(limit.allows() for _ in range(100))
        assert sum(limit.allows() for _ in range(100)) < 100
        limit.leave_out(1000)
        assert limit.left_out > 1000
        assert reports == []
        limit.flush()
        assert reports == [limit.left_out]
        limit.flush()
        assert reports == [limit.left_out], "nothing more was left out"

    asyncio.run(play())
