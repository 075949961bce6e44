"""The command ``flow ladder``: a call as arrows between its participants (docs/flow.md)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from yext import Reply
from yext.command import EOL
from yext.console.commands.command import SessionCommand
from yext.console.commands.completion import message_numbers
from yext.console.commands.parameters import Flag, Word
from yext.console.replies.reply import failed
from yext.console.session.authority import Authority
from yext.console.session.session import Session
from yext.log import safe

if TYPE_CHECKING:
    from yext.ladder.ladder import Ladder
    from yext.record.journey import Journey


async def ladder(
    session: Session,
    call: Annotated[str, Word("BILLID|ID|N", completer=message_numbers)],
    svg: Annotated[bool, Flag("--svg", "answers with a picture, for > FILE.svg")] = False,
) -> Reply:
    """Show the messages of one call as arrows between its participants."""
    found = await find_ladder(session, call)
    if found is None:
        return failed(
            f"No call with {safe(call)} is recorded",
            "flow last: the number of a message, or what it has as billid, id or targetid",
        )
    if svg:
        from yext.console.ladder.svg import draw_svg

        text = await asyncio.to_thread(draw_svg, found, f"ladder of {call}")
        return Reply(True, text.replace("\n", EOL), data=_data(found))
    from yext.console.ladder.text import draw_ladder

    lines = await asyncio.to_thread(draw_ladder, found, session.flow.style())
    return Reply(True, "".join(line + EOL for line in lines), data=_data(found))


async def find_ladder(session: Session, wanted: str) -> Ladder | None:
    """Make the ladder of the call that `wanted` names, None if no call has that."""
    from yext.console.export.gather import gather

    journeys = await gather(session.flow, session.flow.recorded())
    return await asyncio.to_thread(_find, journeys, wanted)


def _find(journeys: list[Journey], wanted: str) -> Ladder | None:
    from yext.ladder.calls import calls_of, find_call
    from yext.ladder.ladder import ladder_of

    call = find_call(calls_of(journeys), wanted)
    return ladder_of(call) if call is not None else None


def _data(ladder: Ladder) -> dict[str, object]:
    """A ladder as an object; see docs/json.md."""
    labels = [one.label for one in ladder.participants]
    return {
        "participants": [
            {"label": one.label, "channels": one.channels} for one in ladder.participants
        ],
        "arrows": [
            {
                "number": one.number,
                "when": round(one.when, 6),
                "from": labels[one.source],
                "to": labels[one.target],
                "name": one.name,
                "detail": one.detail,
                "outcome": one.outcome,
                "by": one.by,
                "answer": one.answer,
            }
            for one in ladder.arrows
        ],
        "audio": [
            {"participant": labels[one.participant], "source": one.source} for one in ladder.audio
        ],
        "left_out": ladder.left_out,
        "unsure": ladder.unsure,
    }


LADDER = SessionCommand(
    "flow ladder", "a call as arrows between its participants", ladder, Authority.USER,
    missing="Which call?", example="flow ladder 418: any message of the call",
)  # fmt: skip
"""The row of ``flow ladder``."""
