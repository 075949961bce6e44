"""Replies as lists and objects: the ``data`` of docs/json.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from yext import Reply
from yext.console.replies import forms, parse
from yext.log import safe_lines

_FIELDS = ("reason", "errno", "hint")
"""The parameters of a reply that are fields of their own."""


def as_object(command: str, reply: Reply) -> dict[str, object]:
    """One command and its reply as an object."""
    return {
        "command": command,
        "ok": reply.ok,
        "text": safe_lines(reply.text),
        "data": data_of(command, reply),
        **{name: reply.params.get(name) for name in _FIELDS},
    }


def data_of(command: str, reply: Reply) -> object:
    """The data of a reply.

    That is what the reply brings as data, else the replies to the commands that it is put
    together from, else what its text says, else its parameters.
    """
    if reply.data is not None:
        return reply.data
    if reply.parts:
        if len(reply.parts) == 1 and not command.startswith("source"):
            return data_of(*reply.parts[0])
        return [as_object(line, part) for line, part in reply.parts if line]
    parsed = parse.parse(command, reply.text) if reply.ok else None
    convert = _CONVERT.get(type(parsed))
    if convert is not None:
        return convert(parsed)
    return {key: value for key, value in reply.params.items() if key not in _FIELDS}


def _statuses(parsed: forms.Statuses) -> object:
    return [_status(module) for module in parsed.modules]


def _status(module: forms.ModuleStatus) -> dict[str, object]:
    found: dict[str, object] = {**dict(module.head), "params": dict(module.params)}
    if module.columns:
        found["rows"] = [
            {"id": identifier, **_cells(module.columns, cells)} for identifier, cells in module.rows
        ]
    elif module.details:
        found["details"] = dict(module.details)
    return found


def _cells(columns: Sequence[str], cells: Sequence[str]) -> dict[str, object]:
    return {name: parse.number(cell) for name, cell in zip(columns, cells, strict=False)}


def _records(parsed: forms.Table) -> list[dict[str, object]]:
    return [{name: _value(name, text) for name, text in row.items()} for row in parsed.records()]


_NAMES = ("script", "parameter", "channel", "peer")
"""The columns of tables that hold names, which may look like numbers."""


def _value(column: str, text: str) -> forms.Value | None:
    """The text of a table's field as a number, or null where there is nothing to say."""
    if text == "-":
        return None
    return text if column in _NAMES else parse.number(text)


_TIMED = re.compile(rf"(.*?),? ({parse.DATED})", re.DOTALL)
_WAITING = re.compile(r"(.*) \(([\d.]+) s\)")
_LIMITED = re.compile(r"(\d+) of (\d+)", re.ASCII)


def _scripts(parsed: forms.Scripts) -> object:
    return [_script(record) for record in _records(parsed.table)]


def _script(record: dict[str, object]) -> dict[str, object]:
    """One script: its times, in seconds since 1970, and all numbers, in fields of their own."""
    more: dict[str, object] = {"again in": None, "restarts max": None}
    for name, when in _TIMES.items():
        found = _TIMED.fullmatch(str(record.get(name)))
        more[when] = _seconds(found[2]) if found else None
        if found:
            record[name] = found[1]
    if found := _WAITING.fullmatch(str(record.get("state"))):
        record["state"], more["again in"] = found[1], float(found[2])
    if found := _LIMITED.fullmatch(str(record.get("restarts"))):
        record["restarts"], more["restarts max"] = int(found[1]), int(found[2])
    return record | more


def _sessions(parsed: forms.Sessions) -> object:
    return [{**one, "since": _seconds(one["since"])} for one in parsed.table.records()]


def _seconds(dated: str) -> int | None:
    """The seconds since 1970 of a time by ISO 8601, None if there is no such time."""
    from datetime import datetime

    try:
        return int(datetime.fromisoformat(dated).timestamp())
    except (ValueError, OverflowError):
        return None


_TIMES = {"state": "failed at", "last exit": "last exit at", "last failure": "last failure at"}
"""The columns of scripts that end in a time, and the field that has it."""


def _peers(parsed: forms.Peers) -> object:
    return [_peer(peer) for peer in parsed.peers]


def _peer(peer: forms.Peer) -> dict[str, object]:
    found: dict[str, object] = {
        "number": peer.number,
        "name": peer.name,
        "parameter": peer.parameter,
    }
    if peer.role is not None:
        found |= {"role": peer.role, "autorestart": peer.restarts, **dict(peer.details)}
    return found


def _handlers(parsed: forms.Handlers) -> object:
    return [
        {
            "name": handler.name,
            "priority": handler.priority,
            "trackname": handler.track,
            "filter": dict([handler.filter.split("=", 1)]) if "=" in handler.filter else {},
        }
        for handler in parsed.handlers
    ]


_CONVERT: dict[type, Callable[[Any], object]] = {
    forms.Statuses: _statuses,
    forms.Peers: _peers,
    forms.Table: _records,
    forms.Scripts: _scripts,
    forms.Sessions: _sessions,
    forms.Handlers: _handlers,
    forms.Uptime: forms.Uptime._asdict,
    forms.Commands: lambda parsed: list(parsed.usages),
    forms.CommandHelp: lambda parsed: {"usage": parsed.usage, "help": parsed.text},
    forms.Names: lambda parsed: list(parsed.names),
    forms.Listing: lambda parsed: list(parsed.lines),
    forms.Facts: lambda parsed: dict(parsed.pairs),
}
"""What a reply's text says as JSON, by its kind; other kinds say no more than the parameters."""
