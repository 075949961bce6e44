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


class Both:
    """The sender of a message, and who has changed it on its way: it may do what both may.

    Args:
        sender: on whose behalf it was sent.
        changer: who has changed it.
    """

    def __init__(self, sender: Commander, changer: Commander) -> None:
        self.label = sender.label
        self._sender = sender
        self._changer = changer

    @property
    def may_execute(self) -> bool:
        """Whether both may start programs."""
        return self._sender.may_execute and self._changer.may_execute

    @property
    def files(self) -> Sequence[str] | None:
        """The folders that both may use, None for all of the system."""
        first, second = self._sender.files, self._changer.files
        if first is None or second is None:
            return second if first is None else first
        folders, others = map(_real_folder, first), list(map(_real_folder, second))
        # Where one is in the other, the inner one is common to both.
        pairs = [(one, other) for one in folders for other in others]
        return [max(pair) for pair in pairs if max(pair).startswith(min(pair))]

    def handling(self, sent: object) -> tuple[()]:
        """Return no dispatch."""
        return ()

    def command_params(self) -> dict[str, str]:
        """The parameters that name the sender, as an admin only if both are."""
        params = self._sender.command_params()
        admin = self._changer.command_params().get("cmd_admin")
        return params if admin == "true" else params | {"cmd_admin": "false"}


def together(sender: Commander | None, changer: Commander | None) -> Commander | None:
    """Return on whose behalf a message is after somebody has changed it.

    Args:
        sender: its commander, None for the engine, a module or a peer, which may do everything.
        changer: who has changed it, None for nobody or a program that may do everything.
    """
    if sender is None or changer is None or sender is changer:
        return sender or changer
    return Both(sender, changer)


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
    if not _is_in(path, folders):
        raise FileNotAllowedError(path)


def _is_in(path: str, folders: Sequence[str]) -> bool:
    real = os.path.realpath(path) if "\0" not in path else ""
    return any(real.startswith(_real_folder(one)) for one in folders)


def _real_folder(path: str) -> str:
    return os.path.join(os.path.realpath(path), "")
