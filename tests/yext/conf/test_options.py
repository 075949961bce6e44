"""Typed options: values, defaults, limits, and what an operator is told."""

from pathlib import Path

import pytest

from yext import conf
from yext.conf.options import MAX_UNKNOWN, Option, nearest, read_options, unknown_problems

TIMEOUT = Option("timeout", "int", 10000, low=0, unit="ms")
MAXQUEUE = Option("maxqueue", "int", 1000, low=0, high=10000, unit="messages")
DEPTH = Option("depth", "int", 3, high=5)
TIMEBOMB = Option("timebomb", "bool", False)
SCRIPTS_DIR = Option("scripts_dir", "str", "${sharedpath}/scripts/")
TYPE = Option("type", "choice", "tcp", choices=("tcp", "unix"))


def general(folder: Path, lines: str) -> conf.Conf:
    (folder / "extmodule.conf").write_text(f"[general]\n{lines}\n")
    return conf.load(f"{folder}/extmodule.conf", params={})


def read_one(folder: Path, option: Option, line: str) -> tuple[object, list[str]]:
    values, problems = read_options(general(folder, line), "general", [option])
    return values[option.name], [f"{problem.severity} {problem}" for problem in problems]


@pytest.mark.parametrize(
    ("option", "line", "value"),
    [
        (TIMEOUT, "", 10000),
        (TIMEOUT, "timeout=5000", 5000),
        (TIMEOUT, "timeout=0x10", 16),
        (TIMEBOMB, "", False),
        (TIMEBOMB, "timebomb=enable", True),
        (TIMEBOMB, "timebomb=f", False),
        (SCRIPTS_DIR, "", "${sharedpath}/scripts/"),
        (SCRIPTS_DIR, "scripts_dir=/srv", "/srv"),
        (SCRIPTS_DIR, "scripts_dir=", ""),
        (TYPE, "", "tcp"),
        (TYPE, "type=unix", "unix"),
        (MAXQUEUE, "maxqueue=0", 0),
        (MAXQUEUE, "maxqueue=10000", 10000),
    ],
)
def test_values(folder: Path, option: Option, line: str, value: object) -> None:
    assert read_one(folder, option, line) == (value, [])


@pytest.mark.parametrize(
    ("option", "line", "value", "problem"),
    [
        (TIMEOUT, "timeout=abc", 10000, "error {}: timeout=abc is not a number of milliseconds"),
        (TIMEOUT, "timeout=1.5", 10000, "error {}: timeout=1.5 is not a number of milliseconds"),
        (
            TIMEOUT,
            "timeout=99999999999",
            10000,
            "error {}: timeout=99999999999 is too large a number of milliseconds",
        ),
        (DEPTH, "depth=x", 3, "error {}: depth=x is not a number"),
        (TIMEOUT, "timeout=-5", 0, "warning {}: timeout=-5 is not 0 or more: taken as 0 ms"),
        (DEPTH, "depth=6", 5, "warning {}: depth=6 is not 5 or less: taken as 5"),
        (
            MAXQUEUE,
            "maxqueue=20000",
            10000,
            "warning {}: maxqueue=20000 is not 0 to 10000: taken as 10000 messages",
        ),
        (
            TIMEOUT,
            "timeout=",
            10000,
            "warning {}: timeout= is empty: taken as the default 10000 ms",
        ),
        (TIMEBOMB, "timebomb=", False, "warning {}: timebomb= is empty: taken as the default no"),
        (TYPE, "type=", "tcp", "warning {}: type= is empty: taken as the default tcp"),
        (
            TIMEBOMB,
            "timebomb=1",
            False,
            "error {}: timebomb=1 is not a boolean "
            "(yes, true, on, enable, t or no, false, off, disable, f)",
        ),
        (TYPE, "type=udp", "tcp", "error {}: type=udp is none of tcp, unix"),
        (TYPE, "type=Unix", "tcp", "error {}: type=Unix is none of tcp, unix; did you mean unix?"),
    ],
)
def test_problems(folder: Path, option: Option, line: str, value: object, problem: str) -> None:
    assert read_one(folder, option, line) == (value, [problem.format("extmodule.conf:2")])


def test_first_of_two_values_counts(folder: Path) -> None:
    assert read_one(folder, TIMEOUT, "timeout=1\ntimeout=1\nother=3\ntimeout=2") == (
        1,
        [
            "note extmodule.conf:5: timeout=2 has no effect: line 2 of extmodule.conf holds",
        ],
    )


def test_missing_section(folder: Path) -> None:
    values, problems = read_options(general(folder, ""), "nosuch", [TIMEOUT, TIMEBOMB])
    assert values == {"timeout": 10000, "timebomb": False}
    assert problems == []


@pytest.mark.parametrize(
    ("word", "names", "found"),
    [
        ("externl", ["external", "status", "echo"], ["external"]),
        ("TELNET", ["telnet", "timeout"], ["telnet"]),
        ("gone.py", ["one.py", "route.py"], ["one.py", "route.py"]),
        ("zzz", ["external"], []),
        ("", ["external"], []),
        ("x" * 65, ["x" * 64], []),
        ("external", [], []),
    ],
)
def test_nearest(word: str, names: list[str], found: list[str]) -> None:
    assert nearest(word, names) == found


def test_unknown_options(folder: Path) -> None:
    found = general(folder, "timout=1\ntimeout=2\nqqq=3")
    assert [str(problem) for problem in unknown_problems(found, "general", ["timeout"])] == [
        "extmodule.conf:2: unknown option 'timout' in [general]; did you mean timeout?",
        "extmodule.conf:4: unknown option 'qqq' in [general]",
    ]
    assert {problem.severity for problem in unknown_problems(found, "general", [])} == {"warning"}
    assert unknown_problems(found, "nosuch", []) == []


def test_unknown_options_are_told_up_to_a_bound(folder: Path) -> None:
    found = general(folder, "unknown=1\n" * (MAX_UNKNOWN + 7))
    problems = unknown_problems(found, "general", ["timeout"])
    assert len(problems) == MAX_UNKNOWN + 1
    assert str(problems[-1]) == (
        f"extmodule.conf:{MAX_UNKNOWN + 2}: 7 more unknown options in [general] from here on"
    )
