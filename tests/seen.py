"""A session on an engine in this process, and a view that keeps what it is shown."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from yext import Engine, Message
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.session.session import Session
from yext.console.session.view import Draw


class Seen:
    """A view of so many columns; `lines` holds all that it was shown."""

    color = False
    interactive = False

    def __init__(self, width: int = 0, *, unicode: bool = True) -> None:
        self.width, self.height = width, 24
        self.unicode = unicode
        self.lines: list[str] = []

    def show(self, text: str) -> None:
        self.lines += text.split("\n")

    def clear(self) -> None:
        self.lines.clear()

    async def live(self, draw: Draw, seconds: float) -> None:
        self.show(await draw(self.width, self.height))


@asynccontextmanager
async def session(config: Path | None = None, **more: object) -> AsyncIterator[Interpreter]:
    """An interpreter for an admin with a view, on an engine that answers some messages."""
    async with Engine(config, node="alder") as engine:
        for name in ("call.route", "my.route"):
            engine.install(name, _route, 50)
        view = Seen()
        found = Session(engine, "console", **({"view": view} | more))  # type: ignore[arg-type]
        try:
            yield Interpreter(found, TABLE)
        finally:
            found.close()


def _route(message: Message) -> bool:
    """Routes what is called 9 and more."""
    if not message.get("called").startswith("9"):
        return False
    message["called"] = "00" + message["called"]
    message["targetid"] = "r/1"
    message.retvalue = "sip/" + message["called"]
    return True
