"""What a session shows outside the replies to its commands: flow, notices, live tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class View(Protocol):
    """Where a session is seen: a terminal with a line being typed, or plain output.

    Attributes:
        width, height: of what is seen, in characters; they may change at any time.
        color: whether SGR colour sequences may be used; nothing else but text ever may.
        unicode: whether more than ASCII may be used.
        interactive: whether somebody types at it, so that paging and live tables make sense.
    """

    width: int
    height: int
    color: bool
    unicode: bool
    interactive: bool

    def show(self, text: str) -> None:
        """Shows whole lines, above the line being typed. `text` has been made safe."""

    async def live(self, draw: Callable[[int, int], str], seconds: float) -> None:
        """Shows what `draw(width, height)` gives, again each so many seconds, until the
        operator ends it (a key, ^C); without a terminal it is shown once."""
