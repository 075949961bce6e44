"""The view of a session whose output is a file, a pipe or a dumb terminal: text alone."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from console.session.view import Draw


def is_utf8(encoding: str) -> bool:
    """Whether `encoding`, which Python takes for that of the locale, is UTF-8 indeed.

    In the C locale Python says UTF-8 all the same (PEP 540), unless it was told to.
    """
    assumed = sys.flags.utf8_mode and not os.environ.get("PYTHONUTF8")
    return not assumed and encoding.lower().replace("-", "") == "utf8"


class PlainView:
    """Shows lines on `stream`, whole, without one escape byte; see `console.session.view.View`.

    Args:
        unicode: whether more than ASCII may be used; by default as the stream's encoding says.
    """

    def __init__(self, stream: TextIO, *, unicode: bool | None = None) -> None:
        self._stream = stream
        self.color = False
        self.unicode = is_utf8(stream.encoding) if unicode is None else unicode
        self.interactive = False
        # What is no terminal has no width, and nothing is cut.
        self.width, self.height = 0, 0
        if stream.isatty():
            self.width, self.height = os.get_terminal_size(stream.fileno())

    def show(self, text: str) -> None:
        """Writes the lines."""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def clear(self) -> None:
        """What was written stays."""

    async def live(self, draw: Draw, seconds: float) -> None:
        """Shows it once: a batch must end."""
        self.show(await draw(self.width, self.height))
