"""Where recorded messages come from."""

from __future__ import annotations

from typing import NamedTuple


class Origin(NamedTuple):
    """Where messages come from, for the formats that say so.

    Attributes:
        node: the name of the engine's node.
        filter: the filter that chose them, empty for none.
    """

    node: str = ""
    filter: str = ""
