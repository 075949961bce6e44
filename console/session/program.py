"""What has the whole screen of a view for a while: the messages of `flow browse`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable


class Mistake(NamedTuple):
    """A mistake in a line that is being typed.

    Attributes:
        column: where it is, in characters from 0.
        text: what is wrong.
    """

    column: int
    text: str


class Edit(Protocol):
    """A line that is typed at the bottom of the screen.

    Attributes:
        label: what stands before it.
        text: what it holds at first.
        mistake: what is wrong with it, None while nothing is.
    """

    label: str
    text: str
    mistake: Mistake | None

    def changed(self, text: str) -> None:
        """Take in the line as far as it was typed."""

    def accept(self, text: str) -> None:
        """End the line with Enter."""

    def cancel(self) -> None:
        """End it with Escape."""


class Stage(Protocol):
    """The screen of a program.

    Attributes:
        color, unicode: as of `View`.
    """

    @property
    def color(self) -> bool: ...
    @property
    def unicode(self) -> bool: ...

    def redraw(self) -> None:
        """Draw at once, after a key."""

    def redraw_soon(self) -> None:
        """Draw soon, after what nobody has asked for; several calls are one drawing."""

    def copy(self, text: str) -> None:
        """Put a text on the clipboard of the operator's terminal, if that allows it."""

    def leave(self) -> None:
        """End the program."""


class Program(Protocol):
    """What is drawn on the whole screen, and takes its keys.

    Attributes:
        edit: the line being typed, None for none: keys go there.
    """

    edit: Edit | None

    def begin(self, stage: Stage) -> None:
        """Begin on a screen."""

    def draw(self, columns: int, rows: int) -> Sequence[str]:
        """Return the lines of the screen, made safe; SGR sequences only if the stage has colour."""

    def press(self, key: str) -> None:
        """Take a key: a character, or a name such as ``up``, ``pagedown``, ``enter``, ``c-c``."""

    def end(self) -> None:
        """End all that it has begun."""


@runtime_checkable
class FullScreen(Protocol):
    """A view that can leave its whole screen to a program."""

    async def run_program(self, make: Callable[[], Program]) -> None:
        """Run a program until it leaves, and show the line being typed again as it was."""
