"""Several expressions in one pass match what each of them matches."""

import random
import re

import pytest

from yext.errors import PatternError
from yext.patterns.graph import Expression
from yext.patterns.groups import find_groups
from yext.patterns.several import Several

PIECES = ("a", "b", "c", ".", "*", r"\(a\)", r"\|", r"\+", "^", "$", "[ab]", "[^a]", r"\b", r"\<",
          r"\>", r"\B", "c$", "^a")  # fmt: skip


def expressions(source: random.Random, wanted: int) -> list[Expression]:
    found: list[Expression] = []
    while len(found) < wanted:
        try:
            found.append(Expression("".join(source.choices(PIECES, k=source.randint(1, 6)))))
        except PatternError:
            continue
    return found


@pytest.mark.parametrize("kept", [1 << 19, 200], ids=["kept", "forgotten"])
def test_each_of_many_is_found(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yext.patterns.several.MOST_KEPT", kept)
    source = random.Random(7)
    many = expressions(source, 120)
    several = Several({2 * number: one for number, one in enumerate(many)})
    for _ in range(150):
        text = "".join(source.choices("aaabbc -", k=source.randint(0, 7)))
        found = several(text)
        for number, one in enumerate(many):
            wanted = find_groups(one, text) is not None
            assert bool(found >> 2 * number & 1) is wanted, (one.pattern, text)
        assert found < 1 << 2 * len(many)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yext.patterns.several.MOST_KEPT", 5000)
    several = Several({0: Expression("a.........b")})
    source = random.Random(1)
    for _ in range(200):
        text = "".join(source.choices("ab", k=60))
        assert several(text) == (re.search("a.{9}b", text) is not None)
        assert several.kept <= 5000 + 60 * 30


def test_nothing_to_match_matches_nothing() -> None:
    assert Several({})("abc") == 0
