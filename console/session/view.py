"""What a session shows outside the replies to its commands: flow, notices, live tables."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

Draw = Callable[[int, int], Awaitable[str]]
"""Gets columns and rows, gives the lines to be shown, made safe; SGR colours only if the view
has them."""


class View(Protocol):
    """Where a session is seen: a terminal with a line being typed, or plain output.

    Attributes:
        width, height: of what is seen, in characters; they may change at any time.
        color: whether SGR colour sequences may be used; nothing else but text ever may.
        unicode: whether more than ASCII may be used.
        interactive: whether somebody types at it, so that paging and live tables make sense.
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
        """Shows whole lines, above the line being typed. `text` has been made safe."""

    def clear(self) -> None:
        """Empties what is seen, where that can be done."""

    async def live(self, draw: Draw, seconds: float) -> None:
        """Shows what `draw` gives, again each so many seconds, until the operator ends it
        (a key, ^C); without a terminal it is shown once."""
