"""Replies as lists and objects: the ``data`` of docs/json.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from console.replies import forms, parse
from yext import Reply
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
            {"id": identifier} | dict(zip(module.columns, cells, strict=False))
            for identifier, cells in module.rows
        ]
    elif module.details:
        found["details"] = dict(module.details)
    return found


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
    forms.Table: forms.Table.records,
    forms.Scripts: lambda parsed: parsed.table.records(),
    forms.Handlers: _handlers,
    forms.Uptime: forms.Uptime._asdict,
    forms.Commands: lambda parsed: list(parsed.usages),
    forms.CommandHelp: lambda parsed: {"usage": parsed.usage, "help": parsed.text},
    forms.Names: lambda parsed: list(parsed.names),
    forms.Listing: lambda parsed: list(parsed.lines),
    forms.Facts: lambda parsed: dict(parsed.pairs),
}
"""What a reply's text says as JSON, by its kind; other kinds say no more than the parameters."""
