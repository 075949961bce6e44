"""Wildcards and regular expressions: right, and never slow."""

import re
import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yext.errors import FilterError
from yext.record.patterns import LONGEST_PATTERN, LONGEST_TEXT, Regex, wildcard


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("call.*", "call.route", True),
        ("call.*", "callxroute", False),
        ("call.*", "call.", True),
        ("*", "", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a*a", "a", False),
        ("*a*b*c*", "xxaxxbxxcxx", True),
        ("*a*b*c*", "xxcxxbxxaxx", False),
        ("a*bc", "abcbc", True),
        ("[1]", "[1]", True),
        ("[1]*", "1", False),
        ("a\nb*", "a\nbc\nd", True),
    ],
)
def test_wildcard(pattern: str, text: str, fits: bool) -> None:
    assert wildcard(pattern)(text) is fits


@settings(deadline=None)
@given(st.text("ab*?.", max_size=8), st.text("ab.", max_size=12))
def test_wildcards_are_those_of_the_shell(pattern: str, text: str) -> None:
    assert wildcard(pattern)(text) is fnmatchcase(text, pattern)


_PIECES = ["a", "b", "1", ".", "^", "$", "(", ")", "(?:", "|", "*", "+", "?", "{2}", "{0,2}",
           "{1,}", "[ab]", "[^a]", "[a-c1]", r"\d", r"\w", r"\S", r"\.", r"[\d.]"]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=9).map("".join), st.text("abc1. ", max_size=9))
def test_expressions_mean_what_they_mean_in_python(pattern: str, text: str) -> None:
    try:
        regex = Regex(pattern)
        python = re.compile(pattern, re.ASCII | re.DOTALL)
    except (FilterError, re.error):
        return
    assert regex(text) is (python.search(text) is not None)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_an_expression_or_a_mistake_with_its_place(pattern: str) -> None:
    try:
        Regex(pattern)("some text")
    except FilterError as error:
        assert 0 <= error.column <= len(pattern)


@pytest.mark.parametrize(
    ("pattern", "column", "text"),
    [
        ("a(b", 1, "this is not closed"),
        ("ab)", 2, "nothing to close here"),
        ("*a", 0, "nothing to repeat here"),
        ("a**", 2, "nothing to repeat here"),
        ("{2}", 0, "nothing to repeat here"),
        ("[ab", 0, "this is not closed"),
        ("[b-a]", 3, "this range is empty"),
        ("a\\", 1, "nothing follows the backslash"),
        (r"a\1", 1, r"\1 is not understood"),
        ("(?=a)", 1, "only (…) and (?:…) are understood"),
        ("a{3,2}", 1, "the second number is less than the first"),
        ("x" * (LONGEST_PATTERN + 1), LONGEST_PATTERN, f"more than {LONGEST_PATTERN} characters"),
    ],
)
def test_mistakes_are_told_with_their_place(pattern: str, column: int, text: str) -> None:
    with pytest.raises(FilterError) as caught:
        Regex(pattern)
    assert (caught.value.column, caught.value.text) == (column, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * LONGEST_TEXT + "b"),
        ("(a|aa)+$", "a" * LONGEST_TEXT + "b"),
        ("(a|a)*b", "a" * LONGEST_TEXT),
        ("a?" * 40 + "a" * 40, "a" * 40),
        (".*.*.*.*.*=.*", "x" * LONGEST_TEXT),
        ("(.*)*(.*)*(.*)*x", "y" * LONGEST_TEXT),
        ("^(([a-z])+.)+[A-Z]([a-z])+$", "a" * LONGEST_TEXT),
    ],
)
def test_no_expression_takes_long(pattern: str, text: str) -> None:
    """Each of these keeps a backtracking engine busy for longer than anybody waits."""
    regex = Regex(pattern)
    before = time.process_time()
    regex(text)
    assert time.process_time() - before < 1


def test_copies_are_bounded() -> None:
    with pytest.raises(FilterError, match="too large"):
        Regex("(((a{9}){9}){9}){9}")


def test_only_so_much_of_a_text_is_looked_at() -> None:
    regex = Regex("x")
    assert regex("a" * (LONGEST_TEXT - 1) + "x")
    assert not regex("a" * LONGEST_TEXT + "x")


def test_any_character_is_taken_and_what_is_kept_is_bounded() -> None:
    regex = Regex("^[^x]*$")
    for start in range(0x100, 0x6000, 900):
        assert regex("".join(map(chr, range(start, start + 900))))
    assert len(regex._next) <= 4096
