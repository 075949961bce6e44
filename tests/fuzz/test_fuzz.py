"""Each target takes its corpus, and some thousand inputs that are like it."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import LONGEST, TARGETS

CORPORA = Path(__file__).parent / "corpora"
INPUTS = 1000


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_and_inputs_like_it(name: str) -> None:
    seeds = [path.read_bytes() for path in sorted((CORPORA / name).iterdir())]
    assert seeds
    for data in (*seeds, *islice(mutated(random.Random(name), seeds, LONGEST), INPUTS)):
        try:
            TARGETS[name](data)
        except Exception as error:
            raise AssertionError(f"{name}: {data!r}") from error
