"""The list of commands on one screen."""

import asyncio

import pytest

from yext import Engine, Message, Reply
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.replies import helplist
from yext.console.replies.draw import Page
from yext.console.replies.render import render
from yext.console.session.session import Session

PAGE = Page(80, color=False, unicode=True)


async def _listed(*more: str) -> str:
    """The list of a started engine to which a script has added commands."""
    async with Engine() as engine:

        def add(message: Message) -> bool:
            message.retvalue += "".join(f"  {one}\r\n" for one in more)
            return False

        engine.install("engine.help", add)
        reply = await Interpreter(Session(engine, "test"), TABLE).run("help")
        return render(reply, "help", PAGE, {"greet": "Greets somebody", "x": "y" * 100})


def test_all_commands_fit_a_small_screen() -> None:
    lines = asyncio.run(_listed()).splitlines()
    assert len(lines) <= 22, "the line, the bottom line"
    assert max(map(len, lines)) <= 80
    heads = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert heads[:6] == ["Scripts", "Messages", "Calls", "Engine", "Session", "help"]


def test_no_command_is_left_out_and_none_is_invented() -> None:
    """A command that gets no place in a group would come under More."""
    text = asyncio.run(_listed())
    assert "More" not in text
    for row in TABLE:
        if row.name not in ("?", "frame", "!"):
            assert row.name in text.split(), row.name


def test_commands_of_scripts_are_described() -> None:
    lines = asyncio.run(_listed("greet NAME", "x")).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("More"))
    assert lines[at].split(None, 2) == ["More", "greet", "Greets somebody"]
    assert lines[at + 1].startswith(f"{' ' * 11}x   yyyy") and len(lines[at + 1]) == 80


def test_many_commands_of_scripts_are_named() -> None:
    names = [f"command{number}" for number in range(20)]
    lines = asyncio.run(_listed(*names)).splitlines()
    assert len(lines) <= 24
    assert [word for line in lines for word in line.split() if word in names] == names


@pytest.mark.parametrize("width", [40, 80, 200])
def test_what_is_shown_is_safe_and_not_broken(width: int) -> None:
    page = Page(width, color=False, unicode=True)
    text = helplist.draw(["uptime", "od\x1b[31md x"], {}, page)
    assert "\x1b" not in text
    assert "uptime" in text and "reload" not in text


def test_an_odd_list_is_shown_as_it_is() -> None:
    reply = Reply(True, "Available commands:\r\nodd\r\n")
    assert render(reply, "help", PAGE) == "Available commands:\nodd\n"
