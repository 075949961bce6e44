"""The command `route`: the way of a call through the rules, and that nothing comes of it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from yext import Engine

YATE_CONF = "[general]\nmodload=no\n[modules]\nregexroute.yate=yes\n"
CONF = r"""
[$init]
n=5
[contexts]
^4=internal
^5=-
^6=;error=x
[default]
^1=if ${a}x=t
^80$=external/nodata/ivr.py;format=alaw;n=$(++$n)
^9.*=dispatch x.y;called=\0;a=b
^9.*=msleep 500
^9.*=echo said \0
^9.*=;called
^9.*=goto nosuch
^7=return true
[internal]
^0\(.*\)$=match \1;called=\1
.*=jump default
"""


def tried(tmp_path: Path, *lines: str, conf: str = CONF) -> list[Any]:
    (tmp_path / "yate.conf").write_text(YATE_CONF)
    if conf:
        (tmp_path / "regexroute.conf").write_text(conf)

    async def main() -> list[Any]:
        async with Engine(tmp_path) as engine:
            sent: list[str] = []
            engine.install("x.y", lambda message: bool(sent.append(message.name)))
            replies = [await engine.command(line) for line in lines]
            assert not sent
            status = (await engine.command("status regexroute")).text
            assert "variables=1" in status or not conf
            return replies

    return asyncio.run(main())


WAYS = {
    "route 80": [
        "call.route", "[default] with '80'", r"  no   regexroute.conf:9  ^1=if ${a}x=t",
        "  yes  regexroute.conf:10  ^80$=external/nodata/ivr.py;format=alaw;n=$(++$n)",
        "       format=alaw", "       n=6", "routed to external/nodata/ivr.py",
    ],
    "route 080 caller=4": [
        "call.preroute", "[contexts] with '4'", "  yes  regexroute.conf:5  ^4=internal",
        "context internal", "call.route", "[internal] with '080'",
        r"  yes  regexroute.conf:18  ^0\(.*\)$=match \1;called=\1", "       called=80",
        "  yes  regexroute.conf:19  .*=jump default", "[default] with '80'",
        r"  no   regexroute.conf:9  ^1=if ${a}x=t",
        "  yes  regexroute.conf:10  ^80$=external/nodata/ivr.py;format=alaw;n=$(++$n)",
        "       format=alaw", "       n=6", "routed to external/nodata/ivr.py",
    ],
    "route 1 caller=5": [
        "call.preroute", "[contexts] with '5'", "  no   regexroute.conf:5  ^4=internal",
        "  yes  regexroute.conf:6  ^5=-", "refused: -",
    ],
    "route 7": [
        "call.route", "[default] with '7'", r"  no   regexroute.conf:9  ^1=if ${a}x=t",
        "  no   5 more from regexroute.conf:10 to regexroute.conf:14",
        "  no   regexroute.conf:15  ^9.*=goto nosuch", "  yes  regexroute.conf:16  ^7=return true",
        "routed",
    ],
    "route 91 context=default": [
        "call.route", "[default] with '91'", r"  no   regexroute.conf:9  ^1=if ${a}x=t",
        "  no   regexroute.conf:10  ^80$=external/nodata/ivr.py;format=alaw;n=$(++$n)",
        r"  yes  regexroute.conf:11  ^9.*=dispatch x.y;called=\0;a=b",
        "       would send x.y called=91 a=b", "  yes  regexroute.conf:12  ^9.*=msleep 500",
        "       would wait 500 ms", r"  yes  regexroute.conf:13  ^9.*=echo said \0",
        '       says "said 91"', "  yes  regexroute.conf:14  ^9.*=;called",
        "       called is removed", "  yes  regexroute.conf:15  ^9.*=goto nosuch",
        "[nosuch] with '91'", "  !    Missing target context 'nosuch'", "not routed",
    ],
}  # fmt: skip


@pytest.mark.parametrize("line", WAYS)
def test_the_way_is_shown_line_by_line(tmp_path: Path, line: str) -> None:
    (reply,) = tried(tmp_path, line)
    assert reply.ok
    assert reply.text.splitlines() == WAYS[line]


def test_nothing_is_left_behind_by_a_trial(tmp_path: Path) -> None:
    first, second = tried(tmp_path, "route 80", "route 80")
    assert first.text == second.text
    assert "       n=6" in first.text


def test_many_rules_that_do_not_hold_are_one_line(tmp_path: Path) -> None:
    rules = "".join(f"^5{n}=t\n" for n in range(1000))
    (reply,) = tried(tmp_path, "route 1", conf=f"[$init]\na=b\n[default]\n{rules}")
    lines = reply.text.splitlines()
    assert lines[2:5] == [
        "  no   regexroute.conf:4  ^50=t",
        "  no   998 more from regexroute.conf:5 to regexroute.conf:1002",
        "  no   regexroute.conf:1003  ^5999=t",
    ]


def test_a_value_may_be_quoted(tmp_path: Path) -> None:
    conf = "[$init]\na=b\n[default]\n${name}^John Doe$=t\n"
    (reply,) = tried(tmp_path, "route 1 'name=John Doe'", conf=conf)
    assert reply.text.endswith("routed to t\r\n")
    (reply,) = tried(tmp_path, "route 1 'name=John", conf=conf)
    assert not reply.ok
    assert reply.params["reason"] == "No closing quotation: route CALLED [key=value ...]"


@pytest.mark.parametrize("line", ["route", "route 80 caller"])
def test_a_wrong_line_gives_the_usage(tmp_path: Path, line: str) -> None:
    (reply,) = tried(tmp_path, line)
    assert not reply.ok
    assert reply.text == "usage: route CALLED [key=value ...]\r\n"


def test_without_a_file_there_is_nothing_to_try(tmp_path: Path) -> None:
    (reply,) = tried(tmp_path, "route 80", conf="")
    assert (reply.ok, reply.params["reason"]) == (False, "there is no regexroute.conf")


def test_completion_offers_the_contexts(tmp_path: Path) -> None:
    (tmp_path / "yate.conf").write_text(YATE_CONF)
    (tmp_path / "regexroute.conf").write_text(CONF)

    async def main() -> list[list[str]]:
        async with Engine(tmp_path) as engine:
            return [
                await engine.complete("", "rou"),
                await engine.complete("route 80", ""),
                await engine.complete("route 80", "context="),
            ]

    assert asyncio.run(main()) == [
        ["route"],
        ["caller=", "context="],
        ["context=contexts", "context=default", "context=internal"],
    ]
