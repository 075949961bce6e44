"""What is told of a script's standard error: once, with its end if it dies of it."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from console.link import Link
from console.shell import presenter
from console.shell.presenter import Teller
from console.shell.screen import Screen
from yext.log import Event

ERROR = Event("stderr", "it is broken", source="x.py[7]")
OTHER = Event("stderr", "something else", source="y.py[8]")
END = Event("notice", "", lines=("x.py ended", "it is broken"), session="console")


def told(shown: list[str]) -> Teller:
    """A teller for a session that sees everything, on a screen that keeps what it is shown."""
    link = SimpleNamespace(session="console", wants=lambda event: True)
    screen = SimpleNamespace(
        width=80, color=False, unicode=False, show=shown.append, stream=shown.append
    )
    return Teller(cast(Link, link), cast(Screen, screen), plain=False)


def test_what_a_script_died_of_is_told_with_its_end_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presenter, "_HOLD_SECONDS", 1000.0)

    async def play() -> None:
        shown: list[str] = []
        telling = told(shown)
        for event in (ERROR, OTHER, END):
            telling.tell(event)
        (panel,) = shown
        assert "x.py ended" in panel and "it is broken" in panel
        telling.close()
        assert shown[1:] == [OTHER.line()]

    asyncio.run(play())


def test_what_no_script_died_of_is_told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presenter, "_HOLD_SECONDS", 0.0)

    async def play() -> None:
        shown: list[str] = []
        telling = told(shown)
        telling.tell(ERROR)
        telling.tell(OTHER)
        assert shown == []
        while not shown:
            await asyncio.sleep(0)
        assert shown == [ERROR.line(), OTHER.line()]

    asyncio.run(play())
