"""What is expected compared with what came."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yext.console.transcripts import expected
from yext.console.transcripts.expected import compare_message, compare_reply

ANSWER = ("handled by route.py", "return sip/99", "context=default", "no caller")


@pytest.mark.parametrize(
    "wanted",
    [
        ANSWER,
        tuple(reversed(ANSWER)),
        ("handled", *ANSWER[1:]),
        ("handled by *.py (glob)", "return sip/[0-9]+ (re)", 'context="default"', "no caller"),
        (*ANSWER, "called=99"),
        ("...",),
        ("no caller", "..."),
    ],
)
def test_a_message_is_as_expected(wanted: Sequence[str]) -> None:
    compared = compare_message(wanted, ANSWER, ["called=99", "return sip/99"])
    assert compared.same, compared.lines


@pytest.mark.parametrize(
    ("wanted", "lines"),
    [
        ((), [f"+ {line}" for line in ANSWER]),
        (("not handled", *ANSWER[1:]), ["- not handled", "+ handled by route.py"]),
        ((ANSWER[0], "return sip/1", *ANSWER[2:]), ["- return sip/1", "+ return sip/99"]),
        ((*ANSWER[:2], "context=other", ANSWER[3]), ["- context=other", "+ context=default"]),
        ((*ANSWER[:2], "no context", ANSWER[3]), ["- no context", "+ context=default"]),
        ((*ANSWER[:3], "caller=1"), ["- caller=1", "+ no caller"]),
        ((*ANSWER, "called=1"), ["- called=1"]),
        ((*ANSWER, "anything"), ["- anything"]),
        (("context=other", "..."), ["- context=other", "+ context=default"]),
        (("called=1", "..."), ["- called=1"]),
        ((*ANSWER[:1], "return ( (re)", *ANSWER[2:]), ["- return ( (re)", "+ return sip/99"]),
    ],
)
def test_a_message_differs(wanted: Sequence[str], lines: list[str]) -> None:
    compared = compare_message(wanted, ANSWER, ["called=99"])
    assert not compared.same
    assert [line for line in compared.lines if line[0] != " "] == lines
    assert compared.kept is not None
    assert compare_message(compared.kept, ANSWER, ["called=99"]).same


def test_patterns_that_fit_are_kept() -> None:
    compared = compare_message(("handled", "return sip/* (glob)", "context=x", "..."), ANSWER)
    assert compared.kept == ["handled", "return sip/* (glob)", "context=default", "..."]


REPLY = ("first", "second", "third")


@pytest.mark.parametrize(
    "wanted",
    [REPLY, ("...",), ("first", "..."), ("...", "third"), ("f* (glob)", "...", "t.{4} (re)")],
)
def test_a_reply_is_as_expected(wanted: Sequence[str]) -> None:
    assert compare_reply(wanted, REPLY).same


@pytest.mark.parametrize(
    ("wanted", "lines", "kept"),
    [
        ((), ["+ first", "+ second", "+ third"], [*REPLY]),
        (("first", "third"), ["  first", "+ second", "  third"], [*REPLY]),
        (
            ("f* (glob)", "other", "second", "..."),
            ["  first", "- other", "  second", "  third", "  ..."],
            ["f* (glob)", "second", "..."],
        ),
        (("third", "second"), ["- third", "+ first", "  second", "+ third"], [*REPLY]),
    ],
)
def test_a_reply_differs(wanted: Sequence[str], lines: list[str], kept: list[str]) -> None:
    assert compare_reply(wanted, REPLY) == (False, lines, kept)


LINES = st.lists(st.sampled_from(["a", "b", "c", "..."]), max_size=6)


@given(LINES, st.lists(st.sampled_from(["a", "b", "c"]), max_size=6))
def test_what_is_kept_fits(wanted: list[str], came: list[str]) -> None:
    compared = compare_reply(wanted, came)
    assert compared.kept is not None
    assert compare_reply(compared.kept, came).same
    assert compared.same is all(line[0] == " " for line in compared.lines)
    if "..." not in wanted:
        assert compared.same is (wanted == came)


def test_very_long_replies_are_compared_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected, "_MOST_ALIGNED", 4)
    assert compare_reply(REPLY, REPLY).same
    assert compare_reply(REPLY, ("first",) * 3).lines[0] == "- first"
