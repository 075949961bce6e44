"""The external module line protocol, without any I/O.

Sources: Yate's docs/extmodule.html, and the recorded conversations in
tests/conformance/vectors/extmodule, which win where the two disagree.

Text is `str` in here: UTF-8 with surrogate escapes, so any byte survives the way in and
out. Lines are without their ending.
"""

from __future__ import annotations

import re
import time as _time
from collections.abc import Mapping

from yext.errors import LineTooLong, ProtocolError
from yext.message import Message

ENCODING = "utf-8"
ERRORS = "surrogateescape"

BUFSIZE = 8192
"""Default size of a peer's line buffer in bytes; a line may take two bytes less."""

_UNSAFE = re.compile(r"[\x00-\x1f:%]")
_ESCAPED = re.compile(r"%(.)", re.DOTALL)
_WELL_FORMED = re.compile(r"(?:[^%\x00-\x1f]++|%[A-_z%])*+")
_NO_BYTE = re.compile(r"[\ud800-\udc7f\udd00-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f]")

BOOLEANS = dict.fromkeys(("true", "yes", "on", "enable", "t"), True) | dict.fromkeys(
    ("false", "no", "off", "disable", "f"), False
)
"""Yate's words for a boolean: these and no others, in this case."""

_ESCAPES = {chr(code): "%" + chr(code + 64) for code in range(32)} | {":": "%z", "%": "%%"}
_UNESCAPES = {chr(code + 64): chr(code) for code in range(1, 32)} | {"z": ":", "%": "%"}


def escape(text: str) -> str:
    """`text` as a field of a line: bytes below 32, ``:`` and ``%`` are escaped."""
    if text.isalnum() or _UNSAFE.search(text) is None:
        return text
    return _UNSAFE.sub(lambda found: _ESCAPES[found[0]], text)


def unescape(text: str) -> str:
    """The text of a field.

    Raises `ProtocolError` for a ``%`` that no escape explains and for a raw control
    character.
    """
    if _WELL_FORMED.fullmatch(text) is None:
        raise ProtocolError(f"bad escape or raw control character in {text!r}")
    return _unescaped(text) if "%" in text else text


def unescape_prefix(text: str) -> str:
    """The text of a field up to its first bad escape: how debug text and filters are read.

    The ``%`` of the bad escape stays, as recorded in filter_badescape_value.
    """
    found = _WELL_FORMED.match(text)
    good = found[0] if found else ""
    return unescape(good) + ("%" if text[len(good) : len(good) + 1] == "%" else "")


def to_bytes(text: str) -> bytes:
    """Lines as bytes. A lone surrogate that no byte is behind, which only Python code can put
    into a message, becomes U+FFFD."""
    try:
        return text.encode(ENCODING, ERRORS)
    except UnicodeEncodeError:
        return _NO_BYTE.sub("\ufffd", text).encode(ENCODING, ERRORS)


def bool_text(value: bool) -> str:
    """How the protocol spells a boolean."""
    return "true" if value else "false"


class LineBuffer:
    """Cuts what a peer sends into lines, and refuses lines that are too long.

    A line ends in LF or NUL; one CR before that is dropped. Empty lines do not count.
    """

    __slots__ = ("_rest", "_unchecked", "lines", "size")

    def __init__(self, size: int = BUFSIZE) -> None:
        self.size = size
        self._rest = b""
        # Lines that are complete and not too long; the next one is the last. A reader may take
        # it from here itself, and need only call `next_line` when there is none.
        self.lines: list[str] = []
        self._unchecked: list[str] = []  # from the first that may be too long; in order

    def feed(self, data: bytes) -> None:
        """Takes what was read; `next_line` hands out the lines that are complete."""
        data = self._rest + data if self._rest else data
        if b"\0" in data:
            data = data.replace(b"\0", b"\n")
        end = data.rfind(b"\n")
        if end < 0:
            self._rest = data
            return
        self._rest = data[end + 1 :]
        lines = data[:end].decode(ENCODING, ERRORS).split("\n")
        if self.lines or self._unchecked or end > self.size - 2:
            self._unchecked += lines
        else:
            self.lines = _clean(lines)

    def next_line(self) -> str | None:
        """The next line, or None until more is fed.

        Raises `LineTooLong` when the line, or what has come of it so far, takes more than
        the buffer's size less two bytes.
        """
        if self.lines:
            return self.lines.pop()
        limit = self.size - 2
        if self._unchecked:
            self._check(limit)
            return self.next_line()
        if len(self._rest) > limit:
            raise LineTooLong(f"a line of more than {limit} bytes")
        return None

    def _check(self, limit: int) -> None:
        """Passes the unchecked lines on, as far as they are not too long."""
        for index, line in enumerate(self._unchecked):
            # A character takes at most four bytes: only long lines are counted.
            if len(line) * 4 > limit and _byte_length(line) > limit:
                if not index:
                    raise LineTooLong(f"a line of more than {limit} bytes")
                self.lines = _clean(self._unchecked[:index])
                del self._unchecked[:index]
                return
        self.lines = _clean(self._unchecked)
        self._unchecked = []

    def pending(self) -> int:
        """How many bytes were fed and not yet handed out."""
        lines = sum(_byte_length(line) + 1 for line in (*self.lines, *self._unchecked))
        return lines + len(self._rest)


