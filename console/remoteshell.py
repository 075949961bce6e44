"""The operator's console over telnet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.connection import Connection


class RemoteShell:
    def __init__(self, connection: Connection, terminal: str) -> None: ...
    def feed(self, data: bytes) -> None: ...
    def resize(self, columns: int, rows: int) -> None: ...
    def leave(self) -> None: ...
