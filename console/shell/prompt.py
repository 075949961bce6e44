"""How the line looks and is edited: prompt_toolkit's output, style and keys for a terminal."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

from prompt_toolkit.data_structures import Size
from prompt_toolkit.formatted_text import fragment_list_to_text
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style

from console.server.lineedit import secret_start
from console.shell.terminal import Abilities, Terminal

if TYPE_CHECKING:
    from typing import TextIO

_COLORED = {
    "node": "bold",
    "failed": "ansired bold",
    "bottom-toolbar": "noreverse ansibrightblack",
    "auto-suggestion": "ansibrightblack",
    "completion-menu": "bg:default default",
    "completion-menu.completion": "bg:default default",
    "completion-menu.completion.current": "reverse",
    "completion-menu.meta.completion": "bg:default ansibrightblack",
    "completion-menu.meta.completion.current": "reverse",
    "scrollbar.background": "bg:ansibrightblack",
    "scrollbar.button": "bg:default",
}

_COLORLESS = dict.fromkeys(_COLORED, "noreverse") | {
    "completion-menu.completion.current": "reverse",
    "completion-menu.meta.completion.current": "reverse",
}


class _Output(Vt100_Output):
    """Asks the terminal nothing: the answer would come in the middle of what is typed.

    prompt_toolkit shows the bottom line only when it knows how many rows are left below the
    cursor. One is always true enough: it makes room for more by itself.
    """

    def get_rows_below_cursor_position(self) -> int:
        return 1


def make_output(terminal: Terminal, able: Abilities, term: str) -> Vt100_Output:
    """prompt_toolkit's output on `terminal`."""

    def size() -> Size:
        columns, rows = terminal.size()
        return Size(rows=rows, columns=columns)

    return _Output(
        cast("TextIO", terminal),
        size,
        term=term,
        default_color_depth=None if able.color else ColorDepth.DEPTH_1_BIT,
        enable_bell=False,
        enable_cpr=False,
    )


def style(able: Abilities) -> Style:
    """The style: calm, and nothing but reverse video where there is no colour."""
    return Style.from_dict(_COLORED if able.color else _COLORLESS)


class SecretProcessor(Processor):
    """Shows stars in the place of a password that is being typed."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        fragments = transformation_input.fragments
        shown = secret_start(transformation_input.document.text)
        if shown is None:
            return Transformation(fragments)
        text = fragment_list_to_text(fragments)
        return Transformation([("", text[:shown] + "*" * (len(text) - shown))])


def wants_vi() -> bool:
    """Whether the operator edits with vi keys: ``set editing-mode vi`` in INPUTRC or
    ``~/.inputrc``, as readline's own programs take it."""
    path = Path(os.environ.get("INPUTRC") or Path.home() / ".inputrc")
    try:
        text = path.read_text("utf-8", "replace")
    except OSError:
        return False
    modes = re.findall(r"^\s*set\s+editing-mode\s+(vi|emacs)\s*$", text, re.MULTILINE)
    return bool(modes) and modes[-1] == "vi"
