"""Placeholders in the recordings: replaced when sending, matched when receiving.

The two sets of recordings write them differently; each set has a `Dialect`. The READMEs of
vectors/extmodule and vectors/rmanager explain every placeholder.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

NODE = "conformance"
"""The node name of every engine."""

_CLOCK_SLACK = 120
"""Seconds by which a `{TIME}` of the external module may differ from now, for stalled machines."""

_PLACEHOLDER = re.compile(r"\{([A-Z]+(?:_[A-Z]+)*)(?::((?:.:)?\w+))?\}", re.DOTALL)

_DATE = r"\d{4}-\d\d-\d\d_\d\d:\d\d:\d\d\.\d{6}"

TIMER_LINE = rb"%%<message::(?:true|false):engine\.timer:[^\r\n]*\r\n"
"""The timer message of each second, as shown in machine mode."""

Expected = str | Mapping[str, str]
"""A line of a recording: text, or `{"hex": ...}` if it is not UTF-8 or holds control characters."""


class Mismatch(AssertionError):
    """The engine differed from the recording; the text says what was expected."""


class Unplayable(Exception):
    """The case could not be played at all, so its outcome is unknown: never a deviation."""


@dataclass(slots=True)
class Scope:
    """The values of the placeholders in a playing case."""

    folder: Path
    port_of: Callable[[str], int]
    ids: dict[str, bytes] = field(default_factory=dict)
    peer_ports: dict[str, int] = field(default_factory=dict)
    """Local port of each TCP connection of the player, by the connection's name."""

    serial: Iterable[int] = field(default_factory=count)


@dataclass(frozen=True, slots=True)
class Dialect:
    """The placeholders of a set of recordings.

    Those in `known` have one value, both for sending and for matching; those in `patterns` are
    regular expressions, only for matching. Both are called with the scope and the text after the
    placeholder's colon. Braces with any other name are literal.
    """

    encoding: str
    known: Mapping[str, Callable[[Scope, str], str]]
    patterns: Mapping[str, Callable[[Scope, str], str]]

    def fill(self, text: str, scope: Scope) -> bytes:
        """Return the bytes of a text to send or write. Raises KeyError for an id not seen yet."""

        def value(found: re.Match[str]) -> str:
            known = self.known.get(found[1])
            if found[1] == "ID":
                return scope.ids[found[2]].decode(self.encoding, "surrogateescape")
            return known(scope, found[2]) if known else found[0]

        return self.encode(_PLACEHOLDER.sub(value, text))

    def encode(self, text: str) -> bytes:
        return text.encode(self.encoding, "surrogateescape")

    def pattern(self, text: str, scope: Scope) -> bytes:
        """Return the source of a regular expression that matches an expected text."""
        parts: list[bytes] = []
        end = 0
        for found in _PLACEHOLDER.finditer(text):
            source = self._source(found, scope, b"".join(parts))
            if source is not None:
                parts += [re.escape(self.encode(text[end : found.start()])), source]
                end = found.end()
        return b"".join([*parts, re.escape(self.encode(text[end:]))])

    def _source(self, found: re.Match[str], scope: Scope, before: bytes) -> bytes | None:
        name, argument = found[1], found[2]
        if name == "ID":
            return _id_source(scope, argument, before)
        if name in self.known:
            return re.escape(self.encode(self.known[name](scope, argument)))
        if name in self.patterns:
            return self.patterns[name](scope, argument).encode()
        return None

    def literal_start(self, text: str, scope: Scope) -> bytes:
        """Return the fixed beginning of an expected text: up to its first open placeholder."""
        for found in _PLACEHOLDER.finditer(text):
            if found[1] in self.patterns or found[1] == "ID":
                return self.fill(text[: found.start()], scope)
        return self.fill(text, scope)

    def matches(self, expected: Expected, data: bytes, scope: Scope) -> bool:
        """True if a whole line matches; remembers the ids in it."""
        if not isinstance(expected, str):
            return data == bytes.fromhex(expected["hex"])
        found = re.fullmatch(self.pattern(expected, scope), data, re.DOTALL)
        return found is not None and remember(found, scope)


