"""Replies as they are drawn, at given widths, with and without colour and Unicode."""

from __future__ import annotations

import asyncio
import re
import time

import pytest
from rich.cells import cell_len

from yext import Reply
from yext.console.replies.draw import Page, table
from yext.console.replies.render import draw as draw_reply
from yext.console.replies.render import notice, plain, render
from yext.log import clock, dated

PAGE = Page(80, color=False, unicode=True)
ASCII = Page(80, color=False, unicode=False)
COLORED = Page(80, color=True, unicode=True)
WIDTHS = [40, 80, 120, 200]

GONE = Reply(
    False,
    "External command failed\r\n"
    "gone.py: No such file or directory (ENOENT, 2)\r\n"
    "tried: /srv/scripts/gone.py x\r\n"
    "from: scripts_dir=/srv/scripts/ (extmodule.conf:3)\r\n"
    "near: one.py\r\n"
    "do: check the name, or give an absolute path\r\n",
    {"reason": "No such file or directory", "errno": "ENOENT"},
)

SHOWN = Reply(
    True,
    "script\tparameter\tstate\tpid\trole\tup\tin\tout\tpending\thandlers\twatches\trestarts"
    "\tlast exit\tlast failure\r\n"
    "route.py\t99\trunning\t4121\tglobal\t724\t214\t213\t1\t2\t0\t0\t-\t-\r\n"
    "mailer.php\t-\tfailed 2026-11-23T12:01:07+00:00\t-\t-\t-\t-\t-\t-\t-\t-\t0\t-"
    "\tmailer.php: interpreter /usr/bin/php not found (ENOENT, 2), 2026-11-23T12:01:07+00:00\r\n",
)

REPLIES = [
    (GONE, "external start gone.py x"),
    (SHOWN, "external show"),
    (Reply(True, "External start attempt\r\n", {"pid": "41"}), "external start route.py 99"),
    (Reply(True, "name=extmodule,type=misc;scripts=1,chans=0\r\n"), "status extmodule"),
    (Reply(True, "Available commands:\r\n  quit\r\n  help [command]\r\n"), "help"),
    (Reply(True, "extmodule\tregexroute\r\n"), "module list"),
    (Reply(True, "a priority=5 trackname='x' filter='b=c'\r\n"), "dispatcher handlers"),
    (Reply(False, "Cannot understand: x\r\n", {"reason": "unknown command"}, known=False), "x"),
    (Reply(True, "\x1b[2Jnothing \x07 known\r\n"), "hello"),
    (Reply(True), "runparam a=b"),
]


def test_a_start_that_failed_is_a_panel() -> None:
    assert render(GONE, "external start gone.py x", Page(82, False, True)) == (
        "┌─ gone.py did not start ────────────────────────────────────────────────────────┐\n"
        "│ No such file or directory (ENOENT, 2)                                          │\n"
        "│   tried   /srv/scripts/gone.py x                                               │\n"
        "│   from    scripts_dir=/srv/scripts/ (extmodule.conf:3)                         │\n"
        "│   near    one.py                                                               │\n"
        "│   do      check the name, or give an absolute path                             │\n"
        "└────────────────────────────────────────────────────────────────────────────────┘\n"
    )


def test_a_notice_of_one_line_is_a_line() -> None:
    assert notice(("route.py has changed",), PAGE) == "route.py has changed\n"


def test_a_notice_whose_headline_is_long_loses_none_of_it() -> None:
    lines = ("ivr.py ended 0.14 s after its start, exit status 1, never spoke the protocol", "x")
    drawn = notice(lines, Page(50, False, True))
    assert "ivr.py ended 0.14 s after its start" in drawn.splitlines()[0]
    assert "exit status 1" in drawn
    assert "never spoke the protocol" in drawn


def test_scripts_are_one_table_and_failures_stand_below_it() -> None:
    assert render(SHOWN, "external show", Page(100, False, True)) == (
        "script      parameter  state                    pid   up        in   out  pending  "
        "restarts\n"
        "route.py    99         running                  4121  00:12:04  214  213  1        0\n"
        "mailer.php  –          failed 2026-11-23 12:01  –     –         –    –    –        0\n"
        "  ✗ mailer.php   interpreter /usr/bin/php not found (ENOENT, 2)   "
        "external why mailer.php\n"
    )


