"""``yext replay``: another version of a script on what was recorded (docs/replay.md)."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterator
from typing import Any, Final

from yext.console.cli.exitcodes import FAILED, OK, USAGE
from yext.console.transcripts.values import written, written_params
from yext.errors import RecordError
from yext.log import safe
from yext.record.file import read_record
from yext.replay.difference import Difference, Part, Replayed, SentPair, State
from yext.replay.run import Replay, ReplayError, Wanted, replay

_MOST_MESSAGES: Final = 1_000_000
_MOST_BYTES: Final = 2**31
"""How much of the end of a record is read: messages, and their approximate memory."""


def run_replay(options: argparse.Namespace) -> int:
    """Replay a record; return 0 if there is no difference, 1 if there are some, 2 for a record
    that cannot be replayed."""
    script, *parameter = options.script
    label = options.label or os.path.basename(script)
    wanted = Wanted(script, " ".join(parameter), label)
    path = safe(options.record)
    try:
        journeys, whole = read_record(options.record, _MOST_MESSAGES, _MOST_BYTES)
        if not whole:
            print(f"yext: {path}: its last line is cut off", file=sys.stderr)
        result = asyncio.run(replay(journeys, wanted))
    except OSError as error:
        print(f"yext: {path}: {error.strerror}", file=sys.stderr)
        return USAGE
    except RecordError as error:
        print(f"yext: {path} {safe(str(error))}", file=sys.stderr)
        return USAGE
    except ReplayError as error:
        for line in str(error).split("\n"):
            print(f"yext: {safe(line)}", file=sys.stderr)
        return USAGE
    if options.json:
        print(json.dumps(_as_json(result)))
    else:
        print("\n".join(_lines(result, wanted)))
    return OK if result.same else FAILED


def _lines(result: Replay, wanted: Wanted) -> Iterator[str]:
    if result.by_name:
        yield "The record does not say who got what: messages are given by their names, and the"
        yield "whole reply is compared, with what others have done."
    for recorded, came in result.ids.items():
        yield safe(f"{came} stands for {recorded}, an id that the script has made up")
    for message in result.messages:
        if not message.same:
            yield from _message(message, wanted)
    yield from (safe(line, keep="\t") for line in result.error)
    given = [message for message in result.messages if message.journey is not None]
    differ = sum(not message.same for message in result.messages)
    count = f"{len(given):,} message{'' if len(given) == 1 else 's'} given to {safe(wanted.script)}"
    outcome = f"{differ:,} differ{'' if differ > 1 else 's'}" if differ else "no difference"
    yield f"{count}, {outcome}"


def _message(message: Replayed, wanted: Wanted) -> Iterator[str]:
    journey = message.journey
    if journey is None:
        yield f"sent by {safe(wanted.label)} by itself"
    else:
        params = written_params(dict(journey.params))
        yield safe(f"#{journey.number} {journey.name} {params}".rstrip())
    for difference in message.differences:
        yield from _both(difference, "  ")
    for pair in message.sent:
        if not pair.same:
            yield from _sent(pair)


def _sent(pair: SentPair) -> Iterator[str]:
    if pair.sent is None and pair.recorded is not None:
        yield f"  - sent {_state(pair.recorded)}"
    elif pair.recorded is None and pair.sent is not None:
        yield f"  + sent {_state(pair.sent)}"
    elif pair.sent is not None:
        yield f"    sent {safe(pair.sent.name)}"
        for difference in pair.differences():
            yield from _both(difference, "    ")


def _state(state: State) -> str:
    return safe(f"{state.name} {written_params(dict(state.params))}".rstrip())


def _both(difference: Difference, indent: str) -> Iterator[str]:
    for sign, value in (("-", difference.before), ("+", difference.after)):
        if value is not None:
            text = _WRITTEN[difference.part].format(difference.name, written(value, ends_line=True))
            yield f"{indent}{sign} {safe(text)}"


_WRITTEN: Final = {
    Part.OUTCOME: "{1}",
    Part.NAME: "renamed to {1}",
    Part.RETVALUE: "return {1}",
    "param": "{0}={1}",
}


def _as_json(result: Replay) -> dict[str, Any]:
    given = [one for one in result.messages if one.journey is not None]
    return {
        "same": result.same,
        "given": len(given),
        "by_name": result.by_name,
        "ids": dict(result.ids),
        "error": "\n".join(result.error) or None,
        "different": [_message_as_json(one) for one in result.messages if not one.same],
    }


def _message_as_json(message: Replayed) -> dict[str, Any]:
    journey = message.journey
    return {
        "number": journey.number if journey is not None else None,
        "name": journey.name if journey is not None else None,
        "differences": [_difference_as_json(one) for one in message.differences],
        "sent": [_pair_as_json(one) for one in message.sent if not one.same],
    }


def _difference_as_json(difference: Difference) -> dict[str, Any]:
    return {
        "part": str(difference.part),
        "name": difference.name or None,
        "before": difference.before,
        "after": difference.after,
    }


def _pair_as_json(pair: SentPair) -> dict[str, Any]:
    return {
        "recorded": _state_as_json(pair.recorded),
        "sent": _state_as_json(pair.sent),
        "differences": [_difference_as_json(one) for one in pair.differences()],
    }


def _state_as_json(state: State | None) -> dict[str, Any] | None:
    if state is None:
        return None
    return {"name": state.name, "retvalue": state.retvalue, "params": dict(state.params)}
