"""What the live tests share: a place to run shells in, and dice that fall alike each time."""

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

    Its path is short, so that what is shown of it fits the line.
    """
    with tempfile.TemporaryDirectory(prefix="y") as path:
        place = Place(Path(path))
        place.script("route.sh", ROUTER)
        yield place
        place.close()


@pytest.fixture
def dice() -> random.Random:
    """The same dice in each run."""
    return random.Random(20261123)
