"""A program on the whole screen of a terminal, and the line that is typed at its bottom."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Point
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import ANSI, StyleAndTextTuples, to_formatted_text
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import (
    BufferControl,
    ConditionalContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    UIContent,
    UIControl,
    Window,
)
from prompt_toolkit.layout.processors import BeforeInput

from yext.console.shell.prompt import SecretProcessor

if TYPE_CHECKING:
    from yext.console.session.program import Edit, Program
    from yext.console.session.secrets import Secrets
    from yext.console.shell.terminal import TerminalOutput

REDRAW_SECONDS = 0.1
"""The least time between two drawings that no key has asked for."""

ESCAPE_SECONDS = 0.05
"""How long Escape waits for the rest of a key's sequence."""

_SPECIAL = (
    "up", "down", "left", "right", "pageup", "pagedown", "home", "end", "enter", "escape", "tab",
    "backspace", "delete", "c-b", "c-c", "c-d", "c-f",
)  # fmt: skip
"""The keys beside characters that a program gets, by prompt_toolkit's names."""

_NAMES = {"c-m": "enter", "c-i": "tab", "c-h": "backspace"}
"""The names of programs for keys that prompt_toolkit calls otherwise."""


class Canvas(UIControl):
    """The lines that a program draws."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def is_focusable(self) -> bool:
        """Return True: keys are for the program."""
        return True

    def create_content(self, width: int, height: int) -> UIContent:
        """Have the program draw its lines."""
        lines = self._program.draw(width, height)

        def line(at: int) -> StyleAndTextTuples:
            text = lines[at]
            return to_formatted_text(ANSI(text)) if "\x1b" in text else [("", text)]

        return UIContent(
            line, line_count=len(lines), show_cursor=False, cursor_position=Point(0, 0)
        )


class FullScreen:
    """The screen of one program (`console.session.program.Stage`).

    Args:
        program: what is shown.
        like: the application of the line being typed: the terminal, the style and the way of
            editing are its.
        output: where that writes.
        secrets: finds passwords in what is typed.
        color, unicode: what the terminal can show.
    """

    def __init__(
        self,
        program: Program,
        like: Application[None],
        output: TerminalOutput,
        secrets: Secrets,
        *,
        color: bool,
        unicode: bool,
    ) -> None:
        self.color = color
        self.unicode = unicode
        self._program = program
        self._output = output
        self._loop = asyncio.get_running_loop()
        self._edited: Edit | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._drawn = 0.0
        self._resized = False
        self._buffer = Buffer(multiline=False, on_text_changed=self._changed)
        self._canvas = Window(Canvas(program), wrap_lines=False, always_hide_cursor=True)
        self._line = Window(
            BufferControl(
                self._buffer,
                input_processors=[SecretProcessor(secrets), BeforeInput(self._label)],
            ),
            height=1,
        )
        self._app = self._make(like)

    def _make(self, like: Application[None]) -> Application[None]:
        editing = Condition(lambda: self._edited is not None)
        mistaken = Condition(lambda: self._edited is not None and self._edited.mistake is not None)
        mistake = Window(FormattedTextControl(self._mistake), height=1)
        body = HSplit(
            [
                self._canvas,
                ConditionalContainer(self._line, editing),
                ConditionalContainer(mistake, mistaken),
            ]
        )
        app: Application[None] = Application(
            Layout(body, self._canvas),
            key_bindings=self._keys(editing),
            style=like.style,
            include_default_pygments_style=False,
            full_screen=True,
            editing_mode=like.editing_mode,
            input=like.input,
            output=like.output,
            color_depth=like.color_depth,
            before_render=self._before_render,
            after_render=self._after_render,
        )
        app.ttimeoutlen = ESCAPE_SECONDS
        app.terminal_size_polling_interval = None
        return app

    def _keys(self, editing: Condition) -> KeyBindings:
        keys = KeyBindings()

        @keys.add(Keys.Any, filter=~editing)
        def _press(event: KeyPressEvent) -> None:
            pressed = event.key_sequence[0]
            name = pressed.key.value if isinstance(pressed.key, Keys) else pressed.key
            self._program.press(_NAMES.get(name, name))
            self._follow_edit()

        for special in _SPECIAL:
            keys.add(special, filter=~editing, eager=True)(_press)

        @keys.add("enter", filter=editing, eager=True)
        def _accept(event: KeyPressEvent) -> None:
            if self._edited is not None:
                self._edited.accept(self._buffer.text)
                self._follow_edit()

        # With vi keys the first Escape is that of vi.
        inserting = Condition(lambda: _is_vi_insertion(self._app))

        @keys.add("escape", filter=editing & ~inserting, eager=True)
        @keys.add("c-c", filter=editing, eager=True)
        def _cancel(event: KeyPressEvent) -> None:
            if self._edited is not None:
                self._edited.cancel()
                self._follow_edit()

        return keys

    async def run(self) -> None:
        """Show the program until it leaves."""
        self._program.begin(self)
        try:
            await self._app.run_async(set_exception_handler=False, handle_sigint=False)
        except EOFError:
            pass  # The terminal was closed, which the shell sees too.
        finally:
            self._program.end()
            if self._timer is not None:
                self._timer.cancel()

    # The stage

    def redraw(self) -> None:
        """Draw at once."""
        self._app.invalidate()

    def redraw_soon(self) -> None:
        """Draw soon, unless that is going to happen already."""
        if self._timer is None:
            when = max(self._loop.time(), self._drawn + REDRAW_SECONDS)
            self._timer = self._loop.call_at(when, self._redraw_now)

    def _redraw_now(self) -> None:
        self._timer = None
        # A terminal that takes nothing is drawn again once it has taken what waits.
        if not self._output.busy:
            self._app.invalidate()

    def copy(self, text: str) -> None:
        """Send OSC 52, as xterm's control sequences have it."""
        data = base64.b64encode(text.encode("utf-8", "replace")).decode()
        self._output.write(f"\x1b]52;c;{data}\x07")

    def leave(self) -> None:
        """End the program."""
        if self._app.is_running and not self._app.is_done:
            self._app.exit()

    # The terminal

    def resized(self) -> None:
        """Draw all of it for another size of the terminal."""
        self._resized = True
        self._app.invalidate()

    def drained(self) -> None:
        """Draw all of it again if something of it was dropped, or what has changed."""
        if self._output.take_dropped():
            self._resized = True
        self._app.invalidate()

    def _before_render(self, app: Application[None]) -> None:
        self._drawn = self._loop.time()
        self._output.hold()
        if self._resized:
            self._resized = False
            app.renderer.erase(leave_alternate_screen=False)

    def _after_render(self, app: Application[None]) -> None:
        self._output.release()

    # The line that is typed

    def _follow_edit(self) -> None:
        """Take on the line that the program wants typed, or none."""
        edit = self._program.edit
        if edit is self._edited:
            self._app.invalidate()
            return
        self._edited = None  # What follows is no change by the operator.
        text = edit.text if edit is not None else ""
        self._buffer.set_document(Document(text, len(text)), bypass_readonly=True)
        self._edited = edit
        self._line.horizontal_scroll = 0
        self._app.layout.focus(self._line if edit is not None else self._canvas)
        if self._app.editing_mode is EditingMode.VI:
            self._app.vi_state.reset()
        self._app.invalidate()

    def _changed(self, buffer: Buffer) -> None:
        if self._edited is not None:
            self._edited.changed(buffer.text)

    def _label(self) -> StyleAndTextTuples:
        return [("bold", self._edited.label)] if self._edited is not None else []

    def _mistake(self) -> StyleAndTextTuples:
        edit = self._edited
        if edit is None or edit.mistake is None:
            return []
        return [("class:failed", " " * (len(edit.label) + edit.mistake.column)),
                ("class:failed", f"^ {edit.mistake.text}")]  # fmt: skip


def _is_vi_insertion(app: Application[None]) -> bool:
    """Whether Escape has not been pressed yet, in a line that is edited with vi keys."""
    from prompt_toolkit.key_binding.vi_state import InputMode

    return app.editing_mode is EditingMode.VI and app.vi_state.input_mode is InputMode.INSERT
