"""The journey of a message as text, and what it has in common with the line of one."""

from __future__ import annotations

import math
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from yext.log import safe
from yext.record.journey import Change, Journey, Step

_CHANNEL_PARAMETERS = ("id", "peerid", "targetid", "reason")
"""The most important parameters of any other message."""

KEY_PARAMETERS: dict[str, tuple[str, ...]] = {
    "call.route": ("caller", "called", "callername", "context"),
    "call.preroute": ("caller", "called", "callername"),
    "call.execute": ("callto", "caller", "called", "id"),
    "call.answered": ("id", "targetid"),
    "call.ringing": ("id", "targetid"),
    "call.drop": ("id", "reason"),
    "call.cdr": ("operation", "chan", "caller", "called", "status", "duration"),
    "chan.startup": ("id", "caller", "called", "direction"),
    "chan.hangup": ("id", "reason"),
    "chan.connected": ("id", "peerid"),
    "chan.disconnected": ("id", "reason"),
    "chan.dtmf": ("id", "text", "targetid"),
    "chan.attach": ("id", "source", "consumer", "notify"),
    "chan.notify": ("targetid", "event"),
    "chan.control": ("targetid", "operation"),
    "user.auth": ("username", "protocol", "ip_host"),
    "user.register": ("username", "data", "expires"),
    "user.unregister": ("username",),
    "resource.subscribe": ("operation", "event", "subscriber"),
    "resource.notify": ("notifier", "event"),
    "engine.command": ("line", "partial"),
    "engine.status": ("module",),
    "engine.debug": ("module", "line"),
    "engine.timer": ("time",),
    "msg.execute": ("caller", "called", "body"),
    "database": ("account", "query"),
}
"""The most important parameters of well-known messages (Yate's docs, standard messages)."""

_AMONG_SHOWN = 4
"""How many of the messages are named that a message may belong to."""


@dataclass(frozen=True, slots=True)
class Style:
    """The style of the lines.

    Attributes:
        width: the longest line in columns, 0 for no limit.
        unicode: whether more than ASCII may be used.
        color: whether SGR colours may be used.
    """

    width: int = 0
    unicode: bool = False
    color: bool = False

    def sign(self, outcome: str) -> str:
        """Return the symbol of an outcome."""
        handled, nobody = ("✓", "·") if self.unicode else ("+", "-")
        return {"handled": handled, "not handled": nobody}.get(outcome, "!")

    @property
    def arrow(self) -> str:
        """The sign before a return value, and between an old and a new value."""
        return "→" if self.unicode else "->"

    @property
    def dash(self) -> str:
        """The sign for a value that does not exist."""
        return "–" if self.unicode else "-"

    @property
    def more(self) -> str:
        """The end of a text that was cut."""
        return "…" if self.unicode else ">"

    @property
    def rest(self) -> str:
        """The sign for parameters that are left out."""
        return "…" if self.unicode else "..."


def value_text(value: str) -> str:
    """Return a parameter's value, safe for a terminal."""
    shown = safe(value)
    return f'"{shown}"' if " " in shown else shown


def _param(name: str, value: str) -> str:
    return f"{safe(name)}={value_text(value)}"


def clock(when: float) -> str:
    """Write a local time of day to the millisecond: ``12:04:31.207``."""
    # Cut, not rounded, or it could show the 000 of the next second with this second.
    return f"{time.strftime('%H:%M:%S', time.localtime(when))}.{int(when % 1 * 1000):03d}"


def duration(seconds: float) -> str:
    """Write a duration: ``0.1 ms``, ``10.0 s``; nothing for one that was not measured."""
    if math.isnan(seconds):
        return ""
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def params_in_order(name: str, params: Mapping[str, str]) -> list[str]:
    """The names of the parameters to show of a message, the most important first."""
    first = [key for key in KEY_PARAMETERS.get(name, _CHANNEL_PARAMETERS) if key in params]
    others = (key for key in params if key != "handlers" and not key.startswith("cmd_"))
    return list(dict.fromkeys([*first, *others]))


def columns(text: str) -> int:
    """Return the columns of a terminal that `text` takes."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


@lru_cache(maxsize=4096)
def _columns_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, width: int, more: str) -> str:
    """Cut `text` to `width` columns; `more` stands at the end of a text that was cut."""
    if columns(text) <= width:
        return text
    taken, left = [], width - len(more)
    for char in text:
        left -= _columns_of(char)
        if left < 0:
            break
        taken.append(char)
    return "".join(taken) + more


def draw_journey(journey: Journey, style: Style) -> list[str]:
    """Draw all of one message's journey; a line that is too wide goes on below."""
    words = {"handled": "handled in", "not handled": "not handled,"}
    outcome = words.get(journey.outcome, f"{journey.outcome}: {safe(journey.by)},")
    head = [clock(journey.when), f"from {safe(journey.sender)}"]
    if nested := nested_text(journey, style):
        head.append(nested)
    waiting = [safe(step.owner) for step in journey.steps if step.result == "waiting"]
    took = duration(journey.took)
    if waiting:
        head.append(f"waiting for {', '.join(waiting)}")
    else:
        head.append(f"{outcome} {took}" if took else str(journey.outcome))
    lines = _folded(f"#{journey.number} {safe(journey.name)}   ", head, "   ", style, 4)
    lines += _listed("sent", journey.name, journey.params, style)
    lines += _handlers(journey, style)
    if journey.watchers:
        lines += _folded("  watched by ", [*map(safe, journey.watchers)], ", ", style)
    if waiting:
        return lines  # What the reply will be is not known.
    result = ["handled" if journey.handled else "not handled"]
    if journey.renamed:
        result.append(f"as {safe(journey.renamed)}")
    if journey.retvalue:
        result.append(f"return {safe(journey.retvalue)}")
    lines += _folded("  reply ", result, "   ", style)
    return lines + _reply_params(journey, style)


