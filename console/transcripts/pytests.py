"""A saved test as a module of pytest, for the fixture `yext` (docs/testing.md)."""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from yext.console.transcripts.outcome import HIDDEN_PARAMS
from yext.console.transcripts.saved import (
    STUB_PRIORITY,
    SavedCall,
    SavedItem,
    SavedPress,
    SavedSend,
    SavedSent,
    SavedStub,
    SavedTest,
    split_callto,
)
from yext.record.journey import Journey, changes

_HEAD: Final = '''"""Written by flow save."""

from pathlib import Path

SCRIPTS = Path(__file__).parent / {folder}
'''

_ANSWERS: Final = '''

def answer(yext, name, priority=100):
    """Return rows of answers: parameters that must fit, handled, return value, changes."""
    rows = []

    def function(message):
        for wanted, handled, retvalue, changes in reversed(rows):
            if wanted.items() <= message.params.items():
                message.retvalue = message.retvalue if retvalue is None else retvalue
                for param, value in changes.items():
                    if value is None:
                        message.params.pop(param, None)
                    else:
                        message.params[param] = value
                return handled
        return False

    yext.stub(name, function=function, priority=priority)
    return rows
'''

_RESERVED: Final = {"self", "name", "within", "retvalue", "broadcast", "by", "params"}
"""Names of parameters of the fixture's functions, which those of messages must not have."""

_UNWANTED: Final = {*_RESERVED, *HIDDEN_PARAMS}
"""Parameters that `expect` cannot be asked for."""

Stubbed = tuple[str, int]
"""The name and the priority of stubs."""


def test_text(test: SavedTest, path: str) -> str:
    """Return a test as a module that is to be written to `path`."""
    beside = os.path.dirname(os.path.abspath(path))
    folder = os.path.relpath(test.folder, beside) if test.folder else "."
    rows = _rows(test.items)
    lines = [_HEAD.format(folder=_text(folder))]
    if rows:
        lines.append(_ANSWERS)
    lines += ["", "def test_messages(yext):"]
    for name, parameter in test.scripts:
        given = f", {_text(parameter)}" if parameter else ""
        lines.append(f"    yext.script(SCRIPTS / {_text(name)}{given})")
    for (name, priority), variable in rows.items():
        lines.append(f"    {variable} = answer(yext, {_text(name)}, {priority})")
    for item in test.items:
        lines += [f"    {line}" for line in _item(item, rows)]
    return "\n".join([*lines, ""])


def _rows(items: Sequence[SavedItem]) -> dict[Stubbed, str]:
    """Return a variable for each name of stubs that the fixture's own cannot stand for."""
    stubs: dict[Stubbed, list[SavedStub]] = {}
    for item in items:
        if isinstance(item, SavedStub):
            stubs.setdefault((item.name, item.priority), []).append(item)
    return {
        key: _variable(key)
        for key, found in stubs.items()
        if len(found) > 1 or found[0].params or found[0].changes
    }


def _variable(key: Stubbed) -> str:
    name = re.sub(r"[^A-Za-z0-9]", "_", key[0])
    return f"answers_{name}_{key[1]}"


def _item(item: SavedItem, rows: Mapping[Stubbed, str]) -> Iterator[str]:
    if isinstance(item, SavedStub):
        yield _stub(item, rows)
    elif isinstance(item, SavedSend):
        yield from _send(item)
    elif isinstance(item, SavedSent):
        journey = item.journey
        # `expect` looks at a message at its end.
        kept = {
            name: value
            for name, value in item.params.items()
            if name not in _UNWANTED and journey.after.get(name) == value
        }
        yield f"yext.expect({', '.join([_text(journey.name), *_keywords(kept)])})"
    elif isinstance(item, SavedCall):
        before, script, after = split_callto(item.callto)
        where = f"{_text(before)} + str(SCRIPTS.resolve() / {_text(script)})"
        yield f"caller = yext.call({where}{f' + {_text(after)}' if after else ''})"
    elif isinstance(item, SavedPress):
        yield f"caller.press({_text(item.digits)})"
    else:
        yield "caller.hangup()"


def _stub(stub: SavedStub, rows: Mapping[Stubbed, str]) -> str:
    variable = rows.get((stub.name, stub.priority))
    if variable is not None:
        changed = {one.name: one.after for one in stub.changes if one.name not in HIDDEN_PARAMS}
        values = [_dict(stub.params), str(stub.handled), _optional(stub.retvalue), _dict(changed)]
        return f"{variable}.append(({', '.join(values)}))"
    parts = [_text(stub.name)]
    if stub.retvalue:
        parts.append(f"retvalue={_text(stub.retvalue)}")
    if not stub.handled:
        parts.append("handled=False")
    if stub.priority != STUB_PRIORITY:
        parts.append(f"priority={stub.priority}")
    return f"yext.stub({', '.join(parts)})"


def _send(item: SavedSend) -> Iterator[str]:
    journey = item.journey
    parts = [_text(journey.name)]
    params = _params(journey)
    odd = {name: value for name, value in params.items() if not _is_keyword(name)}
    if odd:
        parts.append(_dict(params))
    if journey.first_retvalue:
        parts.append(f"retvalue={_text(journey.first_retvalue)}")
    if journey.broadcast:
        parts.append("broadcast=True")
    if not odd:
        parts += _keywords(params)
    yield f"answer_{journey.number} = yext.send({', '.join(parts)})"
    yield from _checks(item)


def _checks(item: SavedSend) -> Iterator[str]:
    journey = item.journey
    answer = f"answer_{journey.number}"
    if not journey.handled:
        yield f"assert not {answer}.handled"
    changed = {
        one.name: one.after
        for one in changes(journey.params, journey.after)
        if one.name not in HIDDEN_PARAMS
    }
    if journey.handled:
        parts = [f"by={_text(item.by)}"] if item.by else []
        parts.append(f"retvalue={_text(journey.retvalue)}")
        kept = {name: value for name, value in changed.items() if value is not None}
        plain = {name: value for name, value in kept.items() if _is_keyword(name)}
        yield f"{answer}.assert_handled({', '.join([*parts, *_keywords(plain)])})"
        changed = {name: value for name, value in changed.items() if name not in plain}
    elif journey.retvalue != (journey.first_retvalue or ""):
        yield f"assert {answer}.retvalue == {_text(journey.retvalue)}"
    for name, value in changed.items():
        if value is None:
            yield f"assert {_text(name)} not in {answer}.params"
        else:
            yield f"assert {answer}.params[{_text(name)}] == {_text(value)}"


def _params(journey: Journey) -> dict[str, str]:
    return {name: value for name, value in journey.params.items() if name not in HIDDEN_PARAMS}


def _is_keyword(name: str) -> bool:
    is_name = name.isascii() and name.isidentifier() and not keyword.iskeyword(name)
    return is_name and name not in _RESERVED


def _keywords(params: Mapping[str, str]) -> list[str]:
    plain = [f"{name}={_text(value)}" for name, value in params.items() if _is_keyword(name)]
    odd = {name: value for name, value in params.items() if not _is_keyword(name)}
    return [*plain, f"**{_dict(odd)}"] if odd else plain


def _dict(values: Mapping[str, str | None]) -> str:
    parts = [f"{_text(name)}: {_optional(value)}" for name, value in values.items()]
    return "{" + ", ".join(parts) + "}"


def _optional(value: str | None) -> str:
    return "None" if value is None else _text(value)


def _text(value: str) -> str:
    """Return a text in Python, in double quotes, with escapes for all but ASCII."""
    inside = ascii(value)[1:-1].replace("\\'", "'").replace('"', '\\"')
    return f'"{inside}"'
