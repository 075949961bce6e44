"""The pytest plugin for authors of scripts: a real engine, driven from plain test functions.

Installing yext makes it available. A test takes the fixture `yext_engine`, a `TestBench`:

    def test_route(yext_engine):
        yext_engine.start("/srv/scripts/route.py")
        yext_engine.wait_handler("call.route")
        answer = yext_engine.dispatch("call.route", called="99")
        assert answer.handled and answer.retvalue == "sip/99@10.0.0.2"

The fixture `yext_config` is its configuration directory, which is empty. To put files there,
override that fixture in the test module or in conftest.py:

    @pytest.fixture
    def yext_config(tmp_path):
        (tmp_path / "extmodule.conf").write_text("[general]\\nscripts_dir=/srv/scripts/\\n")
        return tmp_path

The engine is imported with the first test that uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yext.testing.bench import TestBench


@pytest.fixture
def yext_config(tmp_path: Path) -> Path:
    """The configuration directory of the test's engine, empty unless overridden."""
    directory = tmp_path / "yext-conf"
    directory.mkdir()
    return directory


@pytest.fixture
def yext_engine(yext_config: Path) -> Iterator[TestBench]:
    """A started engine, which is stopped with all its scripts at the end of the test."""
    from yext.testing.bench import TestBench

    bench = TestBench(yext_config)
    try:
        yield bench
    finally:
        bench.close()
