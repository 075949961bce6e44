"""Values of configuration files: integers, booleans, parameters."""

import ctypes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yext import conf

ARBITRARY = settings(max_examples=50, deadline=None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("10000", 10000),
        ("-7", -7),
        ("+7", 7),
        ("0x1F", 31),
        ("-0Xff", -255),
        ("010", 8),
        ("08", None),
        ("0x", None),
        ("0b1", None),
        (" \t 5", 5),
        ("5 ", None),
        ("", None),
        (" ", None),
        ("-", None),
        ("1.5", None),
        ("1_000", None),
        ("١", None),
        ("2147483646", 2147483646),
        ("2147483647", None),
        ("-2147483647", -2147483647),
        ("-2147483648", None),
        ("0" * 5000 + "17", 15),
        ("1" * 5000, None),
    ],
)
def test_parse_int(text: str, value: int | None) -> None:
    assert conf.parse_int(text) == value


@ARBITRARY
@given(st.text(alphabet="0123456789abcdefxX+- \t\n", max_size=14))
def test_parse_int_is_strtol(text: str) -> None:
    libc = ctypes.CDLL(None)
    libc.strtol.restype = ctypes.c_long
    start = ctypes.create_string_buffer(text.encode())
    end = ctypes.c_char_p()
    value = libc.strtol(start, ctypes.byref(end), 0)
    whole = bool(text) and end.value == b"" and bool(text.strip())
    fits = -(2**31) < value < 2**31 - 1
    assert conf.parse_int(text) == (value if whole and fits else None)


@pytest.mark.parametrize("word", ["true", "yes", "on", "enable", "t"])
def test_true_words(word: str) -> None:
    assert conf.parse_bool(word) is True


@pytest.mark.parametrize("word", ["false", "no", "off", "disable", "f"])
def test_false_words(word: str) -> None:
    assert conf.parse_bool(word) is False


@pytest.mark.parametrize("word", ["", "0", "1", "Yes", "NO", " yes", "y"])
def test_no_booleans(word: str) -> None:
    assert conf.parse_bool(word) is None


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("", ""),
        ("plain $x {y}", "plain $x {y}"),
        ("${name}", "value"),
        ("a${name}b${name}c", "avaluebvaluec"),
        ("${ name }", "value"),
        ("${Name}", ""),
        ("${nosuch$other}", "other"),
        ("${nosuch$ a b }", "a b"),
        ("${name$other}", "value"),
        ("${}", ""),
        ("${$only default}", "only default"),
        ("${name} and ${name", "value and ${name"),
        ("${a${name}}", "{name}"),
        ("${dollar}", "${name}"),
        ("${empty$other}", ""),
    ],
)
def test_replace_params(text: str, replaced: str) -> None:
    params = {"name": "value", "dollar": "${name}", "empty": ""}
    assert conf.replace_params(text, params) == replaced
