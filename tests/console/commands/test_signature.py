"""Commands as annotated functions: reading, usage, completion and mistakes come from them."""

from __future__ import annotations

import asyncio
from typing import Annotated

import pytest
from seen import session

from yext import Reply
from yext.console.commands import TABLE
from yext.console.commands.command import Listed, SessionCommand
from yext.console.commands.interpreter import Interpreter
from yext.console.commands.parameters import (
    ArgumentError,
    Flag,
    Line,
    Number,
    OnOff,
    RawRest,
    Rest,
    Seconds,
    Setting,
    Word,
)
from yext.console.commands.signature import signature_of
from yext.console.session.session import Session


def words(session: Session, before: str, word: str) -> dict[str, str]:
    return {"seen": before}


def names(interpreter: Interpreter, before: str, word: str) -> dict[str, str]:
    return {one.name: "" for one in interpreter.allowed()}


def plain(
    session: Session,
    first: Annotated[str, Word(completer=words)],
    second: Annotated[int, Number("N", least=1, most=9, mistake="not a digit: {}")] = 5,
    rest: Annotated[str, Rest(completer=names)] = "",
) -> Reply:
    return Reply(True, f"{first}|{second}|{rest}\r\n")


def flagged(
    session: Session,
    overview: Annotated[bool, Flag("overview", "in short")] = False,
    module: Annotated[str, Rest()] = "",
) -> Reply:
    return Reply(True, f"{overview}|{module}\r\n")


def raw(session: Session, chan: Annotated[str, Word()], target: Annotated[str, RawRest()]) -> Reply:
    return Reply(True, f"{chan}|{target}\r\n")


def options(
    interpreter: Interpreter,
    name: Annotated[str, Word(completer=names)],
    *params: Annotated[tuple[str, str], Setting("key=value", completer=words)],
    count: Annotated[int, Number("n", least=1, most=9, description="how often")] = 1,
    keep_going: Annotated[bool, Flag("--keep-going", "goes on")] = False,
) -> Reply:
    return Reply(True, f"{name}|{params}|{count}|{keep_going}\r\n")


async def refused(session: Session, seconds: Annotated[float, Seconds(1, 2)] = 1.5) -> Reply:
    raise ArgumentError("never", "always")


def nothing(session: Session, on: OnOff = None) -> Reply:
    return Reply(True, f"{on}\r\n")


ROWS = (
    SessionCommand("plain", "", plain, example="plain x 3"),
    SessionCommand("flagged", "", flagged),
    SessionCommand("raw", "", raw, missing="Where to?"),
    SessionCommand("options", "", options),
    SessionCommand("refused", "", refused),
    SessionCommand("nothing", "", nothing, listed=Listed.YATE),
    SessionCommand(
        "both", "", nothing,
        verbs=(SessionCommand("both plain", "one", plain), SessionCommand("both raw", "two", raw)),
    ),
)  # fmt: skip


def test_usages_come_from_the_parameters() -> None:
    assert {row.name: row.usage for row in ROWS} == {
        "plain": "plain first [N] [rest]",
        "flagged": "flagged [overview] [module]",
        "raw": "raw chan target",
        "options": "options [--count n] [--keep-going] name [key=value ...]",
        "refused": "refused [SECONDS]",
        "nothing": "nothing [on|off]",
        "both": "both [plain first [N] [rest]|raw chan target]",
    }


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("plain a", "a|5|"),
        ("plain  a   3   b  c ", "a|3|b  c"),
        ("plain", "Usage: plain first [N] [rest]"),
        ("plain a x", "not a digit: x"),
        ("plain a 0", "not a digit: 0"),
        ("plain a 10", "not a digit: 10"),
        ("plain a ²", "not a digit: ²"),
        ("flagged", "False|"),
        ("flagged overview", "True|"),
        ("flagged  overview  a b", "True|a b"),
        ("flagged a overview", "False|a overview"),
        ("raw a  b", "a| b"),
        ("raw a", "Where to?"),
        ("raw", "Where to?"),
        ("options", "Usage: options [--count n] [--keep-going] name [key=value ...]"),
        ("options 'a b' c=\"d e\" f=", "a b|(('c', 'd e'), ('f', ''))|1|False"),
        ("options --keep-going a --count 3", "a|()|3|True"),
        ("options --count 10 a", "--count wants a number from 1 to 9"),
        ("options a --count", "--count wants a number from 1 to 9"),
        ("options --other a", "Unknown option: --other"),
        ("options a b", "Not key=value: b"),
        ("options 'a", "Cannot read this: no closing quotation"),
        ("refused", "never"),
        ("refused 1.5 2", "Usage: refused [SECONDS]"),
        ("refused nan", "Usage: refused [SECONDS]"),
        ("refused 3", "Usage: refused [SECONDS]"),
        ("nothing on more", "True"),
        ("nothing disable", "False"),
        ("nothing else", "None"),
        ("both", "None"),
        ("both plain x", "x|5|"),
        ("both raw x", "Usage: both raw chan target"),
        ("both other x", "Unknown both command: other"),
    ],
)
def test_a_line_is_read_as_the_function_says(line: str, text: str) -> None:
    async def play() -> Reply:
        async with session() as found:
            return await Interpreter(found.session, ROWS).run(line)

    reply = asyncio.run(play())
    assert reply.text == f"{text}\r\n"
    assert reply.ok is ("|" in text.partition("Usage")[0] or text in ("True", "False", "None"))


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("plain a x", "plain x 3"),
        ("plain", "plain x 3"),
        ("raw", "raw chan target"),
        ("options 'a", "close the quotes"),
        ("refused", "always"),
        ("both other", "one of plain, raw"),
    ],
)
def test_a_mistake_has_a_hint(line: str, hint: str) -> None:
    async def play() -> Reply:
        async with session() as found:
            return await Interpreter(found.session, ROWS).run(line)

    assert asyncio.run(play()).params["hint"] == hint


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("plain ", {"seen": ""}),
        ("plain a ", {}),
        ("plain a 3 fl", {"flagged": ""}),
        ("flagged ", {"overview": "in short"}),
        ("flagged overview ", {}),
        ("flagged x ", {}),
        ("nothing ", {"on": "turns it on", "off": "turns it off"}),
        ("options fl", {"flagged": ""}),
        ("options -", {"--count": "how often", "--keep-going": "goes on"}),
        ("options --count ", {}),
        ("options --count 3 fl", {"flagged": ""}),
        ("options --keep-going a s", {"seen": "--keep-going a"}),
        ("options a b=c --k", {"--keep-going": "goes on"}),
        ("both ", {"plain": "one", "raw": "two"}),
        ("both plain ", {"seen": ""}),
        ("both other ", {}),
    ],
)
def test_completion_comes_from_the_parameters(line: str, offered: dict[str, str]) -> None:
    async def play() -> dict[str, str]:
        async with session() as found:
            interpreter = Interpreter(found.session, ROWS)
            return interpreter.complete_own(*interpreter.split(line))

    assert asyncio.run(play()) == offered


def test_where_a_command_line_begins() -> None:
    def watch(
        session: Session, seconds: Annotated[str, Word()], line: Annotated[str, Line()]
    ) -> Reply:
        raise NotImplementedError

    assert SessionCommand("watch", "", watch).line_after == 1
    assert SessionCommand("plain", "", plain).line_after is None


def test_every_command_of_the_table_can_be_read() -> None:
    for row in TABLE:
        for command in (row, *row.verbs):
            assert signature_of(command.function) is command.signature
            assert command.usage.startswith(command.name)
            assert command.help
