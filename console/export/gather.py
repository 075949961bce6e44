"""Recorded messages as one session may see them, ready for a thread that writes or draws them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Final

from yext.slices import SECONDS

if TYPE_CHECKING:
    from yext.console.session.flow import Flow
    from yext.record.journey import Journey

_BETWEEN: Final = 20
"""Messages between two looks at the clock."""


async def gather(flow: Flow, journeys: Iterable[Journey]) -> list[Journey]:
    """Return messages as the session may see them, decoded, in slices of the event loop.

    A journey that was decoded here is only read from then on, in whatever thread.
    """
    found: list[Journey] = []
    until = perf_counter() + SECONDS
    for journey in journeys:
        visible = flow.visible(journey)
        # What is made when it is looked at is made here and not in two threads at once.
        _ = visible.steps, len(visible.params), len(visible.after)
        found.append(visible)
        if len(found) % _BETWEEN == 0 and perf_counter() > until:
            await asyncio.sleep(0)
            until = perf_counter() + SECONDS
    return found
