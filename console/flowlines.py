"""Messages as lines for an operator: one line each, or the whole story of one."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from yext.journey import Change, Journey, Step
from yext.log import safe

_CHANNEL = ("id", "peerid", "targetid", "reason")

FIRST: dict[str, tuple[str, ...]] = {
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
    "chan.dtmf": ("id", "targetid", "text"),
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
"""The parameters of well-known messages that matter first (Yate's docs, standard messages)."""

_SENDER_WIDTH = 9
_NAME_WIDTH = 13
_OUTCOME_WIDTH = 34
"""Columns of the outcome, unless the parameters need them."""
_OUTCOME_MIN = 10


@dataclass(frozen=True, slots=True)
class Look:
    """How lines are drawn.

    Attributes:
        width: columns there are, 0 for no limit.
        unicode, color: whether more than ASCII, and SGR colours, may be used.
    """

    width: int = 0
    unicode: bool = False
    color: bool = False

    def sign(self, outcome: str) -> str:
        """The symbol of an outcome; its colour only repeats what it says."""
        handled, nobody = ("✓", "·") if self.unicode else ("+", "-")
        symbol = {"handled": handled, "not handled": nobody}.get(outcome, "!")
        if not self.color or outcome == "not handled":
            return symbol
        return f"\x1b[{32 if outcome == 'handled' else 31}m{symbol}\x1b[0m"

    @property
    def arrow(self) -> str:
        """What stands before a return value, and between old and new."""
        return "→" if self.unicode else "->"

    @property
    def dash(self) -> str:
        """What stands where there is nothing to tell."""
        return "–" if self.unicode else "-"

    @property
    def more(self) -> str:
        """What ends a text that was cut."""
        return "…" if self.unicode else ">"


def _value(value: str) -> str:
    """A parameter's value, made safe."""
    shown = safe(value)
    return f'"{shown}"' if " " in shown else shown


def _param(name: str, value: str) -> str:
    return f"{safe(name)}={_value(value)}"


def clock(when: float) -> str:
    """A time of day to the millisecond, local: ``12:04:31.207``."""
    # Cut, not rounded, so that it never shows the next second's 000 with this second.
    return f"{time.strftime('%H:%M:%S', time.localtime(when))}.{int(when % 1 * 1000):03d}"


def duration(seconds: float) -> str:
    """``0.1 ms``, ``10.0 s``."""
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def params_in_order(name: str, params: Mapping[str, str]) -> Iterator[str]:
    """The parameters of a message that are worth a line, those that matter first."""
    first = [one for one in FIRST.get(name, _CHANNEL) if one in params]
    yield from first
    for one in params:
        if one not in first and one != "handlers" and not one.startswith("cmd_"):
            yield one


def line(journey: Journey, look: Look) -> str:
    """One message as one line, cut to the width."""
    indent = "  " * min(journey.depth, 8)
    sender = safe(journey.sender).partition(" ")[0]
    before = (
        f"{clock(journey.when)}  #{journey.number:<4d} "
        f"{indent + safe(journey.name):<{_NAME_WIDTH}} {sender:<{_SENDER_WIDTH}} "
    )
    if look.width:
        before = cut(before, max(0, look.width - _OUTCOME_MIN - 2), look.more)
    told = _outcome(journey)
    if journey.retvalue:
        told += f" {look.arrow} {safe(journey.retvalue)}"
    left = _length_left(look, before)
    params = ""
    for name in params_in_order(journey.name, journey.params):
        if left and len(params) > left:
            break
        params += f" {_param(name, journey.params[name])}"
    padded = min(_OUTCOME_WIDTH, left - columns(params)) if left else _OUTCOME_WIDTH
    text = f"{told:<{max(0, padded)}}{params}".rstrip()
    return f"{before}{look.sign(journey.outcome)} {cut(text, left, look.more) if left else text}"


def _length_left(look: Look, before: str) -> int:
    return max(_OUTCOME_MIN, look.width - columns(before) - 2) if look.width else 0


def _outcome(journey: Journey) -> str:
    by, outcome = safe(journey.by), journey.outcome
    if outcome == "handled":
        return f"{by} {duration(journey.took)}"
    if outcome == "not handled":
        return f"nobody {duration(journey.took)}"
    took = duration(next(one.took for one in journey.steps if one.result == outcome))
    words = {
        "timed out": f"timed out after {took}",
        "late": f"answered late, after {took}",
        "gone": f"went away after {took}",
    }
    return f"{by} {words[outcome]}"


def columns(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, width: int, more: str) -> str:
    """`text` within `width` columns; what was cut is shown by `more` at the end."""
    if columns(text) <= width:
        return text
    taken, left = [], width - len(more)
    for char in text:
        left -= _columns_of(char)
        if left < 0:
            break
        taken.append(char)
    return "".join(taken) + more


def story(journey: Journey, look: Look) -> list[str]:
    """The whole journey of one message, as lines."""
    within = f"   within #{journey.parent}" if journey.parent else ""
    words = {"handled": "handled in", "not handled": "not handled,"}
    outcome = words.get(journey.outcome, f"{journey.outcome}: {safe(journey.by)},")
    lines = [
        f"#{journey.number} {safe(journey.name)}   {clock(journey.when)}"
        f"   from {safe(journey.sender)}{within}   {outcome} {duration(journey.took)}",
        *_listed("sent", journey.name, journey.params),
        *_handlers(journey, look),
    ]
    if journey.watchers:
        lines.append(f"  watched by {', '.join(map(safe, journey.watchers))}")
    said = [f"  reply {'handled' if journey.handled else 'not handled'}"]
    if journey.renamed:
        said.append(f"as {safe(journey.renamed)}")
    if journey.retvalue:
        said.append(f"return {safe(journey.retvalue)}")
    lines.append("   ".join(said))
    lines += _listed("with", journey.renamed or journey.name, journey.after)
    return lines


def _listed(label: str, name: str, params: Mapping[str, str]) -> list[str]:
    shown = [_param(one, params[one]) for one in params_in_order(name, params)]
    return [f"  {label}  {' '.join(shown)}"] if shown else []


def _handlers(journey: Journey, look: Look) -> list[str]:
    rows = [("prio", "handler", "took", "result", "changed")]
    for step in journey.steps:
        asked = step.result not in ("not asked", "waiting")
        rows.append(
            (
                str(step.priority),
                safe(step.owner),
                duration(step.took) if asked else look.dash,
                step.result,
                "   ".join(_changes(step, look)),
            )
        )
    if len(rows) == 1:
        return ["  nobody was asked: no handler is installed for it"]
    widths = [max(columns(row[at]) for row in rows) for at in range(4)]
    return [
        (
            f"  {row[0]:>{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:<{widths[2]}}"
            f"  {row[3]:<{widths[3]}}  {row[4]}"
        ).rstrip()
        for row in rows
    ]


def _changes(step: Step, look: Look) -> Iterator[str]:
    """What a handler did, as a small diff."""
    if step.renamed:
        yield f"name {look.arrow} {safe(step.renamed)}"
    for change in step.changes:
        yield _change(change, look)
    if step.retvalue is not None:
        yield f"return {safe(step.retvalue)}" if step.retvalue else "return emptied"


def _change(change: Change, look: Look) -> str:
    name = change.name
    if name == "handlers":
        return name
    if change.before is None:
        return f"+ {_param(name, change.after or '')}"
    if change.after is None:
        return f"- {_param(name, change.before)}"
    before, after = _value(change.before), _value(change.after)
    return f"{safe(name)}: {before} {look.arrow} {after}"
