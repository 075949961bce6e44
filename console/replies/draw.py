"""Panels, tables and lists of a given width, drawn with rich.

It takes long to import, so that is done when the first of them is drawn.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeVar

from yext.console.replies.parse import labelled
from yext.log import safe

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

PANEL_WIDTH = 84
"""Columns of a panel, unless its lines need more and the terminal has them."""

_ANY_HEIGHT = 25
"""A height for rich, which would look for one in the environment; no picture depends on it."""

_STAND_INS = str.maketrans({"…": "~", "✗": "x", "✓": "+", "–": "-", "→": ">", "·": "-"})
"""Characters for a terminal that has no more than ASCII."""

_STATE_STYLES = {
    "running": "green",
    "failed": "red",
    "not": "red",
    "backing": "yellow",
    "stopped": "dim",
}


@dataclass(frozen=True, slots=True)
class Page:
    """The page to draw on.

    Attributes:
        width: its columns.
        color: whether SGR colours may be used.
        unicode: whether more than ASCII may be used.
    """

    width: int
    color: bool
    unicode: bool


def panel(title: str, lines: Iterable[str], page: Page) -> str:
    """Draw a red box; a line ``LABEL: TEXT`` becomes two columns."""
    from rich import box
    from rich.cells import cell_len
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    shown: list[RenderableType] = []
    longest = cell_len(title) + 2
    for line in lines:
        label, text = labelled(line)
        if label:
            shown.append(columns(label, text))
            longest = max(longest, cell_len(text) + 10)
        else:
            shown.append(Text(line.expandtabs()))
            longest = max(longest, cell_len(line.expandtabs()))
    width = min(page.width, max(PANEL_WIDTH, longest + 4))
    panel = Panel(
        Group(*shown),
        title=Text(title, "bold red"),
        title_align="left",
        box=box.SQUARE if page.unicode else box.ASCII,
        border_style="red",
        width=width,
    )
    return drawn(panel, page)


def columns(label: str, text: str) -> RenderableType:
    """A line that explains a failure, its label and its text in two columns."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid()
    grid.add_column(width=10)
    grid.add_column(overflow="fold")
    grid.add_row(Text(f"  {label}", "bold" if label == "do" else "dim"), Text(text))
    return grid


def state_text(state: str) -> Text:
    """A script's state in its colour."""
    from rich.text import Text

    return Text(state, _STATE_STYLES.get(state.split()[0], ""))


def items(lines: Sequence[str], page: Page) -> str:
    """Draw a list of things that are wrong; a long one goes on below its beginning."""
    import textwrap

    mark = "✗" if page.unicode else "x"
    red, normal = ("\x1b[31m", "\x1b[m") if page.color else ("", "")
    text = ""
    for line in lines:
        folded = textwrap.wrap(
            safe(line), max(20, page.width - 4), drop_whitespace=True, break_on_hyphens=False,
            replace_whitespace=False,
        )  # fmt: skip
        text += f"  {red}{mark} " + "\n    ".join(folded) + f"{normal}\n"
    return text if page.unicode else text.encode("ascii", "replace").decode("ascii")


def folded(text: str, page: Page) -> str:
    """Break lines that are too long at their blanks: a terminal breaks them inside words.

    A line with tabs, or of JSON, stays as it is, and so does a word that is longer than a line.
    """
    import textwrap

    lines: list[str] = []
    for line in text.split("\n"):
        if not 0 < page.width < len(line) or "\t" in line or line.startswith("{"):
            lines.append(line)
            continue
        indent = line[: len(line) - len(line.lstrip())] + "  "
        lines += textwrap.wrap(
            line, page.width, subsequent_indent=indent, break_long_words=False,
            break_on_hyphens=False, replace_whitespace=False,
        )  # fmt: skip
    return "\n".join(lines)


Row = TypeVar("Row")


def fitting(rows: Sequence[Row], height: int, command: str) -> tuple[Sequence[Row], str]:
    """Return the rows of a live table that fit below its heading, and a line about the others.

    Args:
        height: the rows of the view.
        command: shows the table.

    Returns:
        The rows; how many more there are and how they are seen, empty if there are none.
    """
    if len(rows) < height:
        return rows, ""
    shown = rows[: max(1, height - 2)]
    return shown, f"{len(rows) - len(shown)} rows more: {command} | less\n"


def table(
    heading: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    page: Page,
    *,
    spare: Sequence[str] = (),
    fold: bool = False,
) -> str:
    """Draw aligned columns without lines between them.

    Args:
        heading: the names of the columns, empty for none.
        spare: names of columns to leave out, in this order, until the others fit.
        fold: whether a cell that is too wide goes on below, instead of being cut.
    """
    from rich.table import Table

    spare = [*spare]
    while spare and _table_width(heading, rows) > page.width:
        name = spare.pop(0)
        if name in heading:
            at = list(heading).index(name)
            heading = [*heading[:at], *heading[at + 1 :]]
            rows = [[*row[:at], *row[at + 1 :]] for row in rows]
    grid = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=bool(heading),
        header_style="bold",
    )  # fmt: skip
    for at in range(max(map(len, (heading, *rows)))):
        title = heading[at] if at < len(heading) else ""
        grid.add_column(title, no_wrap=not fold, overflow="fold" if fold else "ellipsis")
    for row in rows:
        grid.add_row(*row)
    return drawn(grid, page)


def _table_width(heading: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> int:
    from rich.cells import cell_len

    columns = zip_longest(heading, *rows, fillvalue="")
    return sum(max(cell_len(str(cell)) for cell in column) + 2 for column in columns) - 2


def drawn(what: RenderableType, page: Page) -> str:
    """Draw what rich can, as lines without blanks at their ends."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(
        file=out,
        width=page.width,
        height=_ANY_HEIGHT,
        color_system="standard" if page.color else None,
        no_color=not page.color,
        force_terminal=page.color,
        force_interactive=False,
        force_jupyter=False,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(what)
    text = "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())
    if page.unicode:
        return text
    return text.translate(_STAND_INS).encode("ascii", "replace").decode("ascii")
