"""Every row runs, so that none breaks unnoticed; only `make bench` judges the results."""

from __future__ import annotations

import asyncio

import pytest

from tests.bench.__main__ import QUICK, ROWS
from tests.bench.beside import beside
from tests.bench.edits import edit_under_load
from tests.bench.result import Line, table
from tests.bench.soak import soak
from tests.bench.target import engine


@pytest.mark.parametrize("row", ROWS)
def test_a_row_runs(row: str) -> None:
    lines = asyncio.run(ROWS[row](QUICK))
    assert lines
    assert table(lines).count("\n") == len(lines)


def test_another_engine_is_measured_beside() -> None:
    async def measure() -> list[Line]:
        async with engine() as other:
            return await beside(other.unix, QUICK)

    assert len(asyncio.run(measure())) == 3


def test_edits_under_load_leave_no_message_unhandled() -> None:
    result = asyncio.run(edit_under_load(5))
    assert len(result.seconds) == 5
    assert set(result.outcomes) == {(1, True)}


def test_a_soak_of_two_seconds_holds() -> None:
    result = asyncio.run(soak(2.0))
    assert result.returned > 0
    assert result.failures == []
