"""The browser of messages: its pages, the keys that all of them have, and the live record."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from yext.console.browse.command import as_command
from yext.console.browse.journeypage import JourneyPage
from yext.console.browse.journeytext import (
    BOLD,
    DIM,
    difference,
    paint,
    uncoloured,
    visible_columns,
)
from yext.console.browse.ladderpage import LadderPage
from yext.console.browse.lineedit import LineEdit
from yext.console.browse.listing import Listing
from yext.console.browse.listpage import ListPage
from yext.console.browse.page import Key, Page, by_name
from yext.console.browse.subject import Subject
from yext.console.browse.textpage import TextPage, key_lines
from yext.console.replies.trace import Style, cut
from yext.errors import YextError
from yext.log import safe, split_lines
from yext.slices import Slices

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from yext import Reply
    from yext.console.session.program import Edit, Stage
    from yext.record.journey import Journey

COPY_MOST: Final = 48 * 1024
"""Characters of a command that are copied; terminals take no more of OSC 52."""

_HELD_MOST: Final = 4
"""Lines about messages that are held."""

_COUNTDOWN_SECONDS: Final = 0.5
"""How often the time that they have left is drawn again."""

_STATUS_MOST: Final = 500
"""Characters of the text on the last line."""

_LEAST: Final = 40
"""Columns from which pages fit, and the first line names keys; on fewer, lines are cut."""

_TESTS: Final = (".yext", ".py")
"""The endings of files that are tests."""


class Browser:
    """The messages of a session on the whole screen (`console.session.program.Program`).

    Args:
        subject: the messages.

    Attributes:
        listing: those that it keeps.
        cursor: the number of the message that the cursor is on, 0 for none.
        edit: the line being typed, None for none.
        status: the text on the last line, empty for the most important keys.
    """

    def __init__(self, subject: Subject) -> None:
        self.listing = Listing(subject.most, subject.most_bytes)
        self.cursor = 0
        self.edit: Edit | None = None
        self.status = ""
        self._subject = subject
        self._list = ListPage(self, subject.flow)
        self._pages: list[Page] = [self._list]
        self._slices = Slices()
        self._tasks: set[asyncio.Task[None]] = set()
        self._unfollow: Callable[[], None] | None = None
        self._stage: Stage | None = None
        self._countdown: asyncio.TimerHandle | None = None

    # The program

    def begin(self, stage: Stage) -> None:
        """Show the record, and follow what comes."""
        self._stage = stage
        self.listing.keep(self._subject.flow.recorded())
        self._list.choose(self._list.filter)
        if self._subject.follow is not None:
            self._unfollow = self._subject.follow(self._ended)
            if self._subject.fetch is not None:
                self.status = "The record is fetched ..."
                self._start(self._fetch(self._subject.fetch))

    async def _fetch(self, fetch: Callable[[], Awaitable[list[Journey]]]) -> None:
        """Add the record of an engine elsewhere to what has come since."""
        try:
            found = await fetch()
        except YextError as error:
            self.say(f"The record cannot be fetched: {error}")
            return
        self.status = ""
        self.listing.merge(found)
        self._list.choose(self._list.filter)

    def end(self) -> None:
        """End following, and all work."""
        self._stage = None
        if self._countdown is not None:
            self._countdown.cancel()
        if self._unfollow is not None:
            self._unfollow()
        for task in self._tasks:
            task.cancel()

    def draw(self, columns: int, rows: int) -> Sequence[str]:
        """Return the lines of the screen: a title, a page, and keys or a text."""
        page, style = self._pages[-1], self.style(columns)
        held = self._held_lines(style)[: max(0, rows - 5)]
        rows -= len(held)
        body = list(page.draw(columns, max(1, rows - 2)))[: max(1, rows - 2)]
        if columns < _LEAST:
            body = [cut(uncoloured(line), columns, style.more) for line in body]
        body += [""] * (rows - 2 - len(body))
        right = "? keys   q back" if columns >= _LEAST else ""
        title = cut(f" {page.title}", max(1, columns - len(right) - 3), style.more)
        gap = " " * (columns - visible_columns(title) - len(right) - 1)
        head = paint(cut(f"{title}{gap}{right} ", columns, style.more), BOLD, style)
        foot = f" {self.status or page.hint}"
        foot = paint(cut(foot, columns, style.more), BOLD if self.status else DIM, style)
        return [head, *body, *held, foot]

    def _held_lines(self, style: Style) -> list[str]:
        """The messages that the session holds, with the time they have left."""
        held = self._subject.held()
        if held and self._countdown is None:
            loop = asyncio.get_running_loop()
            self._countdown = loop.call_later(_COUNTDOWN_SECONDS, self._count_down)
        lines = [cut(f" {line}", style.width, style.more) for _, line in held[:_HELD_MOST]]
        return [paint(line, BOLD, style) for line in lines]

    def _count_down(self) -> None:
        self._countdown = None
        self._redraw_soon()

    def press(self, key: str) -> None:
        """Take a key: one of the page, or one of all pages."""
        self.status = ""
        if not self._pages[-1].press(key) and (found := _BY_NAME.get(key)) is not None:
            found.do(self)
        if self._stage is not None:
            self._stage.redraw()

    @property
    def busy(self) -> bool:
        """Whether work goes on that somebody has asked for."""
        return self._slices.working or bool(self._tasks)

    # What pages use

    def style(self, width: int) -> Style:
        """The style of lines of a width."""
        stage = self._stage
        return Style(width, stage.unicode, stage.color) if stage is not None else Style(width)

    def visible(self, journey: Journey) -> Journey:
        """A message as the session may see it."""
        return self._subject.flow.visible(journey)

    def say(self, text: str) -> None:
        """Show a text on the last line, until the next key."""
        self.status = safe(text[:_STATUS_MOST])
        self._redraw_soon()

    def open(self, page: Page) -> None:
        """Show a page above the one that is shown now."""
        self._pages.append(page)

    def back(self) -> None:
        """Show the page before, or leave."""
        if len(self._pages) > 1:
            self._pages.pop()
        elif self._stage is not None:
            self._stage.leave()

    def work(self, steps: Iterator[object]) -> None:
        """Do work in slices of the event loop, and draw what has come of it."""

        def drawn() -> Iterator[None]:
            for _ in steps:
                if self._stage is None:
                    return  # It has ended.
                yield
            self._redraw_soon()

        self._slices.do(drawn())

    def _redraw_soon(self) -> None:
        if self._stage is not None:
            self._stage.redraw_soon()

    def _ended(self, journey: Journey) -> None:
        """Take in a message, which happens thousands of times a second."""
        if self.listing.add(journey):
            self._list.added += 1
        self._redraw_soon()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Keys of all pages

    def _current(self) -> Journey | None:
        """The message that keys for one message mean."""
        found = self._pages[-1].journey
        if found is None:
            self.say("There is no message here")
            return None
        return self.visible(found)

    def enter(self) -> None:
        """Show the journey of the message."""
        journey = self._pages[-1].journey
        if journey is not None:
            self.open_journey(journey)

    def open_journey(self, journey: Journey) -> None:
        """Show the journey of a message."""
        self._list.following = False
        self.open(JourneyPage(self, self._list, journey))

    def ladder(self) -> None:
        """Show the ladder of the call that the message belongs to."""
        journey = self._current()
        if journey is not None:
            self.say("Drawing the ladder ...")
            self._start(self._show_ladder(journey.number))

    async def _show_ladder(self, number: int) -> None:
        found = await self._subject.find_ladder(str(number))
        if found is None:
            self.say(f"#{number} belongs to no call: it carries no id of one")
            return
        self.status = ""
        self.open(LadderPage(self, found, number, self.open_journey))
        self._redraw_soon()

    def again(self) -> None:
        """Send the message again."""
        if self._subject.follow is not None:
            journey = self._current()
            if journey is not None:
                self.give(f"message --again {journey.number}")
        elif (command := self._command()) is not None:
            # The engine does not have the messages of a file.
            self.give(command)

    def change(self) -> None:
        """Change the command that sends the message, and give it."""
        command = self._command()
        if command is not None:
            self._type_command(command)

    def _command(self) -> str | None:
        journey = self._current()
        if journey is None:
            return None
        command = as_command(journey)
        if command is None:
            self.say("No command can send it: it has hidden values, or characters nobody can type")
        return command

    def give(self, command: str) -> None:
        """Carry out a command, and say what came of it."""
        self.say("Sending ...")
        self._start(self._report(self._subject.run(command)))

    async def _report(self, replied: Awaitable[Reply]) -> None:
        reply = await replied
        lines = split_lines(reply.text)
        self.say(lines[0] if lines else ("Done" if reply.ok else "Failed"))

    def hold(self) -> None:
        """Type which messages are to be held."""
        self._type_command(f"intercept {self._list.filter.text}".rstrip() + " ")

    def answer(self) -> None:
        """Type the answer to the message that is held longest."""
        if (number := self._held_longest()) is not None:
            self._type_command(f"answer {number} true ")

    def resume(self) -> None:
        """Let the message go on that is held longest."""
        if (number := self._held_longest()) is not None:
            self.give(f"resume {number}")

    def drop(self) -> None:
        """End the message that is held longest."""
        if (number := self._held_longest()) is not None:
            self.give(f"drop {number}")

    def _held_longest(self) -> int | None:
        held = self._subject.held()
        if not held:
            self.say("No message is held: i holds some")
            return None
        return held[0][0]

    def _type_command(self, text: str) -> None:
        self.edit = LineEdit(self, "> ", text, self.give)

    def copy(self) -> None:
        """Copy the command that sends the message."""
        command = self._command()
        if command is None or self._stage is None:
            return
        if len(command) > COPY_MOST:
            self.say(f"It is too long to be copied: {len(command):,} characters")
            return
        self._stage.copy(command)
        self.say("Copied as a command, if the terminal allows that (OSC 52)")

    def save(self) -> None:
        """Save the marked messages, or all of the list."""
        self._ask_file("save {} to (.html for a page): ", ())

    def test(self) -> None:
        """Write the marked messages, or all of the list, as a test."""
        self._ask_file("test of {} to (.yext or .py): ", _TESTS)

    def _ask_file(self, label: str, endings: tuple[str, ...]) -> None:
        """Ask for the file to write messages to.

        Args:
            label: what stands before the name; ``{}`` stands for how many messages there are.
            endings: what the name must end in, empty for anything.
        """
        chosen = list(self.listing.marked.values())
        if not chosen:
            chosen = [self.listing[place] for place in range(len(self.listing))]
        if not chosen:
            self.say("There is no message to save")
            return

        def then(file: str) -> None:
            if endings and not file.lower().endswith(endings):
                self.say(f"The name of a test ends in {' or '.join(endings)}")
                return
            self.say("Saving ...")
            self._start(self._report(self._subject.save(file, chosen)))

        what = f"{len(chosen):,} message{'' if len(chosen) == 1 else 's'}"
        self.edit = LineEdit(self, label.format(what), "", then)

    def compare(self) -> None:
        """Show the difference of two marked messages."""
        marked = sorted(self.listing.marked.values(), key=lambda journey: journey.number)
        if len(marked) != 2:
            self.say(f"Mark two messages with m; {len(marked)} are marked")
            return
        one, other = map(self.visible, marked)

        def lines(columns: int) -> Sequence[str]:
            return difference(one, other, self.style(columns))

        self.open(TextPage(f"#{one.number} and #{other.number}", lines))

    def keys(self) -> None:
        """List the keys."""
        own = self._pages[-1].table
        self.open(TextPage("keys", lambda columns: key_lines(own, KEYS, columns)))


KEYS: Final = (
    Key(("enter",), "Enter", "the journey of the message", Browser.enter),
    Key(("L",), "L", "the ladder of its call", Browser.ladder),
    Key(("d",), "d", "the difference of two marked messages", Browser.compare),
    Key(("r",), "r", "send it again", Browser.again),
    Key(("e",), "e", "change it, and send it", Browser.change),
    Key(("w",), "w", "save the marked messages, or all that are listed", Browser.save),
    Key(("t",), "t", "write them as a test", Browser.test),
    Key(("y",), "y", "copy it as a command", Browser.copy),
    Key(("i",), "i", "hold messages (intercept)", Browser.hold),
    Key(("a",), "a", "answer the message held longest", Browser.answer),
    Key(("u",), "u", "let it go on (resume)", Browser.resume),
    Key(("x",), "x", "drop it", Browser.drop),
    Key(("?",), "?", "these keys", Browser.keys),
    Key(("q", "escape", "c-c", "c-d"), "q Esc", "back", Browser.back),
)

_BY_NAME = by_name(KEYS)
