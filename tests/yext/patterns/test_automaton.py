"""The automaton of regular expressions: its bounds, and time linear in text and expression."""

import gc
import random
import time
from collections.abc import Callable

import pytest

from yext.errors import PatternError
from yext.patterns.automaton import DEEPEST, LONGEST_PATTERN, LONGEST_TEXT, Regex
from yext.record.expressions import regex

RUNS = 5
DOUBLINGS = 3

LETTERS = random.Random(1)
TEXT = "".join(LETTERS.choice("ab") for _ in range(LONGEST_TEXT))
"""A text that takes an automaton with many states through a new one with each character."""


def seconds(pattern: str, text: str) -> float:
    """The least processor time of a match by a new automaton."""
    best = float("inf")
    for _ in range(RUNS):
        made = regex(pattern)
        begin = time.process_time()
        made(text)
        best = min(best, time.process_time() - begin)
    return best


def assert_linear(measure: Callable[[int], float], size: int) -> None:
    """Assert that three doublings take about 8 times as long; the square would be 64 times."""
    gc.disable()
    try:
        small = measure(size)
        assert measure(size << DOUBLINGS) < small * (2 << DOUBLINGS)
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "pattern",
    [
        "(a|b)*a(a|b){20}$|x",
        "(a|b)*a(a|b){20}x",
        "(a+)+$|x",
        "(a|aa)+x",
        "((a|b)*)*x",
        ".*.*.*.*.*=.*",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
    ],
)
def test_the_time_is_linear_in_the_length_of_the_text(pattern: str) -> None:
    assert_linear(lambda size: seconds(pattern, TEXT[:size]), LONGEST_TEXT >> DOUBLINGS)


@pytest.mark.parametrize(
    "pattern_of",
    [
        lambda size: "a?" * size + "a" * size,
        lambda size: "(a|b)*a" + "(a|b)" * size + "x",
        lambda size: f"(a|b)*a(a|b){{{size}}}x",
        lambda size: "(" + "|".join("ab"[n % 2] * 3 for n in range(size)) + ")+x",
    ],
)
def test_the_time_is_linear_in_the_length_of_the_expression(
    pattern_of: Callable[[int], str],
) -> None:
    assert_linear(lambda size: seconds(pattern_of(size), TEXT[:256]), 5)


@pytest.mark.parametrize(
    ("pattern", "column", "text"),
    [
        ("x" * (LONGEST_PATTERN + 1), LONGEST_PATTERN, f"more than {LONGEST_PATTERN} characters"),
        ("(((a{9}){9}){9}){9}", 12, "the expression is too large from here on"),
        ("(" * (DEEPEST + 1), DEEPEST, f"more than {DEEPEST} open at once"),
    ],
)
def test_expressions_are_bounded(pattern: str, column: int, text: str) -> None:
    with pytest.raises(PatternError) as caught:
        regex(pattern)
    assert (caught.value.column, caught.value.text) == (column, text)
    assert regex("x" * LONGEST_PATTERN)("x" * LONGEST_PATTERN)


def test_the_start_of_a_long_text_is_looked_at() -> None:
    assert regex("x")("a" * (LONGEST_TEXT - 1) + "x")
    assert not regex("x")("a" * LONGEST_TEXT + "x")
    assert regex("^a*$")("a" * LONGEST_TEXT)
    assert not regex("^a*$")("a" * (LONGEST_TEXT + 1)), "its end was not seen"


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yext.patterns.automaton.MOST_KEPT", 500)
    made = regex("(a|b)*a(a|b){9}$")
    forgotten: list[None] = []
    forget = Regex._forget

    def counted(self: Regex) -> None:
        forgotten.append(None)
        forget(self)

    monkeypatch.setattr(Regex, "_forget", counted)
    for begin in range(0, 900, 10):
        text = TEXT[begin : begin + 100]
        assert made(text) is (text[-10] == "a")
    assert forgotten


def test_any_character_is_taken() -> None:
    made = regex("^[^x]*$")
    for start in range(0x100, 0x6000, 900):
        assert made("".join(map(chr, range(start, start + 900))))
    assert made(b"\xff\x80".decode("utf-8", "surrogateescape"))
    assert regex("^.\udc80$")("\udcff\udc80")
