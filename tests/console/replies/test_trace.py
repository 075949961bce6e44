"""Messages of the flow as text, at given widths."""

from __future__ import annotations

import math
from collections.abc import Mapping

from yext.console.replies.trace import Style, columns, cut, draw_journey
from yext.record.journey import Change, Journey, Step, StepResult


def _journey(outcome: str, params: Mapping[str, str] = {"callto": "a b"}) -> Journey:
    return Journey(
        number=420, when=0.0, name="call.execute", sender="engine", params=params,
        steps=[Step("ivr.php 1", 100, 10.04, StepResult(outcome),
                    (Change("x", "1", None),), "other"),
               Step("regexroute", 110, result=StepResult.NOT_ASKED)],
        took=10.04, parent=418, watchers=("cdr.py",), after={"callto": "a b"},
    )  # fmt: skip


def test_a_story_without_more_than_ascii() -> None:
    lines = draw_journey(_journey("late"), Style())
    assert all(one.isascii() for one in lines)
    assert "within #418   late: ivr.php 1, 10.0 s" in lines[0]
    assert lines[3].endswith("10.0 s  late       name -> other   - x=1")
    assert lines[4].split() == ["110", "regexroute", "-", "not", "asked"]
    assert lines[5] == "  watched by cdr.py"


def test_a_message_in_hand_has_no_outcome_yet() -> None:
    journey = Journey(
        3, 0.0, "call.route", "engine", {"called": "1"},
        steps=[Step("cdrbuild", 50, 0.0, StepResult.PASSED), Step("route.js", 80)],
    )  # fmt: skip
    head, *lines = draw_journey(journey, Style())
    assert head.endswith("from engine   waiting for route.js")
    assert lines[-1].split() == ["80", "route.js", "-", "waiting"]


def test_texts_are_cut_by_columns() -> None:
    assert cut("長長長", 5, "…") == "長長…"
    assert cut("e\u0301e\u0301", 2, "…") == "e\u0301e\u0301"
    assert columns("長e\u0301") == 3


def _replied(after: Mapping[str, str], took: float = 0.01) -> list[str]:
    journey = Journey(
        1, 0.0, "call.route", "console", {"caller": "40", "called": "99"},
        took=took, after=after, ended=True,
    )  # fmt: skip
    return draw_journey(journey, Style())[3:]


def test_a_reply_that_repeats_what_was_sent_says_so() -> None:
    assert _replied({"called": "99", "caller": "40"}) == [
        "  reply not handled",
        "  with: unchanged",
    ]
    tracked = {"caller": "40", "called": "99", "handlers": "regexroute:100"}
    assert _replied(tracked)[1] == "  with: unchanged"
    changed = {"caller": "40", "called": "0099"}
    assert _replied(changed)[1] == "  with  caller=40 called=0099"
    assert _replied({}) == ["  reply not handled"]


def test_a_message_of_which_the_end_alone_is_known_is_not_said_to_be_unchanged() -> None:
    same = {"caller": "40", "called": "99"}
    assert _replied(same, took=math.nan)[1] == "  with  caller=40 called=99"


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
