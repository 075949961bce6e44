"""The words of a line, as `shlex` reads them; tests/faults/test_linear.py has what they cost."""

import shlex
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from yext.console.commands.lines.words import split_words


def _words(split: Callable[[str], list[str]], text: str) -> list[str] | None:
    try:
        return split(text)
    except ValueError:
        return None


@given(st.text(alphabet="ab=\"'\\ \t\r\n\x0b\xa0é", max_size=40))
def test_a_line_has_the_words_that_a_shell_reads(text: str) -> None:
    assert _words(split_words, text) == _words(shlex.split, text)
