"""A journey with no text longer than a line can show, so that drawing it takes no longer either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Final

from yext.record.journey import Change, Journey, Step

MOST: Final = 60
"""Parameters of a message in a line."""


def clipped(journey: Journey, longest: int, most: int = MOST) -> Journey:
    """Return a journey for drawing: texts are cut to `longest` characters, and no more than `most`
    parameters are left. It is the same one if it has no more.

    A script may send megabytes in one message; measuring the columns of one took seconds.
    """
    texts = (journey.name, journey.sender, journey.retvalue, journey.renamed)
    steps = journey.steps
    # A change need not be looked at: what is long in it is so before or afterwards.
    if (
        all(len(text) <= longest for text in texts)
        and all(_is_short(params, longest, most) for params in (journey.params, journey.after))
        and all(len(step.owner) <= longest for step in steps)
        and not journey.kept_out
    ):
        return journey
    return Journey(
        journey.number,
        journey.when,
        journey.name[:longest],
        journey.sender[:longest],
        _clipped(journey.params, longest, most),
        parent=journey.parent,
        among=journey.among[:most],
        depth=journey.depth,
        steps=[_step(step, longest, most) for step in steps],
        handled=journey.handled,
        took=journey.took,
        watchers=tuple(text[:longest] for text in journey.watchers[:most]),
        renamed=journey.renamed[:longest],
        after=_clipped(journey.after, longest, most),
        retvalue=journey.retvalue[:longest],
        ended=journey.ended,
        first_retvalue=journey.first_retvalue,
        broadcast=journey.broadcast,
        kept_out=tuple(
            one._replace(
                owner=one.owner[:longest], param=one.param[:longest], value=one.value[:longest]
            )
            for one in journey.kept_out[:most]
        ),
    )


def _is_short(params: Mapping[str, str], longest: int, most: int) -> bool:
    return len(params) <= most and all(
        len(name) <= longest and len(value) <= longest for name, value in params.items()
    )


def _clipped(params: Mapping[str, str], longest: int, most: int) -> dict[str, str]:
    return {name[:longest]: value[:longest] for name, value in islice(params.items(), most)}


def _step(step: Step, longest: int, most: int) -> Step:
    def cut(text: str | None) -> str | None:
        return None if text is None else text[:longest]

    changes = tuple(
        Change(one.name[:longest], cut(one.before), cut(one.after)) for one in step.changes[:most]
    )
    return replace(
        step,
        owner=step.owner[:longest],
        changes=changes,
        renamed=step.renamed[:longest],
        remark=step.remark[:longest],
        retvalue=cut(step.retvalue),
    )
