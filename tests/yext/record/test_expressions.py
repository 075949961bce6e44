"""The regular expressions of filters mean what they mean in Python; mistakes have a column."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yext.errors import PatternError
from yext.record.expressions import regex

_PIECES = ["a", "b", "1", ".", "^", "$", "(", ")", "(?:", "|", "*", "+", "?", "{2}", "{0,2}",
           "{1,}", "[ab]", "[^a]", "[a-c1]", r"\d", r"\w", r"\S", r"\.", r"[\d.]"]  # fmt: skip


@settings(deadline=None, max_examples=500)
@given(st.lists(st.sampled_from(_PIECES), max_size=9).map("".join), st.text("abc1. ", max_size=9))
def test_expressions_mean_what_they_mean_in_python(pattern: str, text: str) -> None:
    try:
        made = regex(pattern)
        python = re.compile(pattern, re.ASCII | re.DOTALL)
    except (PatternError, re.error):
        return
    assert made(text) is (python.search(text) is not None)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^[[:alpha:]]+$", "sip", True),
        ("^[[:alpha:]]+$", "s1p", False),
        ("^[^[:alnum:]_.]$", "/", True),
        ("^[[:digit:]a-f]+$", "12ef", True),
        ("[[:space:]]", "a b", True),
        ("[[:punct:]]", "ab", False),
        ("^[:a]+$", "a:a", True),
        ("^[[.]$", "[", True),
    ],
)
def test_classes_of_posix(pattern: str, text: str, found: bool) -> None:
    assert regex(pattern)(text) is found


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_an_expression_or_a_mistake_with_its_place(pattern: str) -> None:
    try:
        regex(pattern)("some text")
    except PatternError as error:
        assert 0 <= error.column <= len(pattern)


@pytest.mark.parametrize(
    ("pattern", "column", "text"),
    [
        ("a(b", 1, "this is not closed"),
        ("ab)", 2, "nothing to close here"),
        ("*a", 0, "nothing to repeat here"),
        ("(|*)", 2, "nothing to repeat here"),
        ("a**", 2, "nothing to repeat here"),
        ("{2}", 0, "nothing to repeat here"),
        ("[ab", 0, "this is not closed"),
        ("[b-a]", 3, "this range is empty"),
        (r"a[\D]", 2, "not understood in brackets"),
        ("a[[:alpah:]]", 2, "[:alpah:] is no class of characters"),
        ("a\\", 1, "nothing follows the backslash"),
        (r"a\1", 1, r"\1 is not understood"),
        ("(?=a)", 1, "only (…) and (?:…) are understood"),
        ("a{3,2}", 1, "the second number is less than the first"),
    ],
)
def test_mistakes_have_a_column(pattern: str, column: int, text: str) -> None:
    with pytest.raises(PatternError) as caught:
        regex(pattern)
    assert (caught.value.column, caught.value.text) == (column, text)
