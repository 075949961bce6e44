"""The line protocol of external modules: escaping, messages, answers. There is no I/O here.

Text is `str`, UTF-8 with surrogate escapes, so that all bytes survive the way in and out. Lines
are without their ending; `yext.linebuffer` splits bytes into lines.

Sources: Yate's docs/extmodule.html, and the recorded conversations in
tests/conformance/vectors/extmodule, which decide where the two disagree.
"""

from __future__ import annotations

import re
import time as _time
from collections.abc import Mapping

from yext.errors import ProtocolError
from yext.message import Message

ENCODING = "utf-8"
ERRORS = "surrogateescape"

_UNSAFE = re.compile(r"[\x00-\x1f:%]")
_ESCAPED = re.compile(r"%(.)", re.DOTALL)
_WELL_FORMED = re.compile(r"(?:[^%\x00-\x1f]++|%[A-_z%])*+")
_NO_BYTE = re.compile(r"[\ud800-\udc7f\udd00-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f]")

BOOLEANS = dict.fromkeys(("true", "yes", "on", "enable", "t"), True) | dict.fromkeys(
    ("false", "no", "off", "disable", "f"), False
)
"""The words for booleans: these and no others, in lower case, as in Yate."""

_ESCAPES = {chr(code): "%" + chr(code + 64) for code in range(32)} | {":": "%z", "%": "%%"}
_UNESCAPES = {chr(code + 64): chr(code) for code in range(1, 32)} | {"z": ":", "%": "%"}


def escape(text: str) -> str:
    """Escape `text` for a field of a line: bytes below 32, ``:`` and ``%``."""
    if text.isalnum() or _UNSAFE.search(text) is None:
        return text
    return _UNSAFE.sub(lambda found: _ESCAPES[found[0]], text)


def unescape(text: str) -> str:
    """Return the text of a field.

    Raises:
        ProtocolError: for a ``%`` that begins no valid escape, or a raw control character.
    """
    if _WELL_FORMED.fullmatch(text) is None:
        raise ProtocolError(f"bad escape or raw control character in {text!r}")
    return _unescaped(text) if "%" in text else text


def unescape_prefix(text: str) -> str:
    """Return the text of a field up to its first bad escape.

    Debug text and filters are read like this. The ``%`` of the bad escape stays, as recorded in
    filter_badescape_value.
    """
    found = _WELL_FORMED.match(text)
    good = found[0] if found else ""
    return unescape(good) + ("%" if text[len(good) : len(good) + 1] == "%" else "")


def to_bytes(text: str) -> bytes:
    """Return lines as bytes.

    A lone surrogate that is no escaped byte becomes U+FFFD; only Python code can put one into a
    message.
    """
    try:
        return text.encode(ENCODING, ERRORS)
    except UnicodeEncodeError:
        return _NO_BYTE.sub("\ufffd", text).encode(ENCODING, ERRORS)


def bool_text(value: bool) -> str:
    """Return the protocol's word for a boolean."""
    return "true" if value else "false"


def decode_message(fields: str, settime: bool = False) -> tuple[str, Message]:
    """Decode the fields of a line ``%%>message:<id>:<time>:<name>:<retvalue>[:<key>=<value>…]``.

    Args:
        fields: the line after ``%%>message:``.
        settime: use the current time, as for a time that is 0 or empty.

    Returns:
        The id and the message.

    Raises:
        ProtocolError: the fields are not valid.
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
    # One test of the whole line saves one for each field: most lines have little to unescape.
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
    """Decode parameters whose text would be written in the same way again.

    Returns:
        None where it might be written in another way or is not valid: a parameter without a value
        or a name, or given twice, an empty field, a bad escape.
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
    """Return the text of a field that is known to be well formed."""
    return _ESCAPED.sub(lambda found: _UNESCAPES[found[1]], text)


def decode_params(text: str) -> dict[str, str]:
    """Decode parameters ``key=value:key=value…``; a key without ``=`` removes that parameter."""
    params: dict[str, str] = {}
    apply_changes(params, decode_changes(text))
    return params


