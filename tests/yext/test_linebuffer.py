"""The line buffer: lines however they come, and lines that are too long."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yext.errors import LineTooLongError
from yext.linebuffer import LineBuffer

# What is fed, and the lines that come out.
FEEDS = [
    (b"a\nb\n", ["a", "b"]),
    (b"a\r\nb\r\n", ["a", "b"]),
    (b"a\0b\0", ["a", "b"]),
    (b"\n\n\r\n\0a\n", ["a"]),
    (b"a\r\r\n", ["a\r"]),
    (b"a\rb\n", ["a\rb"]),
    (b"unfinished", []),
    (b"\xff\xfe\n", ["\udcff\udcfe"]),
    ("é\n".encode(), ["é"]),
]


@pytest.mark.parametrize(("data", "lines"), FEEDS)
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_lines_are_cut_however_they_come(data: bytes, lines: list[str], size: int) -> None:
    assert _cut(_chunks(data, size), 100) == (lines, False)


def _chunks(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def _cut(chunks: Iterable[bytes], size: int) -> tuple[list[str], bool]:
    """The lines of what was fed, and whether a line was too long in the end."""
    buffer = LineBuffer(size)
    lines: list[str] = []
    try:
        for chunk in chunks:
            buffer.feed(chunk)
            while (line := buffer.next_line()) is not None:
                lines.append(line)
    except LineTooLongError:
        return lines, True
    return lines, False


@pytest.mark.parametrize("text", [b"x" * 99, "é".encode() * 50, b"\xff" * 99])
def test_a_line_of_two_bytes_less_than_the_buffer_is_the_longest(text: bytes) -> None:
    assert _cut([text], 100) == _cut([text + b"\n"], 100) == ([], True)
    assert _cut([text[:98] + b"\n"], 100) == ([text[:98].decode("utf-8", "surrogateescape")], False)


def test_lines_before_one_that_is_too_long_are_handed_out() -> None:
    assert _cut([b"one\n" + b"x" * 200 + b"\n"], 100) == (["one"], True)


def test_what_was_fed_and_not_handed_out_is_counted() -> None:
    buffer = LineBuffer()
    buffer.feed("é\nab\nrest".encode())
    assert buffer.pending() == 3 + 3 + 4
    assert buffer.next_line() == "é"
    assert buffer.pending() == 3 + 4


BYTES = st.binary(max_size=300) | st.lists(
    st.sampled_from([b"%%>message:", b"a", b"\xff", "é".encode(), b"\n", b"\r\n", b"\r", b"\0"])
).map(b"".join)


@given(BYTES, st.integers(min_value=1, max_value=50), st.sampled_from([16, 64, 8192]))
def test_all_at_once_and_bit_by_bit_agree(data: bytes, chunk: int, size: int) -> None:
    whole = _cut([data], size)
    assert _cut(_chunks(data, 1), size) == whole
    assert _cut(_chunks(data, chunk), size) == whole


@given(BYTES, st.sampled_from([16, 8192]))
def test_a_line_is_never_longer_than_allowed_nor_empty(data: bytes, size: int) -> None:
    for line in _cut([data], size)[0]:
        assert 0 < len(line.encode("utf-8", "surrogateescape")) <= size - 2
        assert "\n" not in line
        assert "\0" not in line
