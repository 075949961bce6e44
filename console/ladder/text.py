"""The ladder of a call as lines of text.

Where there is room, an arrow has its message's name inside and the rest at the right; otherwise
the line above it has both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from yext.console.replies.trace import Style, clock, columns, cut, duration
from yext.ladder.ladder import Arrow, Ladder
from yext.log import safe

_TIME: Final = 13
"""Columns of the time, with the blank after it."""

_LEFT: Final = 8
"""Columns left of the first participant, for half of its label."""

_NOTES: Final = 24
"""Columns that the text beside an arrow needs to be there."""

_GAP_MIN, _GAP_MAX = 6, 30
"""Columns from one participant to the next."""

_LONGEST: Final = 120
"""Characters of a name or value on an arrow."""

_UNLIMITED: Final = 132
"""The width of a ladder where the view has none."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a ladder.

    Attributes:
        text: the line, made safe, without colours.
        arrow: the place of the arrow that it belongs to; -1 for none.
        failed: whether that message failed.
    """

    text: str
    arrow: int = -1
    failed: bool = False


@dataclass(frozen=True, slots=True)
class _Signs:
    """The characters that a ladder is drawn with."""

    life: str
    audio: str
    line: str
    right: str
    left: str
    asked: str


_UNICODE = _Signs("│", "┃", "─", ">", "<", "╌")
_ASCII = _Signs("|", "#", "-", ">", "<", ".")


def draw_ladder(ladder: Ladder, style: Style) -> list[str]:
    """Draw a ladder as lines, in the colours of `style`."""
    red, normal = ("\x1b[31m", "\x1b[0m") if style.color else ("", "")
    return [
        f"{red}{row.text}{normal}" if row.failed else row.text for row in ladder_rows(ladder, style)
    ]


def ladder_rows(ladder: Ladder, style: Style) -> list[Row]:
    """Draw a ladder; the first row has the participants."""
    drawing = _Drawing(ladder, style)
    return [drawing.heading(), *drawing.arrows(), *map(Row, notes(ladder, style))]


def notes(ladder: Ladder, style: Style) -> list[str]:
    """What a ladder does not show, in lines below it."""
    left = [f"{count:,} {safe(name)}" for name, count in sorted(ladder.left_out.items())]
    lines = [f"Not drawn: {', '.join(left)}"] if left else []
    if ladder.unsure:
        which = "message" if ladder.unsure == 1 else "messages"
        lines.append(
            f"{ladder.unsure:,} {which} without an id may belong to this call or to another"
        )
    return [cut(line, style.width, style.more) if style.width else line for line in lines]


def label_of(arrow: Arrow, style: Style, *, named: bool = True, detailed: bool = True) -> str:
    """Return the text of an arrow: name, what it is about, outcome, answer and time.

    Args:
        named: whether the name, and the sign of the outcome, are part of it.
        detailed: whether what it is about is.
    """
    sign = Style(0, style.unicode).sign(arrow.outcome)
    took = duration(arrow.took)
    how = "" if arrow.outcome in ("handled", "not handled") else str(arrow.outcome)
    answer = f"{style.arrow} {_short(arrow.answer, style)}" if arrow.answer else ""
    by, detail = _short(arrow.by, style), _short(arrow.detail, style) if detailed else ""
    head = [_short(arrow.name, style), sign] if named else []
    parts = [*head, detail, how, answer, by, took]
    return " ".join(part for part in parts if part)


def _short(text: str, style: Style) -> str:
    """The beginning of a text, made safe: a parameter may be very long."""
    return safe(text[:_LONGEST]) + (style.more if text[_LONGEST:] else "")


class _Drawing:
    """Draws one ladder on lines of a width."""

    def __init__(self, ladder: Ladder, style: Style) -> None:
        self._ladder = ladder
        self._style = style
        self._signs = _UNICODE if style.unicode else _ASCII
        self._width = style.width or _UNLIMITED
        gaps = max(1, len(ladder.participants) - 1)
        longest = max((columns(_short(one.name, style)) for one in ladder.arrows), default=0)
        roomy = longest + 9
        self._beside = _TIME + _LEFT + roomy * gaps + _NOTES <= self._width
        room = self._width - _TIME - _LEFT * 2
        gap = roomy if self._beside else min(_GAP_MAX, room // gaps)
        self._gap = max(_GAP_MIN, gap)
        self._at = [_TIME + _LEFT + self._gap * place for place in range(gaps + 1)]

    def heading(self) -> Row:
        """The labels of the participants, each above its line."""
        text = ""
        for place, participant in enumerate(self._ladder.participants):
            label = cut(_short(participant.label, self._style), self._gap - 1, self._style.more)
            begin = max(self._at[place] - columns(label) // 2, columns(text) + bool(text))
            text += " " * (begin - columns(text)) + label
        return Row(self._fitted(text))

    def arrows(self) -> Iterator[Row]:
        """The rows of all arrows."""
        playing: set[int] = set()
        begun = {audio.first: audio for audio in self._ladder.audio}
        ended = {audio.last: audio for audio in self._ladder.audio}
        before = ""
        for at, arrow in enumerate(self._ladder.arrows):
            if at in ended:
                playing.discard(ended[at].participant)
            now = clock(arrow.when)
            time, before = (now if now != before else ""), now
            for text in self._rows(arrow, sorted(playing), time):
                yield Row(self._fitted(text), at, arrow.outcome not in ("handled", "not handled"))
            if at in begun:
                playing.add(begun[at].participant)

    def _rows(self, arrow: Arrow, playing: Sequence[int], time: str) -> Iterator[str]:
        lives = self._lives(playing, time)
        if self._beside:
            name, notes = self._named(arrow)
            row = self._shaft(lives, arrow, name)
            end = self._at[-1] + 3
            if arrow.source == arrow.target:
                end = max(end, self._at[arrow.source] + 6 + columns(name))
            yield f"{''.join(row).rstrip():<{end}}{notes}"
            return
        begin = self._at[min(arrow.source, arrow.target)] + 2
        label = label_of(arrow, self._style)
        # Far at the right the label begins further left, so that something of it can be read.
        begin = min(begin, max(self._at[0] + 2, self._width - columns(label)))
        label = cut(label, self._width - begin, self._style.more)
        above = "".join(lives)
        yield above[:begin] + label + above[begin + columns(label) :]
        yield "".join(self._shaft(self._lives(playing, ""), arrow, ""))

    def _named(self, arrow: Arrow) -> tuple[str, str]:
        """The text inside an arrow, with what it is about if there is room, and that beside it."""
        style = self._style
        sign = Style(0, style.unicode).sign(arrow.outcome)
        name, detail = _short(arrow.name, style), _short(arrow.detail, style)
        full = f"{name} {detail} {sign}" if detail else f"{name} {sign}"
        span = abs(self._at[arrow.target] - self._at[arrow.source])
        if not detail or columns(full) + 6 <= span:
            return full, label_of(arrow, style, named=False, detailed=False)
        return f"{name} {sign}", label_of(arrow, style, named=False)

    def _lives(self, playing: Sequence[int], time: str) -> list[str]:
        """A line with the time and the line of each participant."""
        cells = list(f"{time:<{self._at[-1] + 1}}")
        for place, at in enumerate(self._at[: len(self._ladder.participants)]):
            cells[at] = self._signs.audio if place in playing else self._signs.life
        return cells

    def _shaft(self, cells: list[str], arrow: Arrow, name: str) -> list[str]:
        """Draw the line of an arrow, with its name inside where there is one."""
        signs = self._signs
        source, target = self._at[arrow.source], self._at[arrow.target]
        if source == target:
            text = f"{signs.line}{signs.right} {name}".rstrip()
            cells[source + 1 :] = [*text, *cells[source + 1 + columns(text) :]]
            return cells
        low, high = min(source, target), max(source, target)
        line = signs.asked if arrow.asked else signs.line
        inside = [line] * (high - low - 1)
        if target > source:
            inside[-1] = signs.right
        else:
            inside[0] = signs.left
        if name:
            begin = 2 if target > source else 3
            # A wide character takes two cells.
            inside[begin : begin + columns(name) + 2] = [f" {name} "]
        cells[low + 1 : high] = inside
        return cells

    def _fitted(self, text: str) -> str:
        text = text.rstrip()
        return cut(text, self._width, self._style.more)