def _reply_params(journey: Journey, style: Style) -> list[str]:
    """The parameters of the reply, or one word where they are those that were sent."""
    sent, replied = (
        [(key, params[key]) for key in params_in_order(journey.name, params)]
        for params in (journey.params, journey.after)
    )
    # What was sent is not known of a message without a time: only its end was seen.
    if sent and sent == replied and journey.ended and not math.isnan(journey.took):
        return ["  with: unchanged"]
    return _listed("with", journey.renamed or journey.name, journey.after, style)


def _folded(
    lead: str, parts: Sequence[str], gap: str, style: Style, indent: int | None = None
) -> list[str]:
    """Draw `lead` and the parts after it, on as many lines as they need.

    Args:
        gap: what stands between two parts.
        indent: the column at which further lines begin; without it that of the first part.
    """
    begin = " " * (columns(lead) if indent is None else indent)
    empty = {begin, lead}
    if style.width and columns(lead) > style.width * 2 // 3:
        # There is so little room that even the first part may go below.
        begin = " " * 8
        empty = {begin}
    lines, text, between = [], lead, ""
    for part in parts:
        full = style.width and columns(text + between + part) > style.width
        if full and text not in empty:
            lines.append((text + between).rstrip())
            text, between = begin, ""
        text += between + part
        between = gap
    return [*lines, text.rstrip()]


def _listed(label: str, name: str, params: Mapping[str, str], style: Style) -> list[str]:
    shown = [_param(key, params[key]) for key in params_in_order(name, params)]
    return _folded(f"  {label}  ", shown, " ", style) if shown else []


def _handlers(journey: Journey, style: Style) -> list[str]:
    rows = [("prio", "handler", "took", "result", ["changed"])]
    for step in journey.steps:
        asked = step.result not in ("not asked", "waiting")
        rows.append(
            (
                str(step.priority),
                safe(step.owner),
                (duration(step.took) or style.dash) if asked else style.dash,
                step.result,
                [*_changes(step, style)],
            )
        )
    if len(rows) == 1:
        if math.isnan(journey.took):
            return ["  who was asked is not known"]
        why = "" if journey.kept_out else ": no handler is installed for it"
        return [f"  nobody was asked{why}", *kept_out_lines(journey)]
    widths = [max(columns(str(row[at])) for row in rows) for at in range(4)]
    lines: list[str] = []
    remarks = ["", *(step.remark for step in journey.steps)]
    for (priority, handler, took, result, changed), remark in zip(rows, remarks, strict=True):
        lead = (
            f"  {priority:>{widths[0]}}  {handler:<{widths[1]}}  {took:<{widths[2]}}"
            f"  {result:<{widths[3]}}  "
        )
        lines += _folded(lead, changed, "   ", style)
        if remark:
            below = " " * (widths[0] + 4)
            lines += _folded(below, safe(remark).split(), " ", style)
    return lines + kept_out_lines(journey)


def nested_text(journey: Journey, style: Style) -> str:
    """Return which message one is nested in, as far as that is known; empty for none."""
    if journey.parent:
        return f"within #{journey.parent}"
    if not journey.among:
        return ""
    more = f" {style.more}" if journey.among[_AMONG_SHOWN:] else ""
    shown = ", ".join(f"#{number}" for number in journey.among[:_AMONG_SHOWN])
    return f"within one of {shown}{more}"


def kept_out_lines(journey: Journey) -> list[str]:
    """Return a line for each handler that was not asked because of its filter."""
    lines = []
    for owner, param, value in journey.kept_out:
        here = journey.after.get(param)
        has = f"without {safe(param)}" if here is None else f"with {_param(param, here)}"
        lines.append(f"  kept out by its filter: {safe(owner)}, {_param(param, value)}; sent {has}")
    return lines


def _changes(step: Step, style: Style) -> Iterator[str]:
    """The changes that a handler made."""
    if step.there is not None:
        yield from _elsewhere(step)
    if step.renamed:
        yield f"name {style.arrow} {safe(step.renamed)}"
    for change in step.changes:
        yield _change(change, style)
    if step.retvalue is not None:
        yield f"return {safe(step.retvalue)}" if step.retvalue else "return emptied"


def _elsewhere(step: Step) -> Iterator[str]:
    """Where the time of a handler on another node went, or what to look at if it failed."""
    if step.result in ("handled", "passed") and step.there is not None:
        yield f"there {duration(step.there)}, way {duration(max(0.0, step.took - step.there))}"
        return
    script = safe(step.owner).partition(":")[2]
    log = f"see: node {step.node} external log {script}"
    yield {"timed out": log, "late": log}.get(step.result, "see: status cluster")


def _change(change: Change, style: Style) -> str:
    name = change.name
    if name == "handlers":
        return name
    if change.before is None:
        return f"+ {_param(name, change.after or '')}"
    if change.after is None:
        return f"- {_param(name, change.before)}"
    before, after = value_text(change.before), value_text(change.after)
    return f"{safe(name)}: {before} {style.arrow} {after}"
