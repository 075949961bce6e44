"""Standard error of a script: shown once, in the notice about its end if it has it."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from yext import Reply
from yext.console.link import Link
from yext.console.shell import presenter
from yext.console.shell.presenter import Presenter
from yext.console.shell.screen import Screen
from yext.log import Event, EventKind

ERROR = Event(EventKind.STDERR, "it is broken", source="x.py[7]")
OTHER = Event(EventKind.STDERR, "something else", source="y.py[8]")
END = Event(EventKind.NOTICE, "", lines=("x.py ended", "it is broken"), session="console")


def presenter_of(shown: list[str]) -> Presenter:
    """Return a presenter for a session that wants all events; `shown` gets what is shown."""
    link = SimpleNamespace(session="console", wants=lambda event: True, look_up=None)

    async def page(text: str, **how: bool) -> None:
        shown.append(text)

    screen = SimpleNamespace(
        width=80, color=False, unicode=False, show=shown.append, stream=shown.append, page=page
    )
    return Presenter(cast(Link, link), cast(Screen, screen), plain=False)


def test_the_notice_about_an_end_has_the_last_words_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presenter, "_HOLD_SECONDS", 1000.0)

    async def play() -> None:
        shown: list[str] = []
        showing = presenter_of(shown)
        for event in (ERROR, OTHER, END):
            showing.event(event)
        (panel,) = shown
        assert "x.py ended" in panel and "it is broken" in panel
        showing.close()
        assert shown[1:] == [OTHER.line()]

    asyncio.run(play())


def test_other_lines_are_shown_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presenter, "_HOLD_SECONDS", 0.0)

    async def play() -> None:
        shown: list[str] = []
        showing = presenter_of(shown)
        showing.event(ERROR)
        showing.event(OTHER)
        assert shown == []
        while not shown:
            await asyncio.sleep(0)
        assert shown == [ERROR.line(), OTHER.line()]

    asyncio.run(play())


def test_a_repeated_end_has_none_of_the_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presenter, "_HOLD_SECONDS", 1000.0)
    lines = ("x.py ended again at 12:00:00, exit status 1", "why: external why x.py")

    async def play() -> None:
        shown: list[str] = []
        showing = presenter_of(shown)
        end = Event(EventKind.NOTICE, "; ".join(lines), lines=lines, session="console")
        for event in (ERROR, OTHER, end):
            showing.event(event)
        assert shown == [f"x {lines[0]}     external why x.py\n"]
        showing.close()
        assert shown[1:] == [OTHER.line()]

    asyncio.run(play())


def test_a_reply_does_not_repeat_a_notice_that_was_just_shown() -> None:
    lines = ("gone.py: No such file or directory (ENOENT, 2)", "do: check the name")
    again = Reply(True, f"Reinitializing...\r\n{'; '.join(lines)}\r\n")

    async def play() -> None:
        shown: list[str] = []
        showing = presenter_of(shown)
        showing.event(Event(EventKind.NOTICE, "", lines=lines))
        for _ in range(2):
            await showing.reply("reload", again)
        assert "gone.py" in shown[0] and "ENOENT" in shown[0]
        assert shown[1] == "Reinitializing...\ngone.py: see above\n"
        assert "ENOENT" in shown[2]

    asyncio.run(play())
