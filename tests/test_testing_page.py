"""docs/testing.md: each test in it is run, on the samples."""

import re
from pathlib import Path

import pytest

pytest_plugins = "pytester"

ROOT = Path(__file__).parents[1]

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "testing.md").read_text("utf-8"), re.S)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: re.findall(r"test_\w+", block)[0])
def test_an_example_passes(pytester: pytest.Pytester, block: str) -> None:
    pytester.makeini(f"[pytest]\nyext_scripts = {ROOT}/samples/scripts\n")
    pytester.makepyfile(block)
    found = pytester.runpytest("-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:anyio")
    outcomes = found.parseoutcomes()
    assert set(outcomes) == {"passed"}
