"""One message of the flow as one line (docs/flow.md, "The line").

The columns of a line depend on its width alone, so that they stand still. Where a message needs
more than its columns have, the rules of `GIVEN_UP` say what goes first; the answer goes last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, NamedTuple

from yext.console.replies.clip import clipped
from yext.console.replies.trace import (
    Style,
    clock,
    columns,
    cut,
    duration,
    params_in_order,
    value_text,
)
from yext.log import safe
from yext.record.journey import Journey, Outcome


class Tone(Enum):
    """What a part of a line is, with the SGR code that shows it and only repeats its meaning.

    SGR 2 is dim in any theme; the grey of SGR 90 is the background's colour in some.
    """

    PLAIN = ""
    DIM = "2"
    GOOD = "32"
    BAD = "31"


class Part(NamedTuple):
    """A part of a line."""

    tone: Tone
    text: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a line.

    Attributes:
        least: the width from which it is used.
        clock: characters of the time of day: 12 with milliseconds, 8 without, 0 for none.
        name, sender, by, took, answer: the columns for these, 0 for what is left out.
        aligned: whether the columns stand still; otherwise one blank is between them.
        labels: whether sender and handler are shown with their parameters: 0 never, 1 where there
            is room in their columns, 2 always.
        name_most, by_most: to how many columns these are cut, 0 if they are not.
    """

    least: int
    clock: int
    name: int
    sender: int
    by: int
    took: int
    answer: int
    aligned: bool = True
    labels: int = 0
    name_most: int = 0
    by_most: int = 0


_ROOMY: Final = Layout(140, 12, 14, 12, 14, 7, 30, labels=1)

_UNLIMITED: Final = replace(_ROOMY, labels=2)

LAYOUTS: Final = (
    _ROOMY,
    Layout(100, 12, 12, 8, 8, 7, 17),
    Layout(80, 12, 12, 0, 8, 6, 17),
    Layout(0, 8, 12, 0, 8, 0, 17),
)
"""The columns by the width of the line, the widest first."""

GIVEN_UP: Final[tuple[tuple[str, Callable[[Layout], Layout]], ...]] = (
    ("the sender", lambda layout: replace(layout, sender=0)),
    (
        "the milliseconds of the time",
        lambda layout: replace(layout, clock=min(layout.clock, 8)),
    ),
    ("the alignment", lambda layout: replace(layout, aligned=False, labels=0)),
    ("the duration", lambda layout: replace(layout, took=0)),
    ("the end of the handler's name", lambda layout: replace(layout, by_most=6)),
    ("the end of the message's name", lambda layout: replace(layout, name_most=8)),
    ("the time", lambda layout: replace(layout, clock=0)),
)
"""What a line gives up for its answer, in this order, after its parameters."""

_WHOLE: Final = 40
"""Columns up to which an answer is shown whole at the cost of everything else; on a narrow line
two fifths of its width."""

_VALUE_MOST: Final = 24
"""Columns of a value where not all parameters fit."""

_READABLE: Final = 6
"""Columns that a longer value must have, or its parameter is left out."""

_FOREMOST: Final = "called="
"""The parameter that is shown where there is room for one only."""

_CLIPPED: Final = 200
"""Characters of a text that are looked at in a narrow line; in a wider one, twice its columns."""

_DEEPEST: Final = 8
"""How many levels of nesting indent a line."""

_WORDS: Final = {Outcome.LATE: "answered late", Outcome.GONE: "went away"}
"""The words for outcomes that say more than their own."""


def draw_line(
    journey: Journey, style: Style, layout: Layout | None = None, *, dated: bool = True
) -> str:
    """Draw one message as one line, cut to the width.

    Args:
        layout: its columns, where they are not those of its width.
        dated: whether the line has the time and the sender.
    """
    return painted(line_parts(journey, style, layout, dated=dated), style)


def painted(parts: Sequence[Part], style: Style) -> str:
    """Join the parts of a line, in colour if the style has it."""
    if not style.color:
        return "".join(part.text for part in parts)
    return "".join(
        f"\x1b[{tone.value}m{text}\x1b[0m" if tone.value else text for tone, text in parts
    )


