"""A saved test as the text of a transcript."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from yext.console.transcripts.format import Word
from yext.console.transcripts.outcome import HIDDEN_PARAMS, outcome_lines
from yext.console.transcripts.saved import (
    STUB_PRIORITY,
    SavedCall,
    SavedHangup,
    SavedItem,
    SavedPress,
    SavedSend,
    SavedSent,
    SavedStub,
    SavedTest,
)
from yext.console.transcripts.values import written, written_params
from yext.record.journey import Journey

_UNWRITABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""What may end a line or hide a part of it. A name with it, which a script may choose, could pass
for further steps, and so have commands carried out by whoever runs the test."""

_SEVERAL: Final = re.compile(r"[|>;$\\\"']")
"""What may make several commands of one."""

_DIGITS: Final = re.compile(r"[0-9A-Za-z*#.,+]+")

_LEFT_OUT: Final = "# left out: a name in it cannot be written here"


def transcript_text(test: SavedTest, path: str) -> str:
    """Return a test as a transcript that is to be written to `path`."""
    lines = ["# Written by flow save; docs/transcripts.md describes the format.", ""]
    if test.folder:
        beside = os.path.dirname(os.path.abspath(path))
        lines.append(f"{Word.SCRIPTS} {os.path.relpath(test.folder, beside)}")
    lines += [f"{Word.SCRIPT} {name} {parameter}".rstrip() for name, parameter in test.scripts]
    lines = list(map(_one_line, lines))
    for item in test.items:
        found = list(_item(item))
        lines += found if _is_writable(item, found) else ["", _LEFT_OUT]
    return "\n".join([*lines, ""])


def _one_line(line: str) -> str:
    return _LEFT_OUT if _UNWRITABLE.search(line) else line


def _is_writable(item: SavedItem, lines: Sequence[str]) -> bool:
    """Whether lines are what they seem: names are not in quotes, and commands are carried out."""
    if isinstance(item, SavedCall) and _SEVERAL.search(item.callto):
        return False
    if isinstance(item, SavedPress) and not _DIGITS.fullmatch(item.digits):
        return False
    return not any(map(_UNWRITABLE.search, lines))


def _item(item: SavedItem) -> Iterator[str]:
    if isinstance(item, SavedStub):
        yield ""
        yield f"{Word.STUB} {item.name} {written_params(item.params)}".rstrip()
        yield from (f"  {line}" for line in _stub_lines(item))
    elif isinstance(item, SavedSend):
        journey = item.journey
        yield ""
        yield f"{Word.BROADCAST if journey.broadcast else Word.SEND} {_message(journey)}"
        yield from (f"  {line}" for line in send_lines(item))
    elif isinstance(item, SavedSent):
        yield f"{Word.SENT} {_message(item.journey, item.params)}"
    else:
        yield ""
        yield f"{Word.COMMAND} {_command(item)}"
        yield "  ..."


def _command(item: SavedCall | SavedPress | SavedHangup) -> str:
    if isinstance(item, SavedCall):
        return f"call {item.callto} phone/"
    return f"phone dtmf {item.digits}" if isinstance(item, SavedPress) else "phone hangup"


def _stub_lines(stub: SavedStub) -> Iterator[str]:
    if stub.priority != STUB_PRIORITY:
        yield f"priority {stub.priority}"
    if not stub.handled:
        yield "not handled"
    if stub.retvalue is not None:
        yield f"return {written(stub.retvalue, ends_line=True)}"
    for change in stub.changes:
        if change.after is None:
            yield f"no {change.name}"
        elif change.name not in HIDDEN_PARAMS:
            yield f"{change.name}={written(change.after, ends_line=True)}"


def send_lines(item: SavedSend) -> Sequence[str]:
    """Return what must come of a message."""
    lines = outcome_lines(item.journey)
    if item.journey.handled:
        lines[0] = f"handled by {item.by}" if item.by else "handled"
    return lines


def _message(journey: Journey, wanted: Mapping[str, str] | None = None) -> str:
    wanted = journey.params if wanted is None else wanted
    params = {name: text for name, text in wanted.items() if name not in HIDDEN_PARAMS}
    first = {"retvalue": journey.first_retvalue} if journey.first_retvalue else {}
    return f"{journey.name} {written_params({**first, **params})}".rstrip()
