"""The view of an attached session: what it shows is sent to its console."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from yext.console import interface
from yext.console.session.view import Draw

_COLUMNS_MAX, _ROWS_MAX = 1000, 500
"""The largest window that is drawn for."""

Send = Callable[[Mapping[str, object]], None]


class AttachedView:
    """The view of a session whose operator's terminal is at an attached console.

    Args:
        send: sends what nobody asked for; it may be left out.
        frame: sends the picture of a live table.
    """

    def __init__(self, send: Send, frame: Callable[[str], None]) -> None:
        self.width = self.height = 0
        self.color = self.interactive = False
        self.unicode = True
        self._send = send
        self._frame = frame

    def configure(self, request: Mapping[str, Any]) -> None:
        """Take on what the console says of its terminal. Raises `InterfaceError`."""
        self.width = min(interface.whole(request.get("width")), _COLUMNS_MAX)
        self.height = min(interface.whole(request.get("height")), _ROWS_MAX)
        self.color = interface.truth(request.get("color"))
        self.unicode = interface.truth(request.get("unicode"))
        self.interactive = interface.truth(request.get("interactive"))

    def show(self, text: str) -> None:
        self._send({"show": text})

    def clear(self) -> None:
        """The console clears its own screen."""

    async def live(self, draw: Draw, seconds: float) -> None:
        """Send what `draw` returns at that interval, until the request is cancelled."""
        while True:
            self._frame(await draw(self.width, self.height))
            await asyncio.sleep(seconds)
