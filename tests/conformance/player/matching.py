"""Placeholders of the recordings: filled in when sending, matched when receiving.

The two sets of recordings write them differently; each set is a `Dialect`. The meaning of every
placeholder is given in vectors/extmodule/README.md and vectors/rmanager/README.md.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

NODE = "conformance"
"""The node name every engine is started with."""

_CLOCK_SLACK = 120
"""Seconds a `{TIME}` of the external module may be away from now: a stalled machine, not a bug."""

_PLACEHOLDER = re.compile(r"\{([A-Z]+(?:_[A-Z]+)*)(?::((?:.:)?\w+))?\}", re.DOTALL)

_DATE = r"\d{4}-\d\d-\d\d_\d\d:\d\d:\d\d\.\d{6}"

TIMER_LINE = rb"%%<message::(?:true|false):engine\.timer:[^\r\n]*\r\n"
"""The message of each second, as a session in machine mode is shown it."""

Expected = str | Mapping[str, str]
"""One line of a recording: text, or `{"hex": ...}` where it is not UTF-8 or holds controls."""


class Mismatch(AssertionError):
    """The engine did something else than the recording; the text says what was expected."""


class Unplayable(Exception):
    """The case could not be played at all, so nothing is known about it: never a deviation."""


@dataclass(slots=True)
class Scope:
    """What the placeholders of one playing case stand for."""

    folder: Path
    port_of: Callable[[str], int]
    ids: dict[str, bytes] = field(default_factory=dict)
    peer_ports: dict[str, int] = field(default_factory=dict)
    """Local port of each TCP connection the player has opened, by the connection's name."""

    serial: Iterable[int] = field(default_factory=count)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one set of recordings writes its placeholders.

    `known` have one value, which is sent and matched alike; `patterns` are regular expressions
    and only matched. Both are called with the scope and the text after the placeholder's colon.
    Braces with any other name are literal.
    """

    encoding: str
    known: Mapping[str, Callable[[Scope, str], str]]
    patterns: Mapping[str, Callable[[Scope, str], str]]

    def fill(self, text: str, scope: Scope) -> bytes:
        """The bytes of a text to be sent or written; raises KeyError for an id not seen yet."""

        def value(found: re.Match[str]) -> str:
            known = self.known.get(found[1])
            if found[1] == "ID":
                return scope.ids[found[2]].decode(self.encoding, "surrogateescape")
            return known(scope, found[2]) if known else found[0]

        return self.encode(_PLACEHOLDER.sub(value, text))

    def encode(self, text: str) -> bytes:
        return text.encode(self.encoding, "surrogateescape")

    def pattern(self, text: str, scope: Scope) -> bytes:
        """Source of the regular expression that stands for an expected text."""
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
        """The bytes an expected text begins with for certain: up to its first open placeholder."""
        for found in _PLACEHOLDER.finditer(text):
            if found[1] in self.patterns or found[1] == "ID":
                return self.fill(text[: found.start()], scope)
        return self.fill(text, scope)

    def matches(self, expected: Expected, data: bytes, scope: Scope) -> bool:
        """Whether a whole line is the expected one; remembers the ids it shows."""
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
    """Keep the ids that a match has shown; False when a time in it is not near now."""
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
    """A value for a failure's text: bytes as Python writes them, long ones with the middle cut."""
    text = repr(bytes(value)) if isinstance(value, bytes | bytearray) else str(value)
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} … {len(text) - limit} more … {text[-half:]}"