def line_parts(
    journey: Journey, style: Style, layout: Layout | None = None, *, dated: bool = True
) -> list[Part]:
    """Return the parts of the line of a message, for what shows them in its own way."""
    if style.width:
        journey = clipped(journey, max(_CLIPPED, 2 * style.width))
    if layout is None:
        layout = layout_of(style.width) if style.width else _UNLIMITED
    if not dated:
        layout = replace(layout, clock=0, sender=0)
    answer, tone = _answer(journey, style)
    params = _Params(journey, style)
    line = _begin(journey, style, layout)
    if style.width:
        need = min(columns(answer), _WHOLE, style.width * 2 // 5) + bool(answer) + params.least()
        for _, rule in GIVEN_UP:
            if max(line.at, line.stop - 1) + need <= style.width:
                break
            layout = rule(layout)
            line = _begin(journey, style, layout)
        begin = max(line.stop, line.at + 1)
        answer = cut(answer, max(1, style.width - begin - params.least()), style.more)
    line.add(answer, tone, line.stop)
    line.add_params(params)
    return _cut_parts(line.parts, style)


def layout_of(width: int) -> Layout:
    """Return the columns of a line of that width."""
    return next(one for one in LAYOUTS if width >= one.least)


class _Line:
    """A line that is being written.

    Attributes:
        parts: what it has so far.
        at: its columns so far.
        stop: the column at which the next part begins, unless the line is longer already.
        params_stop: the column at which the parameters begin after an answer.
    """

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.at = self.stop = self.params_stop = 0

    def add(self, text: str, tone: Tone = Tone.PLAIN, stop: int = 0) -> None:
        """Add a text at the column `stop`, or after a blank if the line is longer already."""
        if not text:
            return
        gap = max(stop - self.at, 1 if self.at else 0)
        if gap:
            self.parts.append(Part(Tone.PLAIN, " " * gap))
        self.parts.append(Part(tone, text))
        self.at += gap + columns(text)

    def add_column(self, text: str, width: int, tone: Tone, *, right: bool = False) -> None:
        """Add a text in a column of that width, which the next part begins after."""
        begin = self.stop
        self.stop += width + 1
        self.add(text, tone, self.stop - 1 - columns(text) if right else begin)

    def add_params(self, params: _Params) -> None:
        """Add the parameters that there is room for.

        They begin after the column of the answer. Without an answer they begin in its place, unless
        all of them fit after it.
        """
        stop = self.params_stop
        if self.at < self.stop and not params.fit(stop):
            stop = self.stop
        for key, value in params.chosen(max(stop, self.at + 1)):
            self.add(key, Tone.DIM, stop)
            self.parts.append(Part(Tone.PLAIN, value))
            self.at += columns(value)
            stop = 0
        if params.left_out:
            self.add(params.rest, Tone.PLAIN, stop)


class _Params:
    """The parameters of a message, as many of them as there is room for.

    Attributes:
        rest: the sign for those that are left out.
        left_out: whether `chosen` has left some out.
    """

    def __init__(self, journey: Journey, style: Style) -> None:
        self.rest = style.rest
        self.left_out = False
        self._width = style.width
        self._more = style.more
        keys = params_in_order(journey.name, journey.params)
        self._count = len(keys)
        # A line has no room for more of them than it has columns.
        most = self._width or None
        self._pairs = [
            (f"{safe(key)}=", value_text(journey.params[key][:most])) for key in keys[:most]
        ]

    def least(self) -> int:
        """Return the columns that say at least that there are some."""
        return 1 + columns(self.rest) if self._count else 0

    def fit(self, begin: int) -> bool:
        """Whether all of them fit from a column on."""
        needed = sum(1 + _columns_of(pair) for pair in self._pairs) - 1
        return not self._width or begin + needed <= self._width

    def chosen(self, begin: int) -> list[tuple[str, str]]:
        """Return those that fit from a column on, each as its key with the ``=``, and its value."""
        if self.fit(begin):
            return self._pairs
        self.left_out = True
        room = self._width - begin - 1 - columns(self.rest)
        taken: dict[int, tuple[str, str]] = {}
        foremost_first = sorted(enumerate(self._pairs), key=lambda one: one[1][0] != _FOREMOST)
        for at, (key, whole) in foremost_first:
            left = room - bool(taken) - columns(key)
            value = cut(whole, min(_VALUE_MOST, max(left, 0)), self._more)
            if columns(value) < min(columns(whole), _READABLE) or columns(value) > left:
                break
            taken[at] = (key, value)
            room = left - columns(value)
        return [taken[at] for at in sorted(taken)]


def _columns_of(pair: tuple[str, str]) -> int:
    return columns(pair[0]) + columns(pair[1])


def _begin(journey: Journey, style: Style, layout: Layout) -> _Line:
    """Write the line as far as its answer."""
    line = _Line()
    name, by = safe(journey.name), _label(_by(journey), layout.by, layout)
    name = cut(name, layout.name_most, style.more) if layout.name_most else name
    by = cut(by, layout.by_most, style.more) if layout.by_most else by
    if layout.clock:
        line.add_column(clock(journey.when)[: layout.clock], layout.clock, Tone.DIM)
    number = f"#{journey.number}"
    line.add_column(number, max(4, len(number)) if layout.aligned else len(number), Tone.PLAIN)
    indent = "  " * min(journey.depth, _DEEPEST)
    line.add_column(f"{indent}{name}", layout.name if layout.aligned else 0, Tone.PLAIN)
    if layout.sender:
        line.add_column(_label(journey.sender, layout.sender, layout), layout.sender, Tone.PLAIN)
    tone, failed = _tone(journey), _failed(journey)
    line.add_column(style.sign(journey.outcome), 1, tone)
    line.add_column(by, layout.by if layout.aligned else 0, tone if failed else Tone.PLAIN)
    if layout.took and not failed:
        line.add_column(
            _brief(journey.took, layout.took), layout.took if layout.aligned else 0, Tone.PLAIN,
            right=layout.aligned,
        )  # fmt: skip
    if layout.aligned:
        given_away = layout.took + 1 if layout.took and failed else 0
        line.params_stop = line.stop + given_away + layout.answer + 1
    return line


def _label(label: str, width: int, layout: Layout) -> str:
    """The label of a sender or a handler, without the parameter of a script if need be."""
    shown = safe(label)
    whole = layout.labels == 2 or (layout.labels and columns(shown) <= width)
    return shown if whole else shown.partition(" ")[0]


def _brief(seconds: float, width: int) -> str:
    """Write a duration, to the whole millisecond if it is longer than `width` otherwise."""
    text = duration(seconds)
    return f"{seconds * 1000:.0f} ms" if len(text) > width and text.endswith(" ms") else text


def _failed(journey: Journey) -> bool:
    return journey.outcome not in (Outcome.HANDLED, Outcome.NOT_HANDLED)


def _tone(journey: Journey) -> Tone:
    if journey.handled:
        return Tone.GOOD
    return Tone.BAD if _failed(journey) else Tone.PLAIN


def _by(journey: Journey) -> str:
    if journey.handled:
        return journey.by or "handled"
    return journey.by if _failed(journey) else "nobody"


def _answer(journey: Journey, style: Style) -> tuple[str, Tone]:
    """What came of a message: how its handler failed, or what was returned."""
    returned = f"{style.arrow} {safe(journey.retvalue)}" if journey.retvalue else ""
    if not _failed(journey):
        return returned, Tone.PLAIN
    words = _WORDS.get(journey.outcome, journey.outcome.value)
    took = next(step.took for step in journey.steps if step.result.value == journey.outcome.value)
    return f"{words} {duration(took)} {returned}".rstrip(), Tone.BAD


def _cut_parts(parts: Sequence[Part], style: Style) -> list[Part]:
    """Cut a line that is too long even without what it has given up."""
    left = style.width - columns(style.more)
    if not style.width or sum(columns(text) for _, text in parts) <= style.width:
        return [*parts]
    kept: list[Part] = []
    for tone, text in parts:
        if columns(text) > left:
            # The blank is cut off: there is more than this text.
            kept.append(Part(tone, cut(f"{text} ", left + columns(style.more), style.more)))
            break
        kept.append(Part(tone, text))
        left -= columns(text)
    return kept
