"""Wildcards: right, and never slow."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yext.patterns.wildcards import wildcard


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
        ("?*", "\udcff", True),
    ],
)
def test_wildcard(pattern: str, text: str, fits: bool) -> None:
    assert wildcard(pattern)(text) is fits


@settings(deadline=None)
@given(st.text("ab*?.", max_size=8), st.text("ab.", max_size=12))
def test_wildcards_are_those_of_the_shell(pattern: str, text: str) -> None:
    assert wildcard(pattern)(text) is fnmatchcase(text, pattern)
