"""The look of the line being typed: prompt_toolkit's output, style and processors."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from prompt_toolkit.data_structures import Size
from prompt_toolkit.formatted_text import fragment_list_to_text
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Attrs, BaseStyle, DynamicStyle, Style

from yext.console.session.secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from prompt_toolkit.application import Application

    from yext.console.shell.terminal import Capabilities, TerminalOutput

_DIM = "dim" if "dim" in Attrs._fields else "italic"
"""What is of less importance; the grey ansibrightblack is the background's colour in some themes.
prompt_toolkit has it since its version 3.0.51."""

_COLORED = {
    # With a colour of its own the blank after the prompt is written, and can be expected by a
    # program; prompt_toolkit leaves out others at the end of a line.
    "node": "bold fg:default",
    "failed": "ansired bold",
    "bottom-toolbar": "noreverse",
    "auto-suggestion": _DIM,
    "completion-menu": "bg:default default",
    "completion-menu.completion": "bg:default default",
    "completion-menu.completion.current": "reverse",
    "completion-menu.meta.completion": f"bg:default {_DIM}",
    "completion-menu.meta.completion.current": "reverse",
    "scrollbar.background": "bg:default",
    "scrollbar.button": "reverse",
}

_COLORLESS = dict.fromkeys(_COLORED, "noreverse") | {
    "node": "noreverse fg:default",
    "completion-menu.completion.current": "reverse",
    "completion-menu.meta.completion.current": "reverse",
}

_THEMES = {
    "calm": _COLORED,
    "contrast": {name: look.replace(_DIM, "") for name, look in _COLORED.items()},
    "plain": _COLORLESS,
}


class _Output(Vt100_Output):
    """prompt_toolkit's output without questions to the terminal.

    Their answers would come in the middle of what is typed. prompt_toolkit shows the bottom
    line only if it knows how many rows are left below the cursor; one is always enough, as it
    makes room for more by itself.
    """

    def get_rows_below_cursor_position(self) -> int:
        return 1


def make_output(output: TerminalOutput, capabilities: Capabilities, term: str) -> Vt100_Output:
    """Return prompt_toolkit's output that writes to `output`; `term` is as in TERM."""

    def size() -> Size:
        columns, rows = output.size()
        return Size(rows=rows, columns=columns)

    return _Output(
        cast("TextIO", output),
        size,
        term=term,
        default_color_depth=None if capabilities.color else ColorDepth.DEPTH_1_BIT,
        enable_bell=False,
        enable_cpr=False,
    )


def type_in(app: Application[None], text: str) -> None:
    """Give the application keys as if they were typed now."""
    keys: list[KeyPress] = []
    Vt100Parser(keys.append).feed(text)
    app.key_processor.feed_multiple(keys)
    app.key_processor.process_keys()


def style(capabilities: Capabilities, theme: Callable[[], str]) -> BaseStyle:
    """Return a style that follows the theme, with nothing but reverse video where there is no
    colour.

    Args:
        theme: returns the theme, a word of `console.session.preferences.VALUES`.
    """
    styles = {name: Style.from_dict(words) for name, words in _THEMES.items()}
    return DynamicStyle(lambda: styles[theme() if capabilities.color else "plain"])


class SecretProcessor(Processor):
    """Shows stars in place of a password that is being typed."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        fragments = transformation_input.fragments
        spans = self._secrets.spans(transformation_input.document.text)
        if not spans:
            return Transformation(fragments)
        text = fragment_list_to_text(fragments)
        for start, end in spans:
            text = text[:start] + "*" * (end - start) + text[end:]
        return Transformation([("", text)])