def _clean(lines: list[str]) -> list[str]:
    """The lines without a CR at their end, the empty ones left out, last one first."""
    cleaned = [line[:-1] if line[-1:] == "\r" else line for line in lines]
    if "" in cleaned:
        cleaned = [line for line in cleaned if line]
    cleaned.reverse()
    return cleaned


def _byte_length(line: str) -> int:
    return len(line) if line.isascii() else len(line.encode(ENCODING, ERRORS))


def decode_message(fields: str, settime: bool = False) -> tuple[str, Message]:
    """The id and the message of ``%%>message:`` `fields`.

    A time of 0 or none means now, and so does every time with `settime`. Raises
    `ProtocolError` when the line makes no sense.
    """
    parts = fields.split(":", 4)
    try:
        ident, when, name, retvalue, text = parts
    except ValueError:
        if len(parts) < 4:
            raise ProtocolError("a message needs an id, a time, a name, a return value") from None
        (ident, when, name, retvalue), text = parts, ""
    time: float = 0 if when == "0" else parse_time(when)
    if settime or not time:
        time = _time.time()
    # One look at the whole line spares one a field: most lines have little to unescape.
    escaped = "%" in fields or not (fields.isascii() and fields.isprintable())
    if escaped:
        written = name, retvalue
        ident, name, retvalue = unescape(ident), unescape(name), unescape(retvalue)
        if (name, retvalue) != written:
            return ident, Message.from_wire(name, retvalue, time, decode_params(text), None)
    params = _params_as_written(text, escaped)
    if params is not None:
        return ident, Message.from_wire(name, retvalue, time, params, text)
    return ident, Message.from_wire(name, retvalue, time, decode_params(text), None)


def _params_as_written(text: str, escaped: bool) -> dict[str, str] | None:
    """The parameters of a text that would be written again as it stands.

    None where it may be written in another way, or makes no sense: where a parameter has no value
    or no name, or comes twice, or a field is empty, or an escape is bad.
    """
    if not text:
        return {}
    fields = text.split(":")
    try:
        pairs = [field.split("=", 1) for field in fields]
        if escaped:
            if _WELL_FORMED.fullmatch(text) is None:
                return None
            if "%" in text:
                pairs = [[_unescaped(one) if "%" in one else one for one in pair] for pair in pairs]
        params = dict(pairs)
    except ValueError:
        return None
    if len(params) != len(fields) or "" in params:
        return None
    return params


def _unescaped(text: str) -> str:
    """The text of a field that is known to be well formed."""
    return _ESCAPED.sub(lambda found: _UNESCAPES[found[1]], text)


def decode_params(text: str) -> dict[str, str]:
    """The parameters of ``key=value:key=value…``; a key without ``=`` takes itself out."""
    params: dict[str, str] = {}
    apply_params(params, decode_changes(text))
    return params


def decode_changes(text: str) -> list[tuple[str, str | None]]:
    """What ``key=value:key…`` says, in order: (key, value), or (key, None) to delete.

    Raises `ProtocolError` for an empty key or a bad escape, before anything is applied.
    """
    if not text:
        return []
    if "%" in text or not (text.isascii() and text.isprintable()):
        return _decode_escaped_changes(text)
    changes: list[tuple[str, str | None]] = []
    for field in text.split(":"):
        key, equals, value = field.partition("=")
        if key:
            changes.append((key, value if equals else None))
        elif equals:
            raise ProtocolError("a parameter without a name")
    return changes


def _decode_escaped_changes(text: str) -> list[tuple[str, str | None]]:
    changes: list[tuple[str, str | None]] = []
    for field in text.split(":"):
        key, equals, value = field.partition("=")
        if key:
            changes.append((unescape(key), unescape(value) if equals else None))
        elif equals:
            raise ProtocolError("a parameter without a name")
    return changes


def apply_params(params: dict[str, str], changes: list[tuple[str, str | None]]) -> None:
    """Carries out what `decode_changes` found: a set parameter keeps its place."""
    for key, value in changes:
        if value is None:
            params.pop(key, None)
        else:
            params[key] = value


