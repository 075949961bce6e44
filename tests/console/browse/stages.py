"""A stage for a browser, without a terminal: what it draws, and what it does to the stage."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from yext import Reply
from yext.console.browse.browser import Browser
from yext.console.browse.subject import Subject
from yext.console.session.flow import Flow
from yext.ladder.calls import calls_of, find_call
from yext.ladder.ladder import Ladder, ladder_of
from yext.record.journey import Journey
from yext.record.recorder import Follower


@dataclass
class Desk:
    """A browser on a stage.

    Attributes:
        copied: what was put on the clipboard.
        left: whether the browser has ended.
        given: the commands that it has given.
        saved: the files that it has saved, and the numbers of the messages.
        reply: the reply to commands.
        drawings: how often it has asked to be drawn.
    """

    flow: Flow
    columns: int = 80
    rows: int = 24
    color: bool = False
    unicode: bool = True
    live: bool = False
    most: int = 10_000
    fetch: Callable[[], Awaitable[list[Journey]]] | None = None
    copied: list[str] = field(default_factory=list)
    left: bool = False
    given: list[str] = field(default_factory=list)
    saved: list[tuple[str, list[int]]] = field(default_factory=list)
    reply: Reply = field(default_factory=lambda: Reply(True, "done\r\n"))
    drawings: int = 0
    held: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.browser = Browser(
            Subject(
                self.flow, self._follow if self.live else None, self.fetch, self.most, 1 << 25,
                self._run, self._save, lambda: self.held, self._find_ladder,
            )
        )  # fmt: skip
        self.browser.begin(self)

    def _follow(self, follower: Follower) -> Callable[[], None]:
        self.arrive = follower
        return lambda: None

    async def _run(self, line: str) -> Reply:
        self.given.append(line)
        return self.reply

    async def _save(self, file: str, journeys: Sequence[Journey]) -> Reply:
        self.saved.append((file, [one.number for one in journeys]))
        return self.reply

    async def _find_ladder(self, wanted: str) -> Ladder | None:
        call = find_call(calls_of(self.flow.recorded()), wanted)
        return ladder_of(call) if call is not None else None

    # The stage

    def redraw(self) -> None:
        self.drawings += 1

    def redraw_soon(self) -> None:
        self.drawings += 1

    def copy(self, text: str) -> None:
        self.copied.append(text)

    def leave(self) -> None:
        self.left = True

    # What a test does

    async def press(self, *keys: str) -> str:
        """Press keys; return the screen once all work is done."""
        for key in keys:
            edit = self.browser.edit
            if edit is None:
                self.browser.press(key)
            else:
                raise AssertionError(f"{key}: a line is typed")
            await self.idle()
        return self.screen()

    async def type(self, text: str, end: str = "enter") -> str:
        """Type a line, and end it."""
        edit = self.browser.edit
        assert edit is not None, "no line is typed"
        for at in range(len(text) + 1):
            edit.changed(text[:at])
            await self.idle()
        if end == "enter":
            edit.accept(text)
        elif end == "escape":
            edit.cancel()
        await self.idle()
        return self.screen()

    async def idle(self) -> None:
        """Wait until the browser has nothing more to do."""
        await asyncio.sleep(0)
        while self.browser.busy:
            await asyncio.sleep(0)

    def screen(self) -> str:
        """The screen."""
        lines = self.browser.draw(self.columns, self.rows)
        assert len(lines) == self.rows
        return "\n".join(line.rstrip() for line in lines)

    def lines(self) -> list[str]:
        """The lines between the first and the last, without those that are empty."""
        return [line for line in self.screen().split("\n")[1:-1] if line]

    def current(self) -> str:
        """The line with the cursor, without it."""
        found = [line[4:] for line in self.lines() if line.startswith(">")]
        assert len(found) == 1, self.screen()
        return found[0]

    def status(self) -> str:
        """The last line."""
        return self.screen().split("\n")[-1].strip()

    def title(self) -> str:
        """The first line, without the keys at its end."""
        return self.screen().split("\n")[0].removesuffix("? keys   q back").strip()
