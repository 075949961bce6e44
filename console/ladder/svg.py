"""The ladder of a call as SVG 1.1, a picture that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from yext.console.ladder.text import label_of, notes
from yext.console.replies.trace import Style, clock, columns, cut
from yext.ladder.ladder import Arrow, Ladder
from yext.log import safe

_LEFT: Final = 110
"""Pixels left of the first participant: the time, and half of a label."""

_GAP: Final = 190
_ROW: Final = 34
_TOP: Final = 60
_CHAR: Final = 7
"""Pixels of a character in the labels."""

_STYLE: Final = Style(unicode=True)

_COLORS: Final = {"handled": "#1a7f37", "not handled": "#57606a"}
_FAILED: Final = "#b42318"

_CSS: Final = (
    "text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1f2328}"
    ".who{font-weight:bold;text-anchor:middle}.when{fill:#57606a}.life{stroke:#8c959f}"
    ".audio{fill:#54aeff;fill-opacity:.45}.asked{stroke-dasharray:5 3}"
)


def draw_svg(ladder: Ladder, title: str = "", *, styled: bool = True) -> str:
    """Draw a ladder as the text of an SVG file; all of its texts are escaped.

    Args:
        title: the picture's title, for those who cannot see it.
        styled: whether the picture has its style sheet; a page that has many needs it once.
    """
    count = len(ladder.arrows)
    height = _TOP + _ROW * (count + 1)
    below = notes(ladder, _STYLE)
    widest = max(
        (_begin(arrow) + _CHAR * columns(_label(arrow)) for arrow in ladder.arrows), default=0
    )
    width = max(_x(len(ladder.participants) - 1) + _LEFT, widest + 20)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}"'
        f' height="{height + 20 * len(below)}"'
        f' viewBox="0 0 {width} {height + 20 * len(below)}">',
        f"<title>{_text(title or 'ladder of a call')}</title>",
        f"<style>{_CSS}</style>" if styled else "",
        *_lives(ladder, height),
    ]
    for row, arrow in enumerate(ladder.arrows):
        parts += _arrow(row, arrow)
    for row, line in enumerate(below):
        parts.append(f'<text x="8" y="{height + 20 * row + 8}">{_text(line)}</text>')
    return "\n".join(part for part in [*parts, "</svg>"] if part) + "\n"


def stylesheet() -> str:
    """Return the style sheet of pictures that have none of their own."""
    return _CSS


def _text(text: str) -> str:
    """Escape a text; what XML cannot have is shown."""
    return escape(safe(text))


def _x(place: int) -> int:
    return _LEFT + 60 + _GAP * place


def _y(row: int) -> int:
    return _TOP + _ROW * (row + 1)


def _lives(ladder: Ladder, height: int) -> Iterator[str]:
    """The participants with their lines, and the bars of audio on them."""
    for place, participant in enumerate(ladder.participants):
        x = _x(place)
        channels = ", ".join(one for one in participant.channels if one != participant.label)
        label = _text(cut(safe(participant.label), 25, "…"))
        yield f'<text class="who" x="{x}" y="20">{label}</text>'
        if channels:
            label = _text(cut(safe(channels), 25, "…"))
            yield f'<text class="when" text-anchor="middle" x="{x}" y="36">{label}</text>'
        yield f'<line class="life" x1="{x}" y1="44" x2="{x}" y2="{height - 10}"/>'
    for audio in ladder.audio:
        x, top = _x(audio.participant), _y(audio.first)
        bottom = _y(audio.last) if audio.last < len(ladder.arrows) else height - 10
        yield (
            f'<rect class="audio" x="{x - 4}" y="{top}" width="8" height="{bottom - top}">'
            f"<title>{_text(audio.source)}</title></rect>"
        )


def _begin(arrow: Arrow) -> int:
    """Where the label of an arrow begins."""
    return _x(min(arrow.source, arrow.target)) + 10


def _label(arrow: Arrow) -> str:
    return cut(label_of(arrow, _STYLE), 120, "…")


def _arrow(row: int, arrow: Arrow) -> Iterator[str]:
    color = _COLORS.get(arrow.outcome, _FAILED)
    y, source, target = _y(row), _x(arrow.source), _x(arrow.target)
    asked = ' class="asked"' if arrow.asked else ""
    yield f'<g class="arrow" data-message="{arrow.number}">'
    yield f'<text class="when" x="8" y="{y + 4}">{clock(arrow.when)}</text>'
    yield f'<text x="{_begin(arrow)}" y="{y - 5}">{_text(_label(arrow))}</text>'
    if source == target:
        path = f"M{source} {y} h24 v8 h-20"
        tip, back = source + 2, 8
        y += 8
    else:
        path = f"M{source} {y} H{target}"
        tip, back = target, (-8 if target > source else 8)
    yield f'<path{asked} d="{path}" fill="none" stroke="{color}"/>'
    yield f'<path d="M{tip} {y} l{back} -4 v8 z" fill="{color}"/></g>'
