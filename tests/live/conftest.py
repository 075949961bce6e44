"""Fixtures of the live tests: a place to run shells in, and reproducible random numbers."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminals import ROUTER, Place


@pytest.fixture
def place() -> Iterator[Place]:
    """A configuration with one script that routes calls, ``route.sh``.

    Its path is short, so that output with it fits on a line.
    """
    with tempfile.TemporaryDirectory(prefix="y") as path:
        place = Place(Path(path))
        place.script("route.sh", ROUTER)
        yield place
        place.close()


@pytest.fixture
def dice() -> random.Random:
    """Random numbers that are the same in each run."""
    return random.Random(20261123)