def decode_changes(text: str) -> list[tuple[str, str | None]]:
    """Decode changes of parameters, ``key=value:key…``.

    Returns:
        In order, (key, value) to set a parameter and (key, None) to remove one.

    Raises:
        ProtocolError: for an empty key or a bad escape.
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


def apply_changes(params: dict[str, str], changes: list[tuple[str, str | None]]) -> None:
    """Apply changes from `decode_changes`; a parameter that exists keeps its place."""
    for key, value in changes:
        if value is None:
            params.pop(key, None)
        else:
            params[key] = value


def parse_time(text: str) -> int:
    """Return the time of a message in seconds; an empty field is 0.

    It is read as by C's strtoul with base 0: after blanks and a plus sign, decimal, hexadecimal
    after ``0x``, or octal after a 0.

    Raises:
        ProtocolError: for anything else, or more than 32 bits.
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


class PeerAnswer:
    """A peer's answer to a message.

    Attributes:
        handled: True if the peer handled the message.
        name: the new name of the message, empty to keep it.
        retvalue: the new return value, None to keep it.
        changes: changes of the parameters, as `decode_changes` returns them.
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
        """Apply the answer to `message`.

        Nothing is touched where the answer only repeats the message, as many libraries send the
        whole message back.
        """
        if self.name and self.name != message.name:
            message.name = self.name
        if self.retvalue is not None:
            message.retvalue = self.retvalue
        if not all(message.same(key, value) for key, value in self.changes):
            apply_changes(message.params, self.changes)


def apply_answer(fields: str, message: Message) -> bool:
    """Decode an answer, as `decode_answer` does, and apply it to `message`.

    Returns:
        True if the peer handled the message.

    Raises:
        ProtocolError: the answer is not valid; nothing is changed.
    """
    parts = fields.split(":", 3)
    handled = BOOLEANS.get(parts[0])
    plain = "%" not in fields and fields.isascii() and fields.isprintable()
    if len(parts) == 3 and handled is not None and plain:
        # Most answers have no more fields, and nothing in them needs escaping.
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


def decode_answer(fields: str) -> PeerAnswer:
    """Decode the fields of an answer: ``<processed>:[<name>]:<retvalue>[:<key>=<value>…]``.

    Args:
        fields: the line after ``%%<message:<id>:``.

    Raises:
        ProtocolError: the answer is not valid.
    """
    parts = fields.split(":", 3)
    handled = BOOLEANS.get(parts[0])
    if handled is None:
        # Yate ignores blanks before a boolean but not after it; an empty one is false.
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
    return PeerAnswer(handled, name, retvalue, changes)


def encode_params(params: Mapping[str, str]) -> str:
    """Encode parameters as ``:key=value:key=value…``, as an empty text if there are none."""
    if not params:
        return ""
    text = ":".join([f"{key}={value}" for key, value in params.items()])
    # One test of the whole text: only what needs escaping pays for it.
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
    """Encode a message as ``name:retvalue[:key=value…]``, the end of the lines that carry it."""
    kept = message.wire
    if kept is not None and kept[0] is message.name:
        name, retvalue, text = kept
        if retvalue is not message.retvalue:
            retvalue = escape(message.retvalue)
        return f"{name}:{retvalue}:{text}" if text else f"{name}:{retvalue}"
    return f"{escape(message.name)}:{escape(message.retvalue)}{encode_params(message.params)}"


def encode_message(ident: str, message: Message) -> str:
    """Return the line ``%%>message`` that sends `message` to a peer; `ident` is not escaped."""
    return f"%%>message:{ident}:{int(message.time)}:{encode_body(message)}"


def encode_answer(ident: str, message: Message, handled: bool) -> str:
    """Return the line ``%%<message`` that returns `message`; a watcher's has no `ident`."""
    return f"%%<message:{escape(ident)}:{'true' if handled else 'false'}:{encode_body(message)}"
