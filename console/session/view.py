"""Where a session shows what is not a reply to a command: flow, notices, live tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from typing import Protocol, TextIO, runtime_checkable

from yext.console.session.preferences import Preferences

Draw = Callable[[int, int], Awaitable[str]]
"""Takes columns and rows, returns the lines to be shown, made safe; SGR colours only if the view
has them."""


class View(Protocol):
    """A terminal with a line being typed, or plain output.

    Attributes:
        width, height: in characters; they may change at any time. 0 means without a limit.
        color: whether SGR colour sequences may be used; nothing else but text ever may.
        unicode: whether more than ASCII may be used.
        interactive: whether an operator types at it, so that paging and live tables make sense.
    """

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def color(self) -> bool: ...
    @property
    def unicode(self) -> bool: ...
    @property
    def interactive(self) -> bool: ...

    def show(self, text: str) -> None:
        """Show whole lines, above the line being typed. `text` has been made safe."""

    def clear(self) -> None:
        """Clear the screen, where there is one."""

    async def live(self, draw: Draw, seconds: float) -> None:
        """Show what `draw` returns and redraw it at that interval, until the operator presses a
        key or ^C; without a terminal it is shown once."""


@runtime_checkable
class Copying(Protocol):
    """A view that can pass on a copy of what it shows."""

    def copy_to(self, add: Callable[[str], None]) -> None:
        """Call `add` with all lines that are shown from now on."""


@runtime_checkable
class Adjustable(Protocol):
    """A view that the operator's settings hold for."""

    preferences: Preferences


class PlainView:
    """A view on a file, a pipe or a dumb terminal: whole lines without one escape byte.

    Args:
        stream: where lines are written.
        unicode: whether more than ASCII may be used; by default as the stream's encoding says.
    """

    def __init__(self, stream: TextIO, *, unicode: bool | None = None) -> None:
        self._stream = stream
        self.color = False
        self.unicode = is_utf8(stream.encoding) if unicode is None else unicode
        self.interactive = False
        # Without a terminal there is no width, and nothing is cut.
        self.width, self.height = 0, 0
        if stream.isatty():
            self.width, self.height = os.get_terminal_size(stream.fileno())

    def show(self, text: str) -> None:
        """Write the lines."""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def clear(self) -> None:
        """Do nothing: what was written stays."""

    async def live(self, draw: Draw, seconds: float) -> None:
        """Show it once: a batch must end."""
        self.show(await draw(self.width, self.height))


def is_utf8(encoding: str) -> bool:
    """Whether `encoding`, which Python takes for that of the locale, really is UTF-8.

    In the C locale Python assumes UTF-8 (PEP 540); PYTHONUTF8 set by the user is believed.
    """
    assumed = sys.flags.utf8_mode and not os.environ.get("PYTHONUTF8")
    return not assumed and encoding.lower().replace("-", "") == "utf8"
