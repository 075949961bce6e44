"""Messages as lines for an operator: one line each, or the whole story of one."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from yext.log import safe
from yext.record.journey import Change, Journey, Step

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

_RETURN_MIN = 8
"""Columns below which a return value tells nothing."""

_NARROW, _ROOMY = 70, 100
"""Columns from which a line names the sender, and from which it has room to spare."""


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
    before = _before(journey, look)
    told = _outcome(journey)
    given = f" {look.arrow} {safe(journey.retvalue)}" if journey.retvalue else ""
    shown = [_param(one, journey.params[one]) for one in _worth_showing(journey, look.width)]
    if not look.width:
        told += given
        params = "".join(f" {one}" for one in shown)
        return f"{before}{look.sign(journey.outcome)} {told:<{_OUTCOME_WIDTH}}{params}".rstrip()
    left = max(_OUTCOME_MIN, look.width - columns(before) - 2)
    # What the message is about goes before what was returned, where not both have room.
    room = left - columns(told) - columns(_matter(journey, shown, look))
    if room >= _RETURN_MIN:
        told += cut(given, room, look.more)
    params = _fitted(shown, left - columns(told), look.more)
    if look.width >= _NARROW:
        told += " " * (min(_OUTCOME_WIDTH, left - columns(params)) - columns(told))
    return f"{before}{look.sign(journey.outcome)} {cut(told + params, left, look.more)}".rstrip()


def _before(journey: Journey, look: Look) -> str:
    """What stands before the outcome: a narrow line does without the sender and parts of a
    second."""
    indent = "  " * min(journey.depth, 8)
    name = indent + safe(journey.name)
    if 0 < look.width < _NARROW:
        text = f"{clock(journey.when)[:8]} #{journey.number} {name} "
    else:
        gap = "" if 0 < look.width < _ROOMY else " "
        sender = safe(journey.sender).partition(" ")[0]
        text = (
            f"{clock(journey.when)} {gap}#{journey.number:<4d} "
            f"{name:<{_NAME_WIDTH}} {sender:<{_SENDER_WIDTH}} "
        )
    most = look.width - _OUTCOME_MIN - 2
    return text if not look.width or len(text) <= most else cut(text, max(0, most), look.more) + " "


def _worth_showing(journey: Journey, most: int) -> list[str]:
    """The names of the parameters that may stand on a line of `most` columns, 0 for no limit."""
    return list(params_in_order(journey.name, journey.params))[: most or None]


def _matter(journey: Journey, shown: Sequence[str], look: Look) -> str:
    """The parameters that matter most, as they stand on a line: the well-known ones, or one."""
    known = sum(name in journey.params for name in FIRST.get(journey.name, _CHANNEL)) or 1
    text = "".join(f" {one}" for one in shown[:known])
    return f"{text} {look.more}" if shown[known:] else text


def _fitted(shown: Sequence[str], room: int, more: str) -> str:
    """As many of the parameters as have room; `more` stands for the rest."""
    text = ""
    for at, one in enumerate(shown):
        longer = f"{text} {one}"
        if columns(longer) + (2 if shown[at + 1 :] else 0) > room:
            # A name that is cut at its beginning tells less than none.
            worth = room - columns(text) > _WORTH or not text
            return cut(longer, max(0, room), more) if worth else f"{text} {more}"
        text = longer
    return text


_WORTH = 6
"""Columns that a parameter must have to be shown cut."""


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
    """The whole journey of one message, as lines; what does not fit the width goes on below."""
    words = {"handled": "handled in", "not handled": "not handled,"}
    outcome = words.get(journey.outcome, f"{journey.outcome}: {safe(journey.by)},")
    head = [clock(journey.when), f"from {safe(journey.sender)}"]
    if journey.parent:
        head.append(f"within #{journey.parent}")
    head.append(f"{outcome} {duration(journey.took)}")
    lines = _folded(f"#{journey.number} {safe(journey.name)}   ", head, "   ", look, 4)
    lines += _listed("sent", journey.name, journey.params, look)
    lines += _handlers(journey, look)
    if journey.watchers:
        lines += _folded("  watched by ", [*map(safe, journey.watchers)], ", ", look)
    said = ["handled" if journey.handled else "not handled"]
    if journey.renamed:
        said.append(f"as {safe(journey.renamed)}")
    if journey.retvalue:
        said.append(f"return {safe(journey.retvalue)}")
    lines += _folded("  reply ", said, "   ", look)
    lines += _listed("with", journey.renamed or journey.name, journey.after, look)
    return lines


def _folded(
    lead: str, parts: Sequence[str], gap: str, look: Look, indent: int | None = None
) -> list[str]:
    """`lead` and the parts after it, over as many lines as the width asks for; they go on below
    the first part, or at the column `indent`. A part itself is never torn apart."""
    begin = " " * (columns(lead) if indent is None else indent)
    empty = {begin, lead}
    if look.width and columns(lead) > look.width * 2 // 3:
        # So little room is left that even the first part may go below.
        begin = " " * 8
        empty = {begin}
    lines, text, between = [], lead, ""
    for part in parts:
        full = look.width and columns(text + between + part) > look.width
        if full and text not in empty:
            lines.append((text + between).rstrip())
            text, between = begin, ""
        text += between + part
        between = gap
    return [*lines, text.rstrip()]


def _listed(label: str, name: str, params: Mapping[str, str], look: Look) -> list[str]:
    shown = [_param(one, params[one]) for one in params_in_order(name, params)]
    return _folded(f"  {label}  ", shown, " ", look) if shown else []


def _handlers(journey: Journey, look: Look) -> list[str]:
    rows = [("prio", "handler", "took", "result", ["changed"])]
    for step in journey.steps:
        asked = step.result not in ("not asked", "waiting")
        rows.append(
            (
                str(step.priority),
                safe(step.owner),
                duration(step.took) if asked else look.dash,
                step.result,
                [*_changes(step, look)],
            )
        )
    if len(rows) == 1:
        return ["  nobody was asked: no handler is installed for it"]
    widths = [max(columns(str(row[at])) for row in rows) for at in range(4)]
    lines: list[str] = []
    for priority, handler, took, result, changed in rows:
        lead = (
            f"  {priority:>{widths[0]}}  {handler:<{widths[1]}}  {took:<{widths[2]}}"
            f"  {result:<{widths[3]}}  "
        )
        lines += _folded(lead, changed, "   ", look)
    return lines


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
