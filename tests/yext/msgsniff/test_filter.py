"""Filters of the sniffer without an engine."""

import pytest

from yext import Message
from yext.errors import PatternError
from yext.msgsniff.filter import SniffFilter


def test_a_filter_lists_what_it_was_given() -> None:
    found = SniffFilter("x").changed("filter", "^user^").changed("age", "1.5")
    words = ["any", "negated", "a=1", "b=^2", "on"]
    found = found.with_params(words)
    assert words == ["on"]
    assert list(found.lines()) == [
        "Name: x",
        "Message: [!] ^user age 1.500000",
        "Params [negated,any]",
        "  a: 1",
        "  b: ^2",
    ]


def test_what_is_not_given_is_removed() -> None:
    found = SniffFilter("x", "^user", 2.0, {"a": "1"}, any=True)
    for keyword in ("filter", "age"):
        found = found.changed(keyword, "")
    assert not found.is_empty()
    assert found.with_params([]) == SniffFilter("x")
    assert found.with_params([]).is_empty()
    assert found.changed("age", "soon").age == 0.0


@pytest.mark.parametrize(
    ("expression", "passed"),
    [("", "ab"), ("call", "a"), (r"^\(user\|x\)", "b"), ("call^", "b"), ("^", "")],
)
def test_the_name_is_searched(expression: str, passed: str) -> None:
    compiled = SniffFilter(expression=expression).compile()
    messages = {"a": Message("call.route"), "b": Message("user.auth")}
    assert "".join(key for key, one in messages.items() if compiled.passes(one)) == passed


def test_a_wrong_expression_is_refused() -> None:
    with pytest.raises(PatternError, match="column 1: this is not closed"):
        SniffFilter(params={"a": r"^b", "c": r"^["}).changed("filter", r"\(").compile()
    with pytest.raises(PatternError, match="column 2: this is not closed"):
        SniffFilter(params={"c": "^["}).compile()
