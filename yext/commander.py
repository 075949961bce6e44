"""Who gives commands, and what that allows: authority is a property of who asked.

A message carries the commander on whose behalf it was sent (`Message.commander`), through every
hop: under a new name, as the call that it makes, as the answer of a script. What starts a program
or uses a file asks that commander, whichever way the request has come.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final, Protocol

from yext.errors import ExecuteNotAllowedError, FileNotAllowedError


class Commander(Protocol):
    """Who gives commands: a console session, or the program that embeds the engine."""

    @property
    def label(self) -> str:
        """The commander's name in the message flow, and in notices for it alone."""

    @property
    def may_execute(self) -> bool:
        """Whether what is asked for may start a program."""

    @property
    def files(self) -> Sequence[str] | None:
        """The folders whose files may be read and written; None for all of the system."""

    def handling(self, sent: object) -> tuple[()]:
        """Return no dispatch: commands are not nested in one."""

    def command_params(self) -> dict[str, str]:
        """The parameters that name the commander to handlers: ``cmd_address`` and its like."""


class Embedder:
    """The program that embeds the engine, as the giver of commands; it may do everything."""

    label = "engine"
    may_execute = True
    files = None

    def handling(self, sent: object) -> tuple[()]:
        """Return no dispatch."""
        return ()

    def command_params(self) -> dict[str, str]:
        """The parameters of a command without an address."""
        return {"cmd_machine": "false", "cmd_admin": "true"}


EMBEDDER: Final = Embedder()
"""The commander of a message that carries none: the engine, a module or a peer has sent it."""


def check_execute(commander: Commander) -> None:
    """Check that `commander` may start programs.

    Raises:
        ExecuteNotAllowedError: it may not.
    """
    if not commander.may_execute:
        raise ExecuteNotAllowedError


def check_file(commander: Commander, path: str) -> None:
    """Check that `commander` may have the file at `path` read or written.

    Symbolic links are followed: what counts is where the file is.

    Raises:
        FileNotAllowedError: it may not.
    """
    folders = commander.files
    if folders is None:
        return
    real = os.path.realpath(path) if "\0" not in path else ""
    for folder in folders:
        inside = os.path.join(os.path.realpath(folder), "")
        if real.startswith(inside):
            return
    raise FileNotAllowedError(path)
