"""A journey on a screen: each handler with its time as a bar, what it changed, the raw lines."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final

from yext import Message, wire
from yext.console.replies.clip import clipped
from yext.console.replies.trace import (
    Style,
    clock,
    columns,
    cut,
    duration,
    kept_out_lines,
    nested_text,
    params_in_order,
)
from yext.log import safe
from yext.record.journey import FAILED_RESULTS, Journey, Step, StepResult

_BESIDE: Final = 100
"""Columns from which the raw lines stand beside the journey, and not below it."""

_LONGEST: Final = 1024
"""Characters of a value that are shown; `flow show` has all of it."""

_RAW: Final = 4096
"""Characters of a protocol line that are shown."""

_MOST: Final = 300
"""Parameters that are shown of one message."""

_BAR: Final = 20
"""Columns of the longest bar."""

_SGR: Final = re.compile(r"\x1b\[\d*m")

BOLD, DIM, RED, GREEN = "1", "2", "31", "32"
"""SGR codes; 2 is dim in any theme."""


def paint(text: str, code: str, style: Style) -> str:
    """Colour a text, where the style has colour."""
    return f"\x1b[{code}m{text}\x1b[0m" if style.color and text else text


def journey_lines(journey: Journey, style: Style) -> list[str]:
    """Draw a journey on lines of the style's width, as many as it takes."""
    width = style.width
    if width < _BESIDE:
        raw = [_heading("as protocol lines", style), *raw_lines(journey, width)]
        return [*_journey(journey, Style(width, style.unicode, style.color)), *raw]
    left = width * 3 // 5
    told = _journey(journey, Style(left, style.unicode, style.color))
    raw = [_heading("as protocol lines", style), *raw_lines(journey, width - left - 3)]
    line = "│" if style.unicode else "|"
    head, *rest = told
    return [head, *(f"{_padded(one, left)} {line} {two}" for one, two in
                    zip_longest(rest, raw, fillvalue=""))]  # fmt: skip


def raw_lines(journey: Journey, width: int) -> list[str]:
    """Return the lines of the protocol that a handler got and the sender was answered with.

    The ids of the protocol are not recorded: the number of the message stands for them.
    """
    shown = clipped(journey, _LONGEST, _MOST)
    sent = Message(shown.name, dict(shown.params), retvalue=shown.first_retvalue or "")
    sent.time = int(shown.when)
    lines = [wire.encode_message(f"#{shown.number}", sent)]
    if shown.ended:
        name = shown.renamed or shown.name
        answer = Message(name, dict(shown.after), retvalue=shown.retvalue)
        lines.append(wire.encode_answer(f"#{shown.number}", answer, shown.handled))
    wrapped = [part for line in lines for part in _wrapped(safe(line[:_RAW]), width, "  ")]
    if any(len(line) > _RAW for line in lines) or shown is not journey:
        wrapped.append(cut(f"(cut: flow show {journey.number} has all)", width, ">"))
    return wrapped


def _short(text: str) -> str:
    """A text made safe, with the number of characters that are left out of a long one."""
    left = len(text) - _LONGEST
    return safe(text[:_LONGEST]) + (f" ({left:,} more characters)" if left > 0 else "")


def _heading(text: str, style: Style) -> str:
    return paint(text, BOLD, style)


def _journey(journey: Journey, style: Style) -> list[str]:
    lines = [_head(journey, style)]
    lines += _handlers(journey, style)
    if journey.watchers:
        lines += _wrapped(f"watched by {', '.join(map(_short, journey.watchers))}", style.width)
    lines.append(_heading("sent", style))
    lines += _params(journey.name, journey.params, style)
    reply = "handled" if journey.handled else "not handled"
    if not journey.ended:
        reply = "not answered yet"
    if journey.renamed:
        reply += f", as {_short(journey.renamed)}"
    lines.append(_heading(f"reply: {reply}", style))
    if journey.retvalue:
        lines += _wrapped(f"  {style.arrow} {_short(journey.retvalue)}", style.width)
    if dict(journey.after) == dict(journey.params):
        return [*lines, "  with: unchanged"]
    return [*lines, *_params(journey.renamed or journey.name, journey.after, style)]


def _head(journey: Journey, style: Style) -> str:
    parts = [f"#{journey.number} {_short(journey.name)}", f"from {_short(journey.sender)}"]
    took = duration(journey.took)
    parts.append(f"{journey.outcome} {took}".rstrip() if journey.ended else "under way")
    if nested := nested_text(journey, style):
        parts.append(nested)
    parts.append(clock(journey.when))
    text = cut("   ".join(parts), style.width, style.more)
    failed = journey.ended and journey.outcome not in ("handled", "not handled")
    return paint(text, RED if failed else BOLD, style)