def test_a_time_of_today_needs_no_date() -> None:
    now = time.time()
    assert f" failed {clock(now)} " in render(_shown(now), "external show", Page(100, False, True))


def _shown(when: float) -> Reply:
    return SHOWN._replace(text=SHOWN.text.replace("2026-11-23T12:01:07+00:00", dated(when)))


def test_a_script_that_ends_again_and_again_takes_two_lines() -> None:
    head = (
        "crash.py ended again at 12:04:31, exit status 1, 4th time in 9 s;"
        " started again in 0.8 s, 4 of 5"
    )
    drawn = notice((head, "why: external why crash.py"), Page(80, False, True))
    assert drawn == (
        "✗ crash.py ended again at 12:04:31, exit status 1, 4th time in 9 s;\n"
        "  started again in 0.8 s, 4 of 5     external why crash.py\n"
    )
    drawn = notice((head, "why: external why crash.py"), Page(140, False, True))
    assert drawn == f"✗ {head}     external why crash.py\n"
    narrow = notice((head, "why: external why crash.py"), Page(40, False, True))
    assert all(len(line) <= 40 for line in narrow.splitlines())
    assert "".join(narrow.split()) == "✗" + "".join(f"{head}external why crash.py".split())


def test_a_failed_script_is_named_with_its_parameter() -> None:
    shown = SHOWN._replace(text=SHOWN.text.replace("mailer.php\t-\t", "mailer.php\t9\t"))
    drawn = render(shown, "external show", Page(120, False, True))
    assert "✗ mailer.php 9   interpreter /usr/bin/php not found" in drawn
    assert drawn.endswith("external why mailer.php 9\n")


@pytest.mark.parametrize("width", [40, 80])
def test_a_long_line_of_text_breaks_at_its_blanks(width: int) -> None:
    word = "x" * 100
    text = (
        '15:00:38 [4926]   File "/srv/scripts/route.py", line 5, in <module>, and so on and on\r\n'
        f"{word}\r\n  a\tb {word}\r\n" + '{"a": ' + f'"{word}"' + "}\r\nshort\r\n"
    )
    lines = render(Reply(True, text), "external log", Page(width, False, True)).splitlines()
    assert lines[-4:] == [word, f"  a\tb {word}", '{"a": "' + word + '"}', "short"]
    assert all(len(line) <= width for line in lines[:-4]) and len(lines) > 5
    assert " ".join(" ".join(lines[:-4]).split()) == " ".join(text.splitlines()[0].split())
    assert render(Reply(True, text), "external log", Page(0, False, True)).count("\n") == 5


def test_a_narrow_table_does_without_some_columns() -> None:
    heading = render(_shown(time.time()), "external show", Page(50, False, True)).splitlines()[0]
    assert heading.split() == ["script", "parameter", "state", "pending"]
    heading = render(SHOWN, "external show", Page(200, False, True)).splitlines()[0]
    assert heading.split()[-4:] == ["handlers", "watches", "last", "exit"]


INFO = Reply(True, "1. route.py 99\r\n\tGlobal, pid=4121\r\n2. up 127.0.0.1:40112\r\n\tGlobal\r\n")
PEERS = Reply(True, "1. route.py 99\r\n2. up 127.0.0.1:40112\r\n")


def draw_peers(command: str, reply: Reply, replies: dict[str, Reply]) -> str:
    """The picture of a list of peers where the engine answers those commands, and no other."""

    async def look_up(line: str) -> Reply | None:
        return replies.get(line)

    return asyncio.run(draw_reply(reply, command, PAGE, look_up))


def test_peers_of_listeners_are_in_the_table_of_scripts() -> None:
    asked = {"external show": SHOWN, "external info": INFO}
    drawn = draw_peers("external", PEERS, asked)
    assert re.search(r"^up +127\.0\.0\.1:40112 +connected", drawn, re.MULTILINE)
    assert drawn.count("route.py") == 1
    assert drawn == draw_peers("external info", INFO, {"external show": SHOWN})


