"""What came of a message, as the lines of a transcript."""

from __future__ import annotations

from collections.abc import Mapping

from yext.console.transcripts.values import written
from yext.record.journey import Journey, Outcome, changes

HIDDEN_PARAMS = ("handlers",)
"""Parameters that are not told: the tracking parameter has the modules of an engine, and `cmd_…`
those of a session."""

_FAILED = {
    Outcome.TIMED_OUT: "timed out",
    Outcome.LATE: "answered late",
    Outcome.GONE: "went away",
}


def outcome_lines(journey: Journey) -> list[str]:
    """Return what came of a message: its outcome, and all that was changed in it."""
    lines = [_outcome(journey)]
    if journey.renamed:
        lines.append(f"renamed to {written(journey.renamed, ends_line=True)}")
    if journey.retvalue != (journey.first_retvalue or ""):
        lines.append(f"return {written(journey.retvalue, ends_line=True)}")
    for change in changes(_told(journey.params), _told(journey.after)):
        if change.after is None:
            lines.append(f"no {change.name}")
        else:
            lines.append(f"{change.name}={written(change.after, ends_line=True)}")
    return lines


def unchanged_lines(journey: Journey) -> list[str]:
    """Return the parameters and the return value at the end, as they could be expected too."""
    params = [f"{name}={written(value, ends_line=True)}" for name, value in journey.after.items()]
    return [*params, f"return {written(journey.retvalue, ends_line=True)}"]


def _outcome(journey: Journey) -> str:
    outcome = journey.outcome
    if outcome is Outcome.HANDLED:
        return f"handled by {journey.by}" if journey.by else "handled"
    if outcome is Outcome.NOT_HANDLED:
        return "not handled"
    return f"{journey.by} {_FAILED[outcome]}"


def _told(params: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in params.items() if name not in HIDDEN_PARAMS}
