"""The line of a plain connection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yext.console.server.lineedit import BEEP, LineEditor
from yext.console.session.secrets import Secrets


def editor(echo: bool = True) -> LineEditor:
    made = LineEditor(10, Secrets())
    made.echo = echo
    made.prompt = "> "
    return made


def typed(line: LineEditor, text: str) -> str:
    return "".join(line.press(key) for key in line.keys(text))


@pytest.mark.parametrize(
    ("keys", "text", "cursor"),
    [
        ("abc", "abc", 3),
        ("abc\x7f", "ab", 2),
        ("ä€\x7f", "ä", 1),
        ("abc\x1b[D\x1b[Dx", "axbc", 2),
        ("abc\x01x", "xabc", 1),
        ("abc\x1b[H\x1b[3~", "bc", 0),
        ("abc\x1b[H\x1b[F!", "abc!", 4),
        ("abc\x15x", "x", 1),
        ("a\x1b[200~b\x1b[201~c", "abc", 3),
        ("\x1bOPx", "x", 1),
        ("\x1b[1;5Cx\x1b[99;99~y", "xy", 2),
    ],
)
def test_keys(keys: str, text: str, cursor: int) -> None:
    for cut in (lambda keys: [keys], list):
        line = editor()
        for piece in cut(keys):
            typed(line, piece)
        assert (line.text, line.cursor) == (text, cursor)


def test_a_lone_escape_costs_no_letter() -> None:
    line = editor()
    typed(line, "\x1b")
    typed(line, "status")
    assert line.text == "status"


def test_an_escape_sequence_without_end_is_bounded() -> None:
    line = editor()
    for _ in range(100):
        typed(line, "\x1b[1111111111")
    assert len(line._pending) < 20


def test_history_keeps_what_was_typed_and_no_password() -> None:
    line = editor()
    for text in ("one", "two", "two", "auth secret", " "):
        typed(line, text)
        line.enter()
    typed(line, "half")
    typed(line, "\x1b[A")
    assert line.text == "two"
    typed(line, "\x1b[A")
    assert line.text == "one"
    assert typed(line, "\x1b[A") == BEEP
    typed(line, "\x1b[B\x1b[B")
    assert line.text == "half"
    assert typed(line, "\x1b[B") == BEEP


def test_no_more_than_so_many_lines_are_kept() -> None:
    line = LineEditor(2, Secrets())
    for number in range(5):
        typed(line, str(number))
        line.enter()
    assert line._history == ["3", "4"]


def test_passwords_are_not_shown() -> None:
    line = editor()
    assert typed(line, "auth sec") == "auth "
    assert typed(line, "ret") == ""
    assert "sec" not in line.shown()
    line = editor()
    assert typed(line, "watch 2 AUTH sec") == "watch 2 AUTH "
    line.enter()
    assert line._history == []


@given(st.text(max_size=60), st.booleans())
def test_anything_typed_shows_nothing_that_a_terminal_obeys(text: str, echo: bool) -> None:
    line = editor(echo)
    out = typed(line, text.replace("\r", "").replace("\n", ""))
    rest = out.replace("\r\x1b[K\r", "").replace("\b", "").replace(BEEP, "")
    assert all(char >= " " and char != "\x7f" for char in rest)
    assert 0 <= line.cursor <= len(line.text)
