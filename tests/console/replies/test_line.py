"""The line of a message: what it has at which width, and what goes first."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from yext.console.replies.line import GIVEN_UP, LAYOUTS, draw_line
from yext.console.replies.trace import Style, columns
from yext.record.journey import Journey, Step, StepResult

ROUTE = {"caller": "40", "called": "99"}
ANSWER = "sip/99@10.0.0.2"
LONG = "sip/0040721234567@10.20.30.40:5060"
WIDTHS = (60, 80, 100, 140)


def message(
    params: Mapping[str, str] = ROUTE,
    result: StepResult = StepResult.HANDLED,
    name: str = "call.route",
    by: str = "route.py 99",
    retvalue: str = "",
    **more: object,
) -> Journey:
    steps = [Step(by, 50, 10.04 if result is not StepResult.HANDLED else 0.0019, result)]
    facts = {"number": 418, "when": 0.2074, "sender": "console", "took": 0.0019} | more
    return Journey(
        name=name, params=params, steps=steps, handled=result is StepResult.HANDLED,
        retvalue=retvalue, **facts,  # type: ignore[arg-type]
    )  # fmt: skip


def drawn(journey: Journey, width: int, *, unicode: bool = True) -> str:
    """The line without its hour, which depends on where the tests run."""
    shown = draw_line(journey, Style(width, unicode=unicode))
    assert not width or columns(shown) <= width
    return re.sub(r"^\d\d:", "HH:", shown)


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (60, "HH:00:00 #418 call.route   ✓ route.py → sip/99@10.0.0.2 …"),
        (
            80,
            "HH:00:00.207 #418 call.route   ✓ route.py 1.9 ms → sip/99@10.0.0.2 called=99 …",
        ),
        (
            100,
            "HH:00:00.207 #418 call.route   console  ✓ route.py  1.9 ms → sip/99@10.0.0.2"
            " caller=40 called=99",
        ),
        (
            140,
            "HH:00:00.207 #418 call.route     console      ✓ route.py 99     1.9 ms"
            " → sip/99@10.0.0.2              caller=40 called=99",
        ),
    ],
)
def test_the_answer_of_a_route_is_whole_at_every_width(width: int, shown: str) -> None:
    assert drawn(message(retvalue=ANSWER), width) == shown


PARAMETERS = ("the parameters that are not important", "all but the foremost", "the parameters")

WHAT_GOES = [
    (
        PARAMETERS[0],
        140,
        15,
        {"caller": "40", "called": "99", "x": "y" * 80, "z": ""},
        "called=99 x=y",
        "z=",
    ),
    (PARAMETERS[1], 100, 16, ROUTE, "called=99 …", "caller="),
    (PARAMETERS[2], 80, 13, ROUTE, "1.9 ms → aaaaaaaaaaaaa …", "called="),
    ("the sender", 100, 34, ROUTE, ".207", "console"),
    ("the milliseconds of the time", 80, 22, ROUTE, "#418 call.route  ", ".207"),
    ("the alignment", 80, 25, ROUTE, "1.9 ms", "  "),
    ("the duration", 80, 28, ROUTE, "regexroute-long", " ms"),
    ("the end of the handler's name", 60, 16, ROUTE, "call.route", "regexroute-long"),
    ("the end of the message's name", 57, 20, ROUTE, "HH:00:00", "call.route"),
    ("the time", 40, 12, ROUTE, "#418 call.ro…", "HH"),
]
"""What goes, at which width, for an answer of how many characters, and what is kept."""


def test_each_rule_has_a_row() -> None:
    rows = [row[0] for row in WHAT_GOES]
    assert rows == [*PARAMETERS, *(name for name, _ in GIVEN_UP)]
    assert {row[1] for row in WHAT_GOES} >= set(WIDTHS)
    assert [one.least for one in LAYOUTS] == [140, 100, 80, 0]


@pytest.mark.parametrize(
    ("width", "answer", "params", "kept", "gone"),
    [pytest.param(*row[1:], id=row[0]) for row in WHAT_GOES],
)
def test_what_goes_before_the_answer(
    width: int, answer: int, params: dict[str, str], kept: str, gone: str
) -> None:
    shown = drawn(message(params, by="regexroute-long", retvalue="a" * answer), width)
    assert f"→ {'a' * answer} " in shown, "the answer is whole"
    assert shown.endswith(" …"), "and something was left out"
    assert kept in shown
    assert gone not in shown


def test_an_answer_that_has_no_room_is_cut_at_its_end() -> None:
    for width in WIDTHS:
        shown = drawn(message(retvalue="a" * 500), width)
        assert shown.endswith("a… …")
        assert shown.count("a") >= width * 2 // 5 - 2


def test_columns_stand_still() -> None:
    several = [
        message(retvalue=ANSWER, number=7),
        message({"username": "b"}, StepResult.PASSED, "user.auth", depth=1, number=123),
        message(retvalue="-", took=0.1234),
        message(retvalue="-", took=0.0123),
        message({"called": "1"}, StepResult.TIMED_OUT, "call.execute"),
        message({"id": "1"}, StepResult.PASSED, "x", took=10.04),
    ]
    for width in (*WIDTHS, 0):
        lines = [drawn(one, width) for one in several]
        assert len({line.index(one) for line in lines for one in "✓·!" if one in line}) == 1
        assert len({line.index(" → ") for line in lines if "→" in line}) == 1
        begins = [line.index(key) for line in lines for key in ("username=", "id=") if key in line]
        # At 60 columns a parameter takes the place of an answer that is not there.
        assert len(set(begins)) == 1 + (width == 60)
        assert len({line.index("s →") for line in lines if " ms →" in line}) <= 1


def test_parameters_take_the_place_of_an_answer_that_is_not_there() -> None:
    shown = drawn(message(result=StepResult.PASSED), 80)
    assert shown == "HH:00:00.207 #418 call.route   · nobody   1.9 ms caller=40 called=99"
    shown = drawn(message({"called": "99"}, StepResult.PASSED), 80)
    assert shown.index("called=") == drawn(message(retvalue=ANSWER), 80).index("called=")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_sign_stands_where_parameters_were_left_out(width: int) -> None:
    many = {f"parameter{at}": "value" for at in range(14)}
    for result in (StepResult.HANDLED, StepResult.PASSED, StepResult.TIMED_OUT):
        for retvalue in ("", ANSWER, "a" * 300):
            journey = message(many, result, retvalue=retvalue)
            assert drawn(journey, width).endswith(" …")
            assert drawn(journey, width, unicode=False).endswith(" ...")
    assert "…" not in drawn(message({"called": "99"}, retvalue=ANSWER), 80)
    assert "…" not in drawn(message(many), 0)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (StepResult.TIMED_OUT, "! ivr.php  timed out 10.0 s"),
        (StepResult.LATE, "! ivr.php  answered late 10.0 s"),
        (StepResult.GONE, "! ivr.php  went away 10.0 s"),
        (StepResult.UNREACHABLE, "! ivr.php  unreachable 10.0 s"),
        (StepResult.PASSED, "· nobody   10.0 s"),
    ],
)
def test_how_it_ended_is_in_words(result: StepResult, words: str) -> None:
    journey = message(result=result, by="ivr.php 1", took=10.04)
    assert words in drawn(journey, 80)
    assert draw_line(journey, Style(80)).isascii()


def test_colours_only_repeat_what_the_text_says() -> None:
    for result in StepResult:
        journey = message(result=result, retvalue="a", name="x", params={"id": "1"})
        plain, colored = (draw_line(journey, Style(80, True, color)) for color in (False, True))
        assert re.sub(r"\x1b\[\d+m", "", colored) == plain
        codes = set(re.findall(r"\x1b\[(\d+)m", colored))
        assert codes <= {"0", "2", "31", "32"}, "no grey: some themes have it as their background"
        assert "\x1b[2mid=\x1b[0m1" in colored


def test_lines_are_cut_to_any_width_and_made_safe() -> None:
    hostile = {"callto": "\x1b[31m" + "長" * 100, "b\x1b[2J": "x" * 100000, "c d": "\udcff"}
    for result in StepResult:
        journey = message(
            hostile,
            result,
            "長" * 30 + "\n",
            "\x1b]0;x\x07",
            "長\r" * 40,
            depth=50,
            sender="\x1b" * 9,
        )
        for width in range(8, 200):
            for unicode in (False, True):
                assert "\x1b" not in drawn(journey, width, unicode=unicode)
        assert re.fullmatch(r"[^\x00-\x1f\x7f]*", drawn(journey, 0))


def test_a_sender_and_a_handler_have_their_parameters_where_there_is_room() -> None:
    journey = message(sender="ivr.php 17", by="route.py with a long parameter")
    assert "ivr.php 17   ✓ route.py  " in drawn(journey, 140)
    assert "ivr.php  ✓ route.py " in drawn(journey, 100)
    assert "ivr.php 17   ✓ route.py with a long parameter" in drawn(journey, 0)
