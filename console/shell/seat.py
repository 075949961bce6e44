"""Where an operator sits: the terminal a shell is on, its input, and its history."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from console.shell import prompt
from console.shell.history import FileHistory, history_path
from console.shell.terminal import Abilities, Terminal

if TYPE_CHECKING:
    from prompt_toolkit.input import Input


class Seat:
    """The terminal of this process.

    Attributes:
        able: what the terminal can do.
        own_process: whether the process is there for this operator alone: its signals and its
            pager are then the operator's.
        term: the terminal's name, as in TERM.
        input: what prompt_toolkit reads from, None for standard input.
        vi: whether lines are edited with vi's keys.
    """

    own_process = True
    input: Input | None = None

    def __init__(self, able: Abilities) -> None:
        self.able = able
        self.term = os.environ.get("TERM", "")
        self.vi = prompt.wants_vi()

    def terminal(self, on_drained: Callable[[], None], on_gone: Callable[[], None]) -> Terminal:
        """What the shell writes to; the functions are called when a stuck terminal takes more,
        and when it is no more."""
        return Terminal("utf-8" if self.able.unicode else "ascii", on_drained, on_gone)

    def history(self) -> FileHistory:
        """The lines of earlier sessions, and of this one."""
        return FileHistory(history_path())
