"""A line that is typed at the bottom of the screen, for a command or the name of a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yext.console.browse.page import Desk
    from yext.console.session.program import Mistake


class LineEdit:
    """A line that is typed at the bottom, and does something with Enter.

    Args:
        desk: where it is typed.
        label: what stands before it.
        text: what it holds at first.
        then: does it; an empty line does nothing.
    """

    mistake: Mistake | None = None

    def __init__(self, desk: Desk, label: str, text: str, then: Callable[[str], None]) -> None:
        self.label = label
        self.text = text
        self._desk = desk
        self._then = then

    def changed(self, text: str) -> None:
        """Nothing is done before Enter."""

    def accept(self, text: str) -> None:
        """Do it."""
        self._desk.edit = None
        if text.strip():
            self._then(text.strip())

    def cancel(self) -> None:
        """Do nothing."""
        self._desk.edit = None
