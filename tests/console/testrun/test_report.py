"""What is printed about transcripts."""

import xml.etree.ElementTree as ElementTree

from yext.console.testrun import report
from yext.console.testrun.result import FileResult, StepResult
from yext.console.transcripts.format import parse

STEPS = parse("x.yext", 'send a b="<&\\u001b>"\nsend c\n').steps

GOOD = FileResult("good.yext", [StepResult(STEPS[1], True, [], [], [], 0.01)], seconds=0.5)
BAD = FileResult(
    "bad.yext",
    [
        StepResult(STEPS[0], False, ["- handled \x1b[31m", "+ not handled"], ["#1 a"], [], 0.25),
        StepResult(STEPS[1], True, [], [], [], 0.0),
    ],
    "a script ended badly\nexit status 3",
    1.0,
)


def test_text() -> None:
    assert list(report.text_lines(GOOD)) == ["ok    good.yext   1 step, 0.50 s"]
    assert list(report.text_lines(BAD)) == [
        "FAIL  bad.yext",
        "",
        'bad.yext:1: send a b="<&\\u001b>"',
        "  - handled \\x1b[31m",
        "  + not handled",
        "",
        "    #1 a",
        "",
        "a script ended badly",
        "exit status 3",
    ]
    assert report.summary([GOOD, BAD]) == "2 transcripts, 1 failed, 1.50 s"
    assert report.summary([GOOD]) == "1 transcript ok, 0.50 s"


def test_tap() -> None:
    lines = list(report.tap_lines([GOOD, BAD]))
    assert lines[:5] == [
        "TAP version 14",
        "1..2",
        "ok 1 - good.yext",
        "not ok 2 - bad.yext",
        "  ---",
    ]
    assert "      - handled \\x1b[31m" in lines
    assert lines[-1] == "  ..."


def test_junit() -> None:
    tree = ElementTree.fromstring(report.junit([GOOD, BAD]).encode())
    assert (tree.get("tests"), tree.get("failures")) == ("4", "2")
    good, bad = tree
    assert (good.get("name"), good.get("failures"), good.get("time")) == ("good.yext", "0", "0.500")
    cases = list(bad)
    assert [len(case) for case in cases] == [1, 0, 1]
    failure = cases[0][0]
    assert failure.get("message") == 'bad.yext:1: send a b="<&\\u001b>"'
    assert "- handled" in (failure.text or "")
    assert cases[0].get("name") == 'line 1: send a b="<&\\u001b>"'
