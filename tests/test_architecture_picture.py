"""docs/architecture.svg and the table of rooms in docs/architecture.md agree with the code."""

import itertools
import re

import architecture_picture as picture

from tests import house

PAGE = house.ROOT / "docs" / "architecture.md"

IMPORTS = picture.room_imports(house.imports())

SMALL = {
    "yext.log": [],
    "yext.message": [],
    "yext.wire": ["yext.log", "yext.message"],
    "yext.conf": ["yext.message", "yext.wire"],
    "console.telnet": [],
    "console.cli": ["yext.conf", "console.telnet"],
}
"""A few rooms with their imports."""


def test_the_picture_is_current() -> None:
    assert picture.PICTURE.read_text(encoding="utf-8") == picture.draw(IMPORTS), "run make docs"


def test_the_page_lists_every_room_in_its_order() -> None:
    rows = re.findall(r"^\| `((?:yext|console)\S*)` \|", PAGE.read_text(encoding="utf-8"), re.M)
    rooms = [f"{room.partition('.')[0]}/{picture.label(room)}" for room in house.ROOMS]
    assert rows == rooms[::-1]


def test_an_import_that_follows_from_others_has_no_arrow() -> None:
    assert picture.direct(SMALL)["yext.conf"] == ["yext.wire"]


def test_an_import_of_the_base_has_no_arrow() -> None:
    assert picture.direct(SMALL)["yext.wire"] == ["yext.message"]


def test_every_room_stands_above_those_it_imports() -> None:
    floor = picture.floors(picture.direct(SMALL))
    assert floor == {
        "yext.log": 0, "yext.message": 0, "yext.wire": 1, "yext.conf": 2,
        "console.telnet": 3, "console.cli": 4,
    }  # fmt: skip


def test_a_new_import_changes_the_picture() -> None:
    more = {**SMALL, "console.telnet": ["yext.message"]}
    assert picture.draw(SMALL).count('class="arrow"') == 4
    assert picture.draw(more).count('class="arrow"') == 5


def test_boxes_of_a_floor_do_not_overlap() -> None:
    _, rows = picture.arrange(picture.direct(IMPORTS), picture.floors(IMPORTS))
    for row in rows:
        for left, right in itertools.pairwise(row):
            assert right.x - left.x >= (left.width + right.width) / 2
