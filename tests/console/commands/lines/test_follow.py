"""What is followed: the past first, then each new line, until a key."""

import asyncio
from pathlib import Path

import pytest

from yext import Engine
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.commands.lines.follow import parse
from yext.console.session.session import Session
from yext.console.session.view import Draw
from yext.log import CONF, Event, EventKind

SCRIPT = "#!/bin/sh\necho one >&2\nread -r line\n"


class View:
    """A terminal whose operator presses a key when the test says so."""

    width = height = 80
    color = unicode = False
    interactive = True

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.key = asyncio.Event()
        self.began = asyncio.Event()
        self.drawn = ""

    def show(self, text: str) -> None:
        self.lines.append(text)

    def clear(self) -> None: ...

    async def live(self, draw: Draw, seconds: float) -> None:
        self.drawn = await draw(self.width, self.height)
        self.began.set()
        await self.key.wait()


@pytest.mark.parametrize("line", ["external log", "external log ivr.py", "events", "events clear"])
def test_without_the_option_nothing_is_followed(line: str) -> None:
    assert parse(line) is None


def test_a_script_is_followed(tmp_path: Path) -> None:
    (tmp_path / "one.sh").write_text(SCRIPT)
    (tmp_path / "one.sh").chmod(0o755)
    (tmp_path / "extmodule.conf").write_text(f"[general]\nscripts_dir={tmp_path}/\n")

    async def play() -> None:
        async with Engine(tmp_path) as engine:
            session = Session(engine, "test", output=True)
            session.view = view = View()
            found = Interpreter(session, TABLE)
            wrote = asyncio.Event()
            engine.log.subscribe(lambda one: wrote.set() if one.text == "one" else None)
            await found.run("external start one.sh")
            await wrote.wait()
            following = asyncio.create_task(found.run("external log -f one.sh"))
            await view.began.wait()
            assert len(view.lines) == 1 and view.lines[0].endswith("] one")
            assert "one.sh is followed" in view.drawn and not session.output
            for source, text in (("one.sh[7]", "ha\x1b[m"), ("one.sh.bak[8]", "other")):
                engine.log.emit(Event(EventKind.STDERR, text, source=source))
            assert len(view.lines) == 2 and view.lines[1].endswith(" [7] ha\\x1b[m")
            view.key.set()
            assert (await following).ok and session.output
            engine.log.emit(Event(EventKind.STDERR, "later", source="one.sh[7]"))
            assert len(view.lines) == 2

    asyncio.run(play())


def test_events_are_followed_until_it_is_cancelled() -> None:
    async def play() -> None:
        async with Engine() as engine:
            session = Session(engine, "test")
            session.view = view = View()
            view.interactive = False
            following = asyncio.create_task(Interpreter(session, TABLE).run("events -f"))
            while not view.lines:
                await asyncio.sleep(0)
            before = len(view.lines)
            engine.log.emit(Event(EventKind.DEBUG, "bad line", CONF, "extmodule"))
            engine.log.emit(Event(EventKind.STDERR, "no event", source="one.sh[7]"))
            assert len(view.lines) == before + 1 and "<extmodule:CONF> bad line" in view.lines[-1]
            following.cancel()
            with pytest.raises(asyncio.CancelledError):
                await following

    asyncio.run(play())


def test_a_script_that_nobody_knows_is_not_followed() -> None:
    async def play() -> None:
        async with Engine() as engine:
            session = Session(engine, "test")
            found = Interpreter(session, TABLE)
            assert not (await found.run("events -f")).ok
            session.view = View()
            reply = await found.run("external log -f gone.sh")
            assert reply.text == "No script 'gone.sh' was started\r\n"

    asyncio.run(play())
