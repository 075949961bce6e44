"""What authors of scripts test with; each name is imported when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yext.testing.console import Console, ConsoleError, ConsoleReply

__all__ = ["Console", "ConsoleError", "ConsoleReply"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from yext.testing import console

        found: object = getattr(console, name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
