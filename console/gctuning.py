"""Garbage collection of the interpreter: none during start-up, and seldom afterwards."""

from __future__ import annotations

import gc

_OBJECTS = 20_000
"""Allocations between two collections of the youngest generation (docs/performance.md).

Messages in flight are many small objects, and none of them is garbage.
"""


def pause() -> None:
    """Disable garbage collection during start-up.

    Nothing that imports create is garbage, and collecting takes a twentieth of a start.
    """
    gc.disable()


def resume() -> None:
    """Enable garbage collection again; objects that exist now are never examined."""
    gc.freeze()
    gc.set_threshold(_OBJECTS, 10, 10)
    gc.enable()
