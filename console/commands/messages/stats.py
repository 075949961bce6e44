"""The command ``flow stats``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from yext import Reply
from yext.command import EOL
from yext.console.commands.command import SessionCommand
from yext.console.commands.parameters import Flag, Seconds
from yext.console.session.authority import Authority
from yext.console.session.session import Session

if TYPE_CHECKING:
    from yext.console.commands.messages.counting import FlowStats
    from yext.console.session.view import View


async def stats(
    session: Session,
    seconds: Annotated[float, Seconds(0.1, 3600.0)] = 1.0,
    *,
    json: Annotated[bool, Flag("--json", "answers with an object")] = False,
) -> Reply:
    """Show counts, rates and times by message and handler, live until a key is pressed."""
    from yext.console.commands.messages.counting import FlowStats

    found = FlowStats(session)
    flow, view = session.flow, session.live_view
    for journey in flow.wanted(flow.recorded()):
        found.add(journey)
    if view is not None and not json and flow.loaded is None:
        await _live(found, session, view, seconds)
        return Reply(True)
    if not found.records() and flow.loaded is None:
        # Nothing is recorded: look for so long.
        unfollow = found.follow()
        try:
            await asyncio.sleep(seconds)
        finally:
            unfollow()
    return _reply(found, session, as_json=json)


async def _live(found: FlowStats, session: Session, view: View, seconds: float) -> None:
    from yext.console.commands.messages.counting import draw_table
    from yext.console.replies.draw import fitting

    found.cells_since_drawn()

    async def draw(width: int, height: int) -> str:
        rows = found.cells_since_drawn()
        shown, more = fitting(rows, height, "flow stats")
        return (draw_table(shown, session, width) or "No messages yet\n") + more

    unfollow = found.follow()
    try:
        await view.live(draw, seconds)
    finally:
        unfollow()


def _reply(found: FlowStats, session: Session, *, as_json: bool) -> Reply:
    from yext.console.commands.messages.counting import COLUMNS, draw_table

    data = {"filter": session.flow.filter.text, "rows": found.records()}
    if as_json:
        import json

        return Reply(True, json.dumps(data) + EOL, data=data)
    rows, view = found.cells(), session.view
    if not rows:
        return Reply(True, f"No messages{EOL}", data=data)
    if view is not None and view.width:
        text = draw_table(rows, session, view.width).replace("\n", EOL)
    else:
        text = "".join("\t".join(row) + EOL for row in (COLUMNS, *rows))
    return Reply(True, text, data=data)


STATS = SessionCommand(
    "flow stats", "counts, rates and times by message and handler", stats, Authority.USER,
    example="flow stats 2",
)  # fmt: skip
"""The row of ``flow stats``."""
