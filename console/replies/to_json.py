"""What Yate's replies tell, as lists and objects: the ``data`` of docs/json.md.

Each reader knows one known wording; what it does not know it leaves to the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from yext import Reply
from yext.log import safe_lines

Lines = list[str]
Reader = Callable[[Lines], object]

_NUMBER = re.compile(r"-?(0|[1-9]\d{0,17})", re.ASCII)

_LISTED = re.compile(r"(\d+)\. (\S+) ?(.*)")

_HANDLER = re.compile(r"(\S*) priority=(\d+) trackname='([^']*)'(?: filter='([^=]*)=(.*)')?")

_UPTIME = re.compile(r"Uptime: \d+ \S+ \((\d+)\) user: (\S+) kernel: (\S+)")


def data_of(line: str, reply: Reply) -> object:
    """The `data` of a reply to a command line: what the reply brings itself, what a reader
    finds in its text, or its parameters but for those that have a field of their own."""
    if reply.data is not None:
        return reply.data
    if reply.parts:
        if len(reply.parts) == 1 and not line.startswith("source"):
            return data_of(*reply.parts[0])
        return [told(one, part) for one, part in reply.parts if one]
    lines = reply.text.splitlines()
    words = line.split()
    reader = _READERS.get(" ".join(words[:2])) or _READERS.get(" ".join(words[:1]))
    found = reader(lines) if reader is not None and reply.ok else None
    if found is not None:
        return found
    return {key: value for key, value in reply.params.items() if key not in _FIELDS}


_FIELDS = ("reason", "errno", "hint")


def told(command: str, reply: Reply) -> dict[str, object]:
    """What became of one command, as an object."""
    return {
        "command": command,
        "ok": reply.ok,
        "text": safe_lines(reply.text),
        "data": data_of(command, reply),
        **{name: reply.params.get(name) for name in _FIELDS},
    }


def number(text: str) -> int | str:
    """A whole number as one, other text as it is."""
    return int(text) if _NUMBER.fullmatch(text) else text


def _pairs(text: str) -> dict[str, int | str]:
    """``a=1,b=x``; what has no ``=`` belongs to the value before it."""
    found: dict[str, int | str] = {}
    last = ""
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if equals:
            found[name] = number(value)
            last = name
        elif last:
            found[last] = f"{found[last]},{part}"
    return found


def _status(lines: Lines) -> object:
    return [_status_of(line) for line in lines if line.startswith("name=")]


def _status_of(line: str) -> dict[str, object]:
    """``name=…,type=…[,format=A|B];k=v,…[;row,row…]``, Yate's docs on engine.status."""
    head, _, rest = line.partition(";")
    params, _, details = rest.partition(";")
    found: dict[str, object] = dict(_pairs(head))
    found["params"] = _pairs(params)
    columns = str(found.pop("format", "")).split("|")
    if columns != [""]:
        found["rows"] = [
            {"id": name} | dict(zip(columns, value.split("|"), strict=False))
            for name, value in (one.partition("=")[::2] for one in details.split(",") if one)
        ]
    elif details:
        found["details"] = _pairs(details)
    return found


def _peers(lines: Lines) -> object:
    """``external [info]``: a numbered line each, and perhaps one that begins with a TAB."""
    found: list[dict[str, object]] = []
    for line in lines:
        listed = _LISTED.fullmatch(line)
        if listed is not None:
            found.append({"number": int(listed[1]), "name": listed[2], "parameter": listed[3]})
        elif line.startswith("\t") and found:
            role, *more = line.strip().split(", ")
            found[-1] |= {"role": role, "autorestart": "autorestart" in more}
            found[-1] |= _pairs(",".join(one for one in more if "=" in one))
    return found


def _table(lines: Lines) -> object:
    """Fields parted by TABs below a heading."""
    if not lines:
        return []
    names = lines[0].split("\t")
    return [dict(zip(names, line.split("\t"), strict=False)) for line in lines[1:]]


def _handlers(lines: Lines) -> object:
    found = []
    for listed in map(_HANDLER.fullmatch, lines):
        if listed is not None:
            found.append(
                {
                    "name": listed[1],
                    "priority": int(listed[2]),
                    "trackname": listed[3],
                    "filter": {listed[4]: listed[5]} if listed[4] is not None else {},
                }
            )
    return found


def _uptime(lines: Lines) -> object:
    found = _UPTIME.fullmatch(lines[0]) if lines else None
    if found is None:
        return None
    return {"seconds": int(found[1]), "user": float(found[2]), "kernel": float(found[3])}


def _colons(lines: Lines) -> object:
    """``name: value``, a line each."""
    parts = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, colon, value in parts if colon}


def _levels(lines: Lines) -> object:
    """``Debug level: 7, objects: off, …``."""
    pairs = (part.partition(": ") for line in lines for part in line.split(", "))
    return {name.lower(): number(value) for name, colon, value in pairs if colon} or None


def _names(lines: Lines) -> object:
    return [name for line in lines for name in line.split("\t")]


def _assigned(lines: Lines) -> object:
    """``name=value``, or ``  name = value``, a line each."""
    parts = (line.partition("=") for line in lines)
    return {name.strip(): number(value.strip()) for name, equals, value in parts if equals}


def _help(lines: Lines) -> object:
    if lines[:1] == ["Available commands:"]:
        return [line.strip() for line in lines[1:]]
    return {"usage": lines[0].strip(), "help": "\n".join(lines[1:])} if lines else None


def _after_first(lines: Lines) -> object:
    return lines[1:]


_READERS: dict[str, Reader] = {
    "status": _status,
    "external": _peers,
    "external info": _peers,
    "external show": _table,
    "external start": lambda lines: None,
    "external stop": lambda lines: None,
    "external restart": lambda lines: None,
    "external execute": lambda lines: None,
    "external why": lambda lines: None,
    "external log": lambda lines: lines,
    "dispatcher handlers": _handlers,
    "module list": _names,
    "uptime": _uptime,
    "version": _colons,
    "debug": _levels,
    "alias": lambda lines: _assigned(lines) or None,
    "meminfo": _assigned,
    "help": _help,
    "?": _help,
    "events": _after_first,
    "logview": _after_first,
    "reload": _after_first,
    "top": _table,
    "history": lambda lines: [line.strip().partition("  ")[2] for line in lines],
}
