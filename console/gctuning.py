"""When the interpreter looks for garbage: not while the program starts, and seldom after that."""

from __future__ import annotations

import gc

_OBJECTS = 20_000
"""Objects that are made between two looks: messages in flight are many small ones, and none of
them garbage (docs/performance.md)."""


def hold() -> None:
    """Has nothing looked for: nothing that imports make is garbage, and a look at it all takes
    a twentieth of a start."""
    gc.disable()


def go_on() -> None:
    """Has garbage be looked for again; what is here now stays, and need not be looked at."""
    gc.freeze()
    gc.set_threshold(_OBJECTS, 10, 10)
    gc.enable()