def _id_source(scope: Scope, number: str, before: bytes) -> bytes:
    if number in scope.ids:
        return re.escape(scope.ids[number])
    group = f"id_{number}".encode()
    if b"(?P<" + group + b">" in before:
        return b"(?P=" + group + b")"
    return b"(?P<" + group + b">[^:]*)"


def remember(found: re.Match[bytes], scope: Scope) -> bool:
    """Remember the ids in a match; return False if a time in it is not near now."""
    groups = found.groupdict()
    if any(
        abs(int(value) - time.time()) > _CLOCK_SLACK
        for name, value in groups.items()
        if name.startswith("time_")
    ):
        return False
    for name, value in groups.items():
        if name.startswith("id_"):
            scope.ids[name.removeprefix("id_")] = value
    return True


def _unix_time(scope: Scope, _argument: str) -> str:
    return rf"(?P<time_{next(iter(scope.serial))}>\d{{10}})"


def _peer(colon: str) -> Callable[[Scope, str], str]:
    def source(scope: Scope, _argument: str) -> str:
        ports = "|".join(str(port) for port in scope.peer_ports.values())
        return rf"127\.0\.0\.1{colon}(?:{ports})"

    return source


def _repeated(_scope: Scope, argument: str) -> str:
    return argument[0] * int(argument[2:])


def _fixed(source: str) -> Callable[[Scope, str], str]:
    return lambda _scope, _argument: source


_NODE_AND_PORT: dict[str, Callable[[Scope, str], str]] = {
    "NODE": lambda _scope, _argument: NODE,
    "PORT": lambda scope, name: str(scope.port_of(name)),
}

EXTMODULE = Dialect(
    encoding="utf-8",
    known=_NODE_AND_PORT | {"DIR": lambda scope, _argument: str(scope.folder), "REP": _repeated},
    patterns={
        "TIME": _unix_time,
        "PID": _fixed(r"-?\d+"),
        "PEER": _peer(":"),
        "PEERESC": _peer("%z"),
        "ANY": _fixed(r"[^\n]*"),
    },
)

RMANAGER = Dialect(
    encoding="latin-1",
    known=_NODE_AND_PORT
    | {
        "WORK": lambda scope, _argument: str(scope.folder),
        "PEERPORT": lambda scope, conn: str(scope.peer_ports[conn]),
    },
    patterns={
        "VERSION": _fixed(r"\S+?"),
        "RELEASE": _fixed(r"[^,:\r\n]*"),
        "REVISION": _fixed(r"[^,:\r\n]*"),
        "MODDIR": _fixed(r"[^,:\r\n]*"),
        "PATH": _fixed(r"[^,:\r\n]*"),
        "TIME": _fixed(_DATE),
        "CTIME": _fixed(r"[^\r\n]*?"),
        "PID": _fixed(r"\d+"),
        "PTR": _fixed(r"0x[0-9a-f]+"),
        "INT": _fixed(r"-?\d+"),
        "FLOAT": _fixed(r"-?\d+(?:\.\d+)?"),
        "HMS": _fixed(r"\d\d:\d\d:\d\d"),
        "TZ": _fixed(r"[+-]\d\d:\d\d"),
        "HANDLERS": _fixed(r"[^:\r\n]*"),
        "TIMER_LINES": _fixed(f"(?:{TIMER_LINE.decode()})+"),
    },
)


def show(value: Any, limit: int = 600) -> str:
    """Format a value for the message of a failure: as repr(), with the middle of a long one cut."""
    text = repr(bytes(value)) if isinstance(value, bytes | bytearray) else str(value)
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} … {len(text) - limit} more … {text[-half:]}"
