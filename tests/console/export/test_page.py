"""The page of `flow save FILE.html`, in a real browser."""

import json
import os
import re
import stat
from pathlib import Path

from browser import Browser
from journeys import call_of, journey

from yext.console.export.formats import writer_for
from yext.console.export.origin import Origin
from yext.console.export.page import draw_page
from yext.record.journey import Change, Journey, Step, StepResult

EVIL = (
    "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>"
    "<!--<script>'\"&\u202e\x1b[2J\udcff javascript:pwned=1"
)


def record() -> list[Journey]:
    late = (
        Step("slow.py", 20, 5.0, StepResult.TIMED_OUT),
        Step("r.py", 50, 0.002, StepResult.HANDLED, (Change("called", "9", "0099"),), "", "sip/9"),
    )
    routed = journey(
        4, "call.route", {"id": "phone/1", "called": "9", "context": "needle"},
        after={"id": "phone/1", "called": "0099", "context": "needle"}, steps=late,
        retvalue="sip/9",
    )  # fmt: skip
    routed.handled = True
    return [
        *call_of("phone/1", "a.py", "a/1"),
        routed,
        journey(5, "database", {"query": "select"}, parent=4, by="sql.py"),
        journey(6, "chan.dtmf", {"id": "phone/1", "targetid": "a/1"}, steps=late[:1]),
        *call_of("phone/2", "b.py", "b/1", 11),
    ]


def evil() -> list[Journey]:
    step = Step(EVIL, 1, 0.1, StepResult.PASSED, (Change(EVIL, EVIL, EVIL),), EVIL, EVIL)
    params = {"id": "phone/1", EVIL: EVIL, "__proto__": EVIL, "7": "7", "billid": EVIL}
    return [
        journey(20, EVIL, params, sender=EVIL, retvalue=EVIL, by=EVIL, steps=(step,)),
        journey(21, "chan.dtmf", {"id": "phone/1", "text": EVIL}, sender=EVIL),
    ]


def save(path: Path, journeys: list[Journey], origin: Origin) -> Path:
    assert writer_for(str(path))(str(path), journeys, origin) == len(journeys)
    return path


ROWS = "[...document.querySelectorAll('#rows tr')].map((one) => one.id)"
LADDERS = "[...document.querySelectorAll('#ladders article:not([hidden])')].map((one) => one.id)"


def test_a_page_is_searched_and_shows_journeys_and_ladders(tmp_path: Path) -> None:
    path = save(tmp_path / "flow.HTML", [*record(), *evil()], Origin(f"alder{EVIL}", EVIL))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with Browser(tmp_path / "profile") as browser:
        browser.open(path)
        every = [f"m{n}" for n in (1, 2, 3, 4, 5, 6, 11, 12, 13, 20, 21)]
        assert browser.evaluate(ROWS) == every
        assert browser.evaluate(LADDERS) == []
        # Searching.
        browser.click("#search")
        browser.type("NEEDLE route")
        assert browser.evaluate(ROWS) == ["m4"]
        assert browser.evaluate("document.querySelector('#count').value") == "1 of 11 messages"
        # A journey.
        browser.click("#m4")
        text = browser.evaluate("document.querySelector('#journey').innerText")
        for part in ("#4 call.route", "slow.py", "timed out", "5.0 s", "- called=9",
                     "+ called=0099", "+ return sip/9", "#5 database"):  # fmt: skip
            assert part in text
        browser.click("#journey a")
        assert "within #4" in browser.evaluate("document.querySelector('#journey').innerText")
        browser.evaluate(
            "document.querySelector('#search').value = '';"
            "document.querySelector('#search').dispatchEvent(new Event('input'))"
        )
        browser.click("#failed")
        assert browser.evaluate(ROWS) == ["m6"]
        browser.click("#failed")
        # The ladder of a call, and the way from an arrow to its message.
        browser.evaluate(
            "document.querySelector('#call').value = '1';"
            "document.querySelector('#call').dispatchEvent(new Event('change'))"
        )
        assert browser.evaluate(LADDERS) == ["call-1"]
        assert browser.evaluate(ROWS) == ["m11", "m12", "m13"]
        browser.click("#call-1 .arrow[data-message='12'] path + path")
        assert browser.evaluate("document.querySelector('#journey h2').innerText") == (
            "#12 call.execute"
        )
        # What scripts have sent is text, wherever it stands.
        for number in (20, 21):
            browser.evaluate(f"choose({number})")
            assert "<script>window.pwned=1</script>" in browser.evaluate(
                "document.querySelector('#journey').innerText"
            )
        assert browser.evaluate("document.querySelectorAll('img, a[href^=javascript]').length") == 0
        assert browser.evaluate("typeof window.pwned") == "undefined"
        assert browser.evaluate("document.title") == (
            f"Messages of alder{EVIL}".replace("\u202e", "\\u202e").replace("\x1b", "\\x1b")
            .replace("\udcff", "\\xff")
        )  # fmt: skip
        # Nothing is loaded from anywhere, and nothing goes wrong.
        urls = [one["params"]["request"]["url"] for one in
                browser.reported("Network.requestWillBeSent")]  # fmt: skip
        assert urls == [path.as_uri()]
        assert browser.reported("Runtime.exceptionThrown", "Log.entryAdded") == []


def test_no_text_of_a_script_ends_an_element() -> None:
    text = "".join(draw_page([*record(), *evil()], Origin(EVIL, EVIL)))
    assert text.count("<script") == text.count("</script>") == 2
    assert "<img" not in text and "<!--" not in text.partition("<body>")[2]
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e\udc80-\udcff]", text)
    data = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert data is not None and json.loads(data[1])["messages"][-1]["params"][0] == [
        "id",
        "phone/1",
    ]


def test_a_page_of_nothing_says_so() -> None:
    assert "0 messages" in "".join(draw_page([], Origin("alder")))


def test_another_ending_is_a_record(tmp_path: Path) -> None:
    path = save(tmp_path / "calls.jsonl", record(), Origin())
    assert len(path.read_text().splitlines()) == 9
