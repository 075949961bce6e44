"""Matches and groups are those of the C library, which is asked for each expression and text."""

import locale
import random
from collections.abc import Iterator

import pytest

from tests.yext.patterns.libc import LibcRegex
from yext.errors import PatternError
from yext.patterns.graph import Expression
from yext.patterns.groups import find_groups
from yext.patterns.tree import DEEPEST

BASIC = (
    "a", "b", "c", ".", "*", r"\(", r"\)", r"\|", r"\{1,2\}", r"\{2\}", r"\{0,1\}", r"\{,2\}",
    r"\{1,\}", r"\+", r"\?", "^", "$", "[ab]", "[^a]", "[a-c]", "[[:alpha:]]", r"\w", r"\b", r"\>",
    r"\d", "+", "?", "{", "}", "(", ")", "|", "[]]", "[a-]", "A", r"\.", r"\*", r"\B", r"\`", r"\'",
    "[[:upper:]]", "[[.a.]-b]", "[A-b]", r"\{0\}", r"\W", r"\s", "[[=a=]]", "[a-c-e]", "[b-a]", "[",
    "[[:no:]]", r"\{2,1\}", r"\{a", "\\",
)  # fmt: skip
EXTENDED = (
    "a", "b", "c", ".", "*", "(", ")", "|", "{1,2}", "{2}", "{0,1}", "{,2}", "{1,}", "+", "?", "^",
    "$", "[ab]", "[^a]", "[a-c]", "[[:alpha:]]", r"\w", r"\b", r"\>", r"\d", r"\+", r"\?", "{", "}",
    r"\(", r"\)", r"\|", "[]]", "[a-]", "A", r"\.", r"\*", r"\B", "[[:upper:]]", "{0}", "{a",
    "[Z-a]",
)  # fmt: skip
TEXTS = "aaabbc A"
SEEDS = range(12)
EXPRESSIONS = 60


@pytest.fixture(autouse=True)
def _c_locale() -> Iterator[None]:
    """Yate runs in the C locale."""
    before = locale.setlocale(locale.LC_ALL)
    locale.setlocale(locale.LC_ALL, "C")
    yield
    locale.setlocale(locale.LC_ALL, before)


def pieces(source: random.Random, extended: bool) -> str:
    """A random row of pieces, often wrong."""
    choice = EXTENDED if extended else BASIC
    return "".join(source.choice(choice) for _ in range(source.randint(1, 6)))


def nested(source: random.Random, extended: bool, depth: int = 0) -> str:
    """A random expression with groups, alternatives and repetitions, always right."""
    opening, closing, either, more, maybe, twice = (
        ("(", ")", "|", "+", "?", "{1,2}")
        if extended
        else (r"\(", r"\)", r"\|", r"\+", r"\?", r"\{1,2\}")
    )
    found = ""
    for _ in range(source.randint(1, 2)):
        if depth > 1 or source.random() < 0.5:
            found += source.choice("aab.") + source.choice(("", "", "*", more, maybe, twice))
        else:
            found += f"{opening}{nested(source, extended, depth + 1)}{closing}"
            # Repeated groups in repeated groups take the library time without end.
            found += source.choice(("", "", "*", more, maybe)) if depth else ""
        if source.random() < 0.25:
            found += either
    return found


def judged(pattern: str, extended: bool, insensitive: bool, texts: list[str]) -> None:
    """Check that both agree on an expression, and on all texts."""
    try:
        library: LibcRegex | None = LibcRegex(pattern, extended, insensitive)
    except ValueError:
        library = None
    try:
        expression: Expression | None = Expression(pattern, extended, insensitive)
    except PatternError:
        expression = None
    assert (expression is None) == (library is None), pattern
    if expression is None or library is None:
        return
    for text in texts:
        found = find_groups(expression, text.upper() if insensitive else text)
        padded = None if found is None else (found + [(-1, -1)] * 10)[:10]
        assert padded == library.groups(text), (pattern, text)


@pytest.mark.parametrize("make", [pieces, nested])
@pytest.mark.parametrize("seed", SEEDS)
def test_random_expressions_match_what_the_library_matches(make, seed: int) -> None:  # type: ignore[no-untyped-def]
    source = random.Random(seed)
    for _ in range(EXPRESSIONS):
        extended, insensitive = source.random() < 0.5, source.random() < 0.3
        pattern = make(source, extended)
        texts = ["".join(source.choices(TEXTS, k=source.randint(0, 6))) for _ in range(6)]
        judged(pattern, extended, insensitive, texts)


RULES = (
    "^99$", r"^00\(.*\)$", r"^0*", r"^\(.\)\(.\)\(.\)$", r"^\([0-9]*\)@\(.*\)$", ".....*", "",
    r"^\(00\|+\)\([1-9][0-9]*\)$", r"\(a*\)*", r"\(a*\)\+b", r"\(a\|ab\)\(c\|bcd\)\(d*\)", "^$",
    r"^\(\(a\)\(b\)\)*c", r"\(x\)*b", "^[0-9a-f:]*$", "a**", r"^\(a\|\)b\{0,2\}$", r"\(^a\)",
)  # fmt: skip
NUMBERS = (
    "", "99", "0044123", "+4930", "abc", "12@host", "abcd", "aab", "b", "aaab", "ababc", "a:0f",
    "004412345678", "\u00e4",
)  # fmt: skip


@pytest.mark.parametrize("pattern", RULES)
def test_expressions_of_dial_plans_match_what_the_library_matches(pattern: str) -> None:
    judged(pattern, False, False, list(NUMBERS))
    judged(pattern, False, True, list(NUMBERS))


def test_a_back_reference_is_refused() -> None:
    with pytest.raises(PatternError, match="back-references"):
        Expression(r"^\(.\)\1$")


@pytest.mark.parametrize(
    "pattern",
    [r"\(" * (DEEPEST + 1), r"\(a\{200\}\)\{200\}", "a" * 20_001],
    ids=["deep", "braces", "long"],
)
def test_an_expression_that_is_too_large_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        Expression(pattern)


def test_long_expressions_need_no_stack() -> None:
    expression = Expression(r"\|".join(["ab"] * 2000) + "c*" * 2000)
    assert find_groups(expression, "xab") == [(1, 3)]