def parse_time(text: str) -> int:
    """The time field of a message in seconds; empty is 0.

    Read as C's strtoul with base 0: blanks and a plus sign may come first, ``0x`` is
    hexadecimal, a leading 0 octal. Raises `ProtocolError` for anything else or past 32 bits.
    """
    if not text:
        return 0
    digits = text.lstrip(" \t\r\n\v\f").removeprefix("+")
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[:1] == "0" else 10
    if not digits.isascii() or not digits.isalnum():
        raise ProtocolError(f"not a time: {text!r}")
    try:
        seconds = int(digits, base)
    except ValueError:
        raise ProtocolError(f"not a time: {text!r}") from None
    if seconds > 0xFFFFFFFF:
        raise ProtocolError(f"not a time: {text!r}")
    return seconds


class Answer:
    """What a peer answered to a message: `handled`, and the changes to make.

    `name` is empty and `retvalue` None where the answer leaves them as they are.
    """

    __slots__ = ("changes", "handled", "name", "retvalue")

    def __init__(
        self,
        handled: bool,
        name: str,
        retvalue: str | None,
        changes: list[tuple[str, str | None]],
    ) -> None:
        self.handled = handled
        self.name = name
        self.retvalue = retvalue
        self.changes = changes

    def apply(self, message: Message) -> None:
        """Makes the changes to `message`.

        What the answer only repeats is left alone: many libraries send all of a message back.
        """
        if self.name and self.name != message.name:
            message.name = self.name
        if self.retvalue is not None:
            message.retvalue = self.retvalue
        if not all(message.same(key, value) for key, value in self.changes):
            apply_params(message.params, self.changes)


def carry_out_answer(fields: str, message: Message) -> bool:
    """Makes the changes that an answer, as `decode_answer` reads it, says; whether it handled.

    Raises `ProtocolError` when it makes no sense; nothing is changed then.
    """
    parts = fields.split(":", 3)
    handled = BOOLEANS.get(parts[0])
    plain = "%" not in fields and fields.isascii() and fields.isprintable()
    if len(parts) == 3 and handled is not None and plain:
        # Most answers say no more than this, and what they say needs no escaping on its way.
        name, retvalue = parts[1:]
        if name and name != message.name:
            message.name = name
        message.retvalue = retvalue
        kept = message.wire
        if kept is not None:
            message.wire = (kept[0], retvalue, kept[2])
        return handled
    answer = decode_answer(fields)
    answer.apply(message)
    return answer.handled


def decode_answer(fields: str) -> Answer:
    """The answer of ``<processed>:[<name>]:<retvalue>[:…]``, the id being cut off already.

    Raises `ProtocolError` when it makes no sense; nothing is applied then.
    """
    parts = fields.split(":", 3)
    handled = BOOLEANS.get(parts[0])
    if handled is None:
        # Yate reads a boolean past leading blanks, never past trailing ones; none at all is false.
        handled = BOOLEANS.get(parts[0].lstrip(" ")) if parts[0] else False
    if handled is None or len(parts) < 2:
        raise ProtocolError(f"not a boolean: {parts[0]!r}")
    name, retvalue = parts[1], parts[2] if len(parts) > 2 else None
    if "%" in fields or not (fields.isascii() and fields.isprintable()):
        name = unescape(name)
        retvalue = None if retvalue is None else unescape(retvalue)
    if retvalue is None and name:
        raise ProtocolError("an answer with a name needs a return value")
    changes = decode_changes(parts[3]) if len(parts) == 4 else []
    return Answer(handled, name, retvalue, changes)


def encode_params(params: Mapping[str, str]) -> str:
    """``:key=value:key=value…`` of a message's parameters; empty for none."""
    if not params:
        return ""
    text = ":".join([f"{key}={value}" for key, value in params.items()])
    # One look at the whole text again; only what needs escaping pays for it.
    if (
        "%" in text
        or text.count(":") >= len(params)
        or (not text.isprintable() and _CONTROL.search(text))
        or text.count("=") != len(params)
    ):
        text = ":".join([f"{_escape_key(key)}={escape(value)}" for key, value in params.items()])
    return ":" + text


def _escape_key(key: str) -> str:
    return escape(key).replace("=", "%}") if "=" in key else escape(key)


def encode_body(message: Message) -> str:
    """``name:retvalue[:key=value…]`` of a message: the end of each line that carries it."""
    kept = message.wire
    if kept is not None and kept[0] is message.name:
        name, retvalue, text = kept
        if retvalue is not message.retvalue:
            retvalue = escape(message.retvalue)
        return f"{name}:{retvalue}:{text}" if text else f"{name}:{retvalue}"
    return f"{escape(message.name)}:{escape(message.retvalue)}{encode_params(message.params)}"


def encode_message(ident: str, message: Message) -> str:
    """The ``%%>message`` line that hands `message` to a peer; `ident` needs no escaping."""
    return f"%%>message:{ident}:{int(message.time)}:{encode_body(message)}"


def encode_answer(ident: str, message: Message, handled: bool) -> str:
    """The ``%%<message`` line that returns `message`; an empty `ident` is a watcher's notice."""
    return f"%%<message:{escape(ident)}:{'true' if handled else 'false'}:{encode_body(message)}"