def test_peers_are_a_table_where_no_script_was_started() -> None:
    none = Reply(True, "No script was started\r\n")
    peers = Reply(True, "1. up 127.0.0.1:7\r\n\tGlobal, pid=1\r\n")
    assert draw_peers("external info", peers, {"external show": none}) == (
        "script  parameter    state      pid\nup      127.0.0.1:7  connected  1\n"
    )
    assert draw_peers("external", Reply(True), {"external show": none}) == none.text.replace(
        "\r", ""
    )


def test_peers_are_drawn_from_their_list_where_there_is_nothing_else() -> None:
    assert draw_peers("external", PEERS, {}).splitlines() == [
        "script    parameter        state      pid",
        "route.py  99               connected  –",
        "up        127.0.0.1:40112  connected  –",
    ]
    assert draw_peers("external", Reply(True), {}) == ""


def test_started_and_stopped_name_the_program() -> None:
    started = Reply(True, "External start attempt\r\n", {"pid": "4121"})
    for line, words in (
        ("external start route.py 99", "started route.py 99, pid 4121\n"),
        ("external route.py 99", "started route.py 99, pid 4121\n"),
        ("external restart route.py", "restarted route.py, pid 4121\n"),
        ("external execute make it", "executed make it, pid 4121\n"),
    ):
        assert render(started, line, PAGE) == words
    ended = Reply(True, "External command stopped\r\n", {"ended": "exit status 0"})
    assert render(ended, "external stop a b", PAGE) == "stopped a b, exit status 0\n"


def test_a_status_with_rows_is_a_table() -> None:
    line = "name=sip,type=varchans,format=Status|Address|Peer;chans=1;sip/1=answered|1.2.3.4|tone/1"
    drawn = render(Reply(True, f"{line}\r\n"), "status sip", PAGE)
    assert drawn.splitlines() == [
        "sip  varchans",
        "  chans=1",
        "id     Status    Address  Peer",
        "sip/1  answered  1.2.3.4  tone/1",
    ]


def test_a_failure_tells_reason_and_hint_once() -> None:
    reply = Reply(
        False, "External not running\r\n", {"reason": "x does not run", "hint": "external"}
    )
    assert render(reply, "external stop x", PAGE) == (
        "External not running\n  x does not run\n  do      external\n"
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("reply", "command"), REPLIES, ids=[one[1] for one in REPLIES])
def test_whatever_is_drawn_is_safe_and_fits(reply: Reply, command: str, width: int) -> None:
    for page in (Page(width, False, True), Page(width, False, False)):
        drawn = render(reply, command, page)
        assert "\x1b" not in drawn
        assert "\r" not in drawn
        assert drawn == "" or drawn.endswith("\n")
        assert page.unicode or drawn.isascii()
        assert all(cell_len(line) <= width for line in drawn.splitlines())
    bare = re.sub(r"\x1b\[[\d;]*m", "", render(reply, command, Page(width, True, True)))
    assert bare == render(reply, command, Page(width, False, True)), "colour adds no text"


def test_what_is_red_is_in_words_too() -> None:
    drawn = render(GONE, "external start gone.py x", COLORED)
    assert "\x1b[" in drawn
    assert "did not start" in drawn


def test_ascii_stand_ins() -> None:
    assert render(GONE, "external start gone.py", ASCII).startswith("+- gone.py did not start -")


def test_markup_of_rich_in_a_reply_means_nothing() -> None:
    drawn = render(Reply(False, "[red]x[/red] :smile:\r\n", {"reason": "[b]"}), "x", COLORED)
    assert "[red]x[/red] :smile:" in drawn


def test_wide_characters_keep_columns_aligned() -> None:
    drawn = table(["a", "b"], [["日本", "1"], ["x", "2"]], PAGE)
    assert [
        line[: line.index(digit)] for line, digit in zip(drawn.splitlines()[1:], "12", strict=True)
    ] == [
        "日本  ",
        "x     ",
    ]


def test_plain_keeps_the_words_and_adds_the_hint() -> None:
    reply = Reply(False, "No such thing\x1b[m\r\n", {"hint": "try another"})
    assert plain(reply) == "No such thing\\x1b[m\ndo: try another\n"