def _handlers(journey: Journey, style: Style) -> Iterator[str]:
    steps = journey.steps
    if not steps:
        unknown = math.isnan(journey.took)
        yield "  who was asked is not known" if unknown else "  nobody was asked"
        yield from _kept_out(journey, style)
        return
    longest = max((one.took for one in steps if not math.isnan(one.took)), default=0.0)
    bar = max(4, min(_BAR, style.width // 5))
    owners = min(max(columns(_short(one.owner)) for one in steps), style.width // 3)
    for step in steps:
        owner = cut(_short(step.owner), owners, style.more)
        owner += " " * (owners - columns(owner))
        drawn, time = " " * bar, ""
        if step.result not in (StepResult.NOT_ASKED, StepResult.WAITING):
            drawn = _bar(step.took, longest, bar, style)
            time = duration(step.took) or style.dash
        text = f"{step.priority:>4} {owner} {drawn} {time:>8} {step.result}"
        text = cut(text, style.width, style.more)
        yield paint(text, RED, style) if step.result in FAILED_RESULTS else text
        yield from _changes(step, style)
        if step.remark:
            yield from _wrapped(f"      {_short(step.remark)}", style.width, "        ")
    yield from _kept_out(journey, style)


def _kept_out(journey: Journey, style: Style) -> Iterator[str]:
    """The handlers that were not asked because of their filters."""
    for line in kept_out_lines(clipped(journey, _LONGEST)):
        yield from _wrapped(line, style.width, "    ")


def _bar(took: float, longest: float, width: int, style: Style) -> str:
    """A time as a bar: as long as its part of the longest time."""
    filled = round(width * took / longest) if longest > 0 and not math.isnan(took) else 0
    full, least = ("█", "▏") if style.unicode else ("#", "|")
    return f"{full * filled or least:<{width}}"


def _changes(step: Step, style: Style) -> Iterator[str]:
    """What a handler changed, as a difference."""
    rows: list[tuple[str, str]] = []
    if step.renamed:
        rows.append(("+", f"name {_short(step.renamed)}"))
    for change in step.changes[:_MOST]:
        if change.name == "handlers":
            continue  # Notes of the engine about who was asked.
        if change.before is not None:
            rows.append(("-", f"{_short(change.name)}={_short(change.before)}"))
        if change.after is not None:
            rows.append(("+", f"{_short(change.name)}={_short(change.after)}"))
    if step.retvalue is not None:
        rows.append(("+", f"return {_short(step.retvalue)}"))
    for sign, text in rows:
        yield from difference_lines(sign, f"      {sign} {text}", style)


def difference_lines(sign: str, text: str, style: Style) -> list[str]:
    """Fold a line of a difference, and colour it by its sign."""
    lines = _wrapped(text, style.width, "        ")
    code = {"-": RED, "+": GREEN}.get(sign)
    return [paint(line, code, style) for line in lines] if code else lines


def _params(name: str, params: Mapping[str, str], style: Style) -> Iterator[str]:
    """The parameters, the most important first, each on lines of its own."""
    names = list(params_in_order(name, params))
    if names[_MOST:]:
        yield f"  {len(names):,} parameters, of which the first {_MOST} are shown"
    for key in names[:_MOST]:
        yield from _wrapped(f"  {_short(key)}={_short(params[key])}", style.width, "    ")


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Cut a text into lines of a width; those after the first are indented."""
    width = max(width, len(indent) + 2)
    if text.isascii():
        step = width - len(indent)
        rest = range(width, len(text), step)
        return [text[:width], *(f"{indent}{text[at : at + step]}" for at in rest)]
    lines: list[str] = []
    line, used = "", 0
    for char in text:
        size = 1 if char.isascii() else columns(char)
        if used + size > width:
            lines.append(line)
            line, used = indent, len(indent)
        line += char
        used += size
    return [*lines, line]


def _padded(line: str, width: int) -> str:
    """A line that may have colours, filled up with blanks."""
    return line + " " * (width - visible_columns(line))


def visible_columns(line: str) -> int:
    """The columns of a line, without those of its SGR sequences."""
    return columns(uncoloured(line))


def uncoloured(line: str) -> str:
    """A line without its SGR sequences."""
    return _SGR.sub("", line) if "\x1b" in line else line


def difference(one: Journey, other: Journey, style: Style) -> list[str]:
    """Draw what two messages have in common and what not, the fields in the order of the first."""
    heads = [f"{sign} #{journey.number} {_short(journey.name)}   {clock(journey.when)}"
             for sign, journey in (("-", one), ("+", other))]  # fmt: skip
    lines = [part for head in heads for part in difference_lines(head[0], head, style)]
    for title, first, second in (
        ("", _facts(one), _facts(other)),
        ("sent", one.params, other.params),
        ("reply", one.after, other.after),
    ):
        if title:
            lines.append(_heading(title, style))
        lines += _different(first, second, style)
    return lines


def _facts(journey: Journey) -> Mapping[str, str]:
    """What is to be compared of a message, beside its parameters."""
    asked = [step.owner for step in journey.steps if step.result is not StepResult.NOT_ASKED]
    return {
        "name": journey.renamed or journey.name,
        "from": journey.sender,
        "outcome": str(journey.outcome),
        "by": journey.by,
        "asked": ", ".join(asked),
        "return": journey.retvalue,
        "took": duration(journey.took),
    }


def _different(first: Mapping[str, str], second: Mapping[str, str], style: Style) -> Iterator[str]:
    keys: Sequence[str] = [*first, *(key for key in second if key not in first)]
    for key in keys[: 2 * _MOST]:
        before, after = first.get(key), second.get(key)
        if before == after:
            yield from _wrapped(f"  {_short(key)}={_short(before or '')}", style.width, "    ")
            continue
        for sign, value in (("-", before), ("+", after)):
            if value is not None:
                yield from difference_lines(sign, f"{sign} {_short(key)}={_short(value)}", style)
