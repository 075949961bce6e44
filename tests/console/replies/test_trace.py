"""Messages of the flow as text, at given widths."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from yext.console.replies.trace import Style, columns, cut, draw_journey, draw_line
from yext.record.journey import Change, Journey, Step, StepResult


def _journey(outcome: str, params: Mapping[str, str] = {"callto": "a b"}) -> Journey:
    return Journey(
        number=420, when=0.0, name="call.execute", sender="engine", params=params,
        steps=[Step("ivr.php 1", 100, 10.04, StepResult(outcome),
                    (Change("x", "1", None),), "other"),
               Step("regexroute", 110, result=StepResult.NOT_ASKED)],
        took=10.04, parent=418, watchers=("cdr.py",), after={"callto": "a b"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("timed out", "! ivr.php 1 timed out after 10.0 s"),
        ("late", "! ivr.php 1 answered late, after 10.0 s"),
        ("gone", "! ivr.php 1 went away after 10.0 s"),
        ("passed", "· nobody 10.0 s"),
    ],
)
def test_how_it_ended_is_in_words(outcome: str, words: str) -> None:
    assert words in draw_line(_journey(outcome), Style(unicode=True))
    assert draw_line(_journey(outcome), Style()).isascii()
    coloured = draw_line(_journey(outcome), Style(unicode=True, color=True))
    assert re.sub(r"\x1b\[\d+m", "", coloured) == draw_line(_journey(outcome), Style(unicode=True))


def test_a_story_without_more_than_ascii() -> None:
    lines = draw_journey(_journey("late"), Style())
    assert all(one.isascii() for one in lines)
    assert "within #418   late: ivr.php 1, 10.0 s" in lines[0]
    assert lines[3].endswith("10.0 s  late       name -> other   - x=1")
    assert lines[4].split() == ["110", "regexroute", "-", "not", "asked"]
    assert lines[5] == "  watched by cdr.py"


def test_lines_are_cut_to_the_width_and_made_safe() -> None:
    journey = _journey("passed", {"callto": "\x1b[31m" + "長" * 100, "b": "x" * 100000})
    for width in (40, 80, 81, 200):
        shown = draw_line(journey, Style(width, unicode=True))
        assert columns(shown) <= width
        assert shown.endswith("…")
        assert "\x1b" not in shown
    assert cut("長長長", 5, "…") == "長長…"
    assert cut("e\u0301e\u0301", 2, "…") == "e\u0301e\u0301"


def test_parameters_are_seen_on_a_narrow_terminal() -> None:
    nobody = Journey(
        418, 0.0, "call.route", "console", {"caller": "40", "called": "12"}, took=0.0005
    )
    shown = draw_line(nobody, Style(80, unicode=True)).partition("console")[2]
    assert " ".join(shown.split()) == "· nobody 0.5 ms caller=40 called=12"


@pytest.mark.parametrize(
    ("width", "end"),
    [
        (200, "console ✓ route.py 1 1.9 ms → sip/99@10.0.0.2 caller=40 called=99 a=b"),
        (100, "console ✓ route.py 1 1.9 ms → sip/99@10.0… caller=40 called=99 …"),
        (92, "console ✓ route.py 1 1.9 ms → sip/… caller=40 called=99 …"),
        (84, "console ✓ route.py 1 1.9 ms caller=40 called=99 …"),
        (60, "call.route ✓ route.py 1 1.9 ms caller=40 …"),
        (40, "call.route ✓ route.py 1 1…"),
    ],
)
def test_what_a_message_is_about_goes_before_what_was_returned(width: int, end: str) -> None:
    journey = Journey(
        418, 0.0, "call.route", "console", {"caller": "40", "called": "99", "a": "b"},
        steps=[Step("route.py 1", 50, 0.0019, StepResult.HANDLED)], handled=True, took=0.0019,
        retvalue="sip/99@10.0.0.2",
    )  # fmt: skip
    shown = draw_line(journey, Style(width, unicode=True))
    assert columns(shown) <= width
    assert shown.startswith(("01:00:00", "00:00:00"))
    assert " ".join(shown.split()).endswith(end)


def test_a_story_goes_on_below_what_it_says() -> None:
    changed = tuple(Change(f"param{at}", None, "value") for at in range(3))
    journey = Journey(
        418, 0.0, "call.execute", "console", {f"param{at}": "value" for at in range(5)},
        steps=[Step("route.py", 50, 0.0019, StepResult.HANDLED, changed)],
        handled=True, took=0.0019,
        watchers=("cdr.py", "count.sh 60"),
    )  # fmt: skip
    wide = draw_journey(journey, Style(unicode=True))
    assert wide[1] == "  sent  param0=value param1=value param2=value param3=value param4=value"
    narrow = draw_journey(journey, Style(60, unicode=True))
    assert max(map(columns, narrow)) <= 60
    assert narrow[1].startswith("    handled in 1.9 ms")
    assert narrow[2:6] == [
        "  sent  param0=value param1=value param2=value param3=value",
        "        param4=value",
        "  prio  handler   took    result   changed",
        "    50  route.py  1.9 ms  handled  + param0=value",
    ]
    assert narrow[6] == " " * 35 + "+ param1=value"
    tiny = draw_journey(journey, Style(40, unicode=True))
    assert "        + param0=value   + param1=value" in tiny
    assert " ".join(" ".join(tiny).split()) == " ".join(" ".join(wide).split())
