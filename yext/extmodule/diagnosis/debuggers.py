"""Debuggers that talk over a script's standard input and output, which carry the protocol.

Such a debugger takes each message for a command, and each of its answers is a line that makes no
sense to the engine: the two would go on complaining to each other.
"""

from __future__ import annotations

import re
from typing import Final

_SIGNS: Final = (
    r"\((?:Pdb|i?pdb|gdb|lldb|dlv|byebug|rdbg)\+*[^)]{0,40}\) ?"
    r"|ipdb> ?|debug> ?|prompt> |  DB<+\d+>+ |bashdb<+\d+>+ ?"
    r"|> \S.{0,400}\(\d{1,9}\)[<\w]"
    r"|\[Welcome to phpdbg|Loading DB routines from perl5db|< Debugger listening on "
)
"""How the lines of debuggers begin: the prompts of pdb and its like, of node inspect, phpdbg,
perl -d and bashdb, the place at which pdb stops, and what the others say at first."""

HINT: Final = (
    "do: let it talk on a port or a terminal of its own (docs/testing.md, Under a debugger), and"
    " start the script by external start --no-timeout"
)
"""What to do about one."""


def is_of_debugger(line: str) -> bool:
    """Return True if a line, which is not one of the protocol, is that of a debugger."""
    # Compiled with the first line that makes no sense: most engines never see one.
    return re.match(_SIGNS, line) is not None
