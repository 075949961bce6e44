"""The wordings of replies, and what is read out of them."""

from __future__ import annotations

import pytest

from yext.console.replies.forms import (
    CommandHelp,
    Commands,
    Facts,
    Failure,
    Form,
    Handlers,
    InstalledHandler,
    Listing,
    ModuleStatus,
    Names,
    Peer,
    Peers,
    Scripts,
    Started,
    Statuses,
    Stopped,
    Table,
    Uptime,
)
from yext.console.replies.parse import labelled, number, parse, reply_of

PHONE = "name=sip,type=x,format=Status|Peer;chans=1;sip/1=answered|tone/1,sip/2=ringing|"

WORDINGS: list[tuple[str, list[str], Form | None]] = [
    (
        "status extmodule",
        ["name=extmodule,type=misc;scripts=1,chans=0"],
        Statuses(
            [
                ModuleStatus(
                    [("name", "extmodule"), ("type", "misc")],
                    [("scripts", 1), ("chans", 0)],
                    details=[],
                )
            ],
            True,
        ),
    ),
    (
        "status",
        ["name=a,type=b;x=007,path=/a,b;q=-1", "odd"],
        Statuses(
            [
                ModuleStatus(
                    [("name", "a"), ("type", "b")],
                    [("x", "007"), ("path", "/a,b")],
                    details=[("q", -1)],
                )
            ],
            False,
        ),
    ),
    (
        "status sip",
        [PHONE],
        Statuses(
            [
                ModuleStatus(
                    [("name", "sip"), ("type", "x")],
                    [("chans", 1)],
                    ["Status", "Peer"],
                    [("sip/1", ["answered", "tone/1"]), ("sip/2", ["ringing", ""])],
                )
            ],
            True,
        ),
    ),
    ("external", [], Peers([])),
    ("external", ["1. a.py 9 x", "2. b.py "],
     Peers([Peer(1, "a.py", "9 x"), Peer(2, "b.py", "")])),
    (
        "external info",
        ["1. a.py 9", "\tGlobal, has channel, autorestart, pid=41"],
        Peers([Peer(1, "a.py", "9", "Global", True, [("pid", 41)])]),
    ),
    ("external show", ["script\tstate", "a\trunning"],
     Scripts(Table(["script", "state"], [["a", "running"]]))),
    ("external why", ["a.py, at 12:00:00", "a.py ended", "do: x"],
     Failure("a.py, at 12:00:00", ["a.py ended", "do: x"])),
    ("external why", ["Nothing has failed"], None),
    ("external log", ["a", "b"], Listing(["a", "b"])),
    ("external start a.py  9", ["External start attempt"], Started("started", "a.py 9")),
    ("external a.py", ["External start attempt"], Started("started", "a.py")),
    ("external execute make it", ["External exec attempt"], Started("executed", "make it")),
    ("external stop a.py", ["External command stopped"], Stopped("a.py")),
    ("external dismiss", ["Dismissed 1"], None),
    (
        "dispatcher handlers name=a",
        ["a priority=5 trackname='x' filter='b=c'", "a priority=6 trackname=''"],
        Handlers([InstalledHandler("a", 5, "x", "b=c"), InstalledHandler("a", 6, "", "")], True),
    ),
    ("dispatcher handlers", ["odd"], Handlers([], False)),
    ("dispatcher trace_msg_time on", ["x"], None),
    ("module list", ["a\tb"], Names(["a", "b"])),
    ("uptime", ["Uptime: 0 00:00:07 (7) user: 0.100 kernel: 0.020"], Uptime(7, 0.1, 0.02)),
    ("uptime", [], None),
    ("version", ["version:  1", "odd"], Facts([("version", "1")])),
    ("debug", ["Debug level: 7, objects: off"], Facts([("debug level", 7), ("objects", "off")])),
    ("debug x", [], None),
    ("alias", ["a=b=c"], Facts([("a", "b=c")])),
    ("alias x", [], None),
    ("meminfo", ["  a = 1"], Facts([("a", 1)])),
    ("help", ["Available commands:", "  quit", "  help [command]"],
     Commands(["quit", "help [command]"], True)),
    ("?", ["Available commands:", "odd"], Commands(["odd"], False)),
    ("help quit", ["  quit", "Ends", "it"], CommandHelp("quit", "Ends\nit")),
    ("reload", ["Reinitializing...", "a"], Listing(["a"])),
    ("top", ["a\tb", "1\t2"], Table(["a", "b"], [["1", "2"]])),
    ("history", ["    1  uptime", "   12  status  x"], Listing(["uptime", "status  x"])),
    ("nosuch", ["a"], None),
    ("", [], None),
]  # fmt: skip


@pytest.mark.parametrize(("command", "lines", "form"), WORDINGS)
def test_wordings(command: str, lines: list[str], form: Form | None) -> None:
    for end in ("\r\n", "\n"):
        parsed = parse(command, "".join(line + end for line in lines))
        assert (type(parsed), parsed) == (type(form), form)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("-7", -7), ("12", 12), ("007", "007"), ("-0", "-0"), ("", ""), ("1.5", "1.5"),
     ("٣", "٣"), ("9" * 5000, "9" * 5000)],
)  # fmt: skip
def test_a_number_is_one_that_can_be_written_the_same_again(text: str, value: object) -> None:
    assert number(text) == value


def test_numbers_without_end_are_no_numbers_of_peers_or_priorities() -> None:
    digits = "9" * 5000
    assert parse("external", f"{digits}. a b\r\n") == Peers([])
    text = f"a priority={digits} trackname=''\r\n"
    assert parse("dispatcher handlers", text) == Handlers([], False)


def test_labels() -> None:
    assert labelled("do: this: that") == ("do", "this: that")
    assert labelled("done: that") == ("", "done: that")
    assert labelled("do:this") == ("", "do:this")


def test_what_a_text_says_of_success() -> None:
    assert reply_of(["Uptime: 1"]).ok
    assert reply_of([]).ok
    unknown = reply_of(["Cannot understand: foo"])
    assert not unknown.ok and not unknown.known
    assert reply_of(["Not authenticated!"]).params["error"] == "noauth"
    assert reply_of(["%%+status:x", "name=x", "%%-status"]).text == "name=x\r\n"
    failed = reply_of(
        [
            "External command failed",
            "gone.py: No such file or directory (ENOENT, 2)",
            "tried: /srv/gone.py",
            "do: check the name",
        ]
    )
    assert not failed.ok
    assert failed.params == {
        "reason": "gone.py: No such file or directory (ENOENT, 2)",
        "errno": "2",
        "tried": "/srv/gone.py",
        "hint": "check the name",
    }
