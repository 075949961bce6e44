"""The ladder as text, at the widths of terminals."""

import pytest
from journeys import journey
from ladders import HOSTILE, ladder, record

from yext.console.ladder.text import draw_ladder, ladder_rows
from yext.console.replies.trace import Style, columns


def rows(lines: list[str]) -> list[str]:
    """The lines between the heading and the notes, without their times."""
    return [line[13:] for line in lines[1:-1]]


def test_a_wide_terminal_has_names_inside_and_the_rest_beside() -> None:
    lines = draw_ladder(ladder(record()), Style(100, unicode=True))
    assert lines[0] == "                  phone/1               engine                 a.py"
    assert rows(lines) == [
        "        │── chan.startup · ──>│                     │  1.0 ms",
        "        │── call.execute external/nodata/a.py ✓ ───>│  extmodule 1.0 ms",
        "        │<── call.answered ✓ ───────────────────────│  phone 1.0 ms",
        "        │                     │<── chan.attach ✓ ───│  tone/dial tone 1.0 ms",
        "        │── chan.dtmf 7 ✓ ─────────────────────────>┃  a.py 1.0 ms",
        "        │── chan.dtmf ! ───────────────────────────>┃  timed out a.py 1.0 ms",
        "        │── call.route 9 ✓ ────────────────────────>┃  → sip/9 a.py 1.0 ms",
    ]
    assert lines[-1] == "Not drawn: 1 call.cdr"


def test_a_narrow_terminal_has_them_above() -> None:
    lines = draw_ladder(ladder(record()), Style(60, unicode=False))
    assert rows(lines)[:6] == [
        "        | chan.startup - 1.0 ms       |",
        "        |------------->|              |",
        "        | call.execute + external/nodata/a.py >",
        "        |---------------------------->|",
        "        | call.answered + phone 1.0 ms|",
        "        |<----------------------------|",
    ]
    assert all(line.isascii() and len(line) <= 60 for line in lines)
    assert "        |---------------------------->#" in rows(lines)


def test_only_failures_are_coloured_and_marked_without_colour_too() -> None:
    lines = draw_ladder(ladder(record()), Style(100, unicode=True, color=True))
    red = [line for line in lines if "\x1b" in line]
    assert [("timed out" in line, line.startswith("\x1b[31m")) for line in red] == [(True, True)]


def test_each_row_names_its_arrow() -> None:
    found = ladder_rows(ladder(record()), Style(60))
    assert [row.arrow for row in found] == [-1, *(at for at in range(7) for _ in "ab"), -1]
    assert [row.arrow for row in found if row.failed] == [5, 5]


@pytest.mark.parametrize("width", [20, 60, 80, 100, 140])
@pytest.mark.parametrize("unicode", [True, False])
def test_hostile_texts_neither_leave_the_width_nor_reach_the_terminal(
    width: int, unicode: bool
) -> None:
    params = {"id": "phone/1", "billid": HOSTILE, "text": HOSTILE, "reason": HOSTILE}
    more = [
        journey(
            10 + n, name, params, sender=f"{HOSTILE}{n}", by=f"x/{n}{HOSTILE}", retvalue=HOSTILE
        )
        for n, name in enumerate(("chan.dtmf", "chan.hangup", f"chan.{HOSTILE}"))
    ]
    drawn = draw_ladder(ladder([*record(), *more]), Style(width, unicode))
    assert all(columns(line) <= width for line in drawn)
    assert all(line.isprintable() for line in drawn)
