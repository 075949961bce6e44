"""The ladder as SVG: well-formed, whatever the texts are."""

import xml.etree.ElementTree as ET

from journeys import call_of, journey
from ladders import HOSTILE, ladder, record

from yext.console.ladder.svg import draw_svg

SVG = "{http://www.w3.org/2000/svg}"


def test_each_arrow_and_each_bar_is_drawn() -> None:
    root = ET.fromstring(draw_svg(ladder(record()), "a call"))
    arrows = [one for one in root.iter(f"{SVG}g") if one.get("class") == "arrow"]
    assert [one.get("data-message") for one in arrows] == [str(n) for n in range(1, 8)]
    assert [one.text for one in root.iter(f"{SVG}text") if one.get("class") == "who"] == [
        "phone/1", "engine", "a.py",
    ]  # fmt: skip
    (bar,) = [one for one in root.iter(f"{SVG}rect") if one.get("class") == "audio"]
    assert bar[0].text == "tone/dial"
    labels = [one[1].text for one in arrows]
    assert labels[5:] == ["chan.dtmf ! timed out a.py 1.0 ms", "call.route ✓ 9 → sip/9 a.py 1.0 ms"]


def test_texts_of_scripts_are_escaped() -> None:
    evil = '</text><script>alert(1)</script>"&' + HOSTILE
    more = journey(9, "chan.dtmf", {"id": "phone/1", "text": evil}, sender=evil, retvalue=evil)
    text = draw_svg(ladder([*call_of("phone/1", "a.py", "a/1"), more]), evil)
    root = ET.fromstring(text)
    assert not list(root.iter(f"{SVG}script"))
    tags = {one.tag.removeprefix(SVG) for one in root.iter()}
    assert tags <= {"svg", "title", "style", "text", "line", "rect", "g", "path"}
    assert all(char.isprintable() or char == "\n" for char in text)
