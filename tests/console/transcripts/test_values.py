"""Texts and parameters of a transcript."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yext.console.transcripts import values

TEXTS = st.text(st.characters(max_codepoint=0xDFFF)) | st.text("ab \"'\\\n\t=#\udcff\u2028\x85")
NAMES = st.text("ab-_.#\"'", min_size=1)


@given(TEXTS, st.booleans())
def test_a_text_survives(text: str, ends_line: bool) -> None:
    written = values.written(text, ends_line=ends_line)
    assert values.read(written) == text
    assert len(written.splitlines()) == 1
    written.encode()


@given(st.dictionaries(NAMES, TEXTS))
def test_parameters_survive(params: dict[str, str]) -> None:
    assert values.read_params(values.written_params(params)) == params


@pytest.mark.parametrize(
    ("text", "ends_line", "written"),
    [
        ("sip/99@10.0.0.2", False, "sip/99@10.0.0.2"),
        ("John Doe", False, '"John Doe"'),
        ("John Doe", True, "John Doe"),
        ("", True, '""'),
        (" x", True, '" x"'),
        ("'x", False, '"\'x"'),
        ("ä", False, "ä"),
        ("a\nb\udcff", True, '"a\\nb\\udcff"'),
    ],
)
def test_a_text_is_written_as_plainly_as_possible(text: str, ends_line: bool, written: str) -> None:
    assert values.written(text, ends_line=ends_line) == written


def test_single_quotes_are_read() -> None:
    assert values.read_params("a='x \\n' b= c=\"\"") == {"a": "x \\n", "b": "", "c": ""}


@pytest.mark.parametrize("text", ["a", "a=1 b", 'a="x', "a='x", 'a="x"y', 'a="\\q"', "=1"])
def test_what_is_no_parameter_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        values.read_params(text)
