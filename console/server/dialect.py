"""How the plain conversation says things: nothing a handler or a script wrote can stand for a
frame, and control characters are shown, never sent.

Source: tests/conformance/vectors/rmanager.
"""

from __future__ import annotations

import re

from console.server import machine
from yext import log
from yext.command import EOL

_FRAME = re.compile(r"(?m)^(?=%%[-+<>=])")
_LONE_CONTROL = re.compile(r"\r(?!\n)")

_LEVEL_COLORS = ("41;33", "41;33", "40;31;1", "40;31;1", "40;31", "40;33;1", "40;33")
_COLOR = "40;37"

_CONTROLS = "".join(map(chr, range(32)))


def reply(text: str, *, machine_mode: bool) -> str:
    """A reply as it is sent; what yext itself frames is let through."""
    if text.isascii() and text.replace(EOL, "").isprintable() and "%%" not in text:
        return text
    lines = _LONE_CONTROL.sub("\\\\x0d", text)
    head, body, tail = "", log.safe(lines, keep="\r\n\t"), ""
    if body.startswith("%%+status"):
        head, _, rest = body.partition(EOL)
        body = rest.removesuffix(f"%%-status{EOL}")
        head, tail = head + EOL, f"%%-status{EOL}"
    elif machine_mode and body.startswith("%%=") and body.count("\n") == 1:
        return body
    return head + _FRAME.sub(" ", body) + tail


def line(text: str, event: log.Event | None = None, *, color: bool = False) -> str:
    """A line that nobody asked for, in the colour of `event` where there is one."""
    text = f"{_FRAME.sub(' ', text)}{EOL}"
    if event is None or not color:
        return text
    level = event.level if event.kind == "debug" else len(_LEVEL_COLORS)
    shade = _LEVEL_COLORS[level] if level < len(_LEVEL_COLORS) else _COLOR
    return f"\x1b[0;{shade}m\x1b[K{text}\x1b[0m\x1b[K"


def event_text(event: log.Event) -> str:
    """An event of the log on one line, after its time."""
    when = f"{log.stamp(event.when)} " if event.when else ""
    # Yate cuts control characters off the end of an event; the rest of them is shown.
    return when + log.safe(event.line().rstrip(_CONTROLS), keep="\t")


def lost(lines: int, *, machine_mode: bool) -> str:
    """Says that so many lines were left out."""
    if machine_mode:
        return machine.lost(lines) + EOL
    return f"... {lines:,} lines left out, this connection did not read them{EOL}"
