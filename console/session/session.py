"""The state of one operator's session: authority, switches, aliases, history."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from yext import Reply
from yext.bus import Bus
from yext.console.session.authority import Authority
from yext.console.session.secrets import Secrets
from yext.engine.audit import acts
from yext.log import ALL, NOTE, safe

if TYPE_CHECKING:
    from pathlib import Path

    from yext.console.session.flow import Flow
    from yext.console.session.intercept import Intercept
    from yext.console.session.transcript import Transcript
    from yext.console.session.view import View

HISTORY_MAX = 10_000
"""Lines of history that a session keeps."""


_ACTS = re.compile(
    r"(drop|call|control|answer|resume|cfgmerge)\b|intercept\s+\S|runparam\s+[^\s=]+="
)
"""Commands of sessions that change something, beside those that start or stop something."""


def _no_command(line: str) -> bool:
    return False


class Policy(NamedTuple):
    """What a listener imposes on its sessions, beside their authority.

    Attributes:
        user_commands: True for a command line of an admin's that users may give too.
        user_flow: whether users may follow the messages.
        may_execute: whether a command may start a program.
        authenticate: takes the password of ``auth`` and raises the session's authority; None
            where no password is needed.
        audit: called with each command line and its reply.
        files: the folders whose files a command may have read or written; None for all.
    """

    user_commands: Callable[[str], bool] = _no_command
    user_flow: bool = False
    may_execute: bool = True
    authenticate: Callable[[str], Awaitable[Reply]] | None = None
    audit: Callable[[str, Reply], None] | None = None
    files: tuple[str, ...] | None = None


async def _wait_for_nothing() -> None:
    """Return at once."""


class Session:
    """One operator's state, and the sender of the operator's commands on the bus.

    Attributes:
        engine: the bus of the engine that the session drives.
        label: the session's name in the message flow and the log: ``console``, or an address.
        address: the ``cmd_address`` that commands carry, empty for none.
        authority: what the session may do.
        echo, machine, output, color, debug: Yate's switches of the same names.
        threshold: debug text above this level is not shown.
        aliases: the session's aliases and the command lines they stand for.
        columns, rows: the size of the operator's window, 0 while it is not known.
        closing: set once the session is to end.
        settle: awaited before each command; in a batch it waits for the programs that were started.
        restarts: whether the engine is to start again once the session has ended.
        view: shows the flow and live tables, None where nothing can.
        history: the lines that were given, the oldest first.
        sources: the files of commands that are being carried out, the innermost last.
        policy: what the session's listener imposes on it.
        transcript: the file that has what the session shows, None for none.
        frame: the word that marks replies and notices for a program, empty for none.
        since: when it began, in seconds since 1970.
        last: the last command line, without passwords; empty before the first.
        piped: whether the reply of the command goes to a filter or a file, and is not shown.
    """

    thread: ClassVar[str] = "RManager Connection"
    """The name of an operator's thread in the output of `sniffer`, as in Yate."""

    def __init__(
        self,
        engine: Bus,
        label: str,
        address: str = "",
        authority: Authority = Authority.ADMIN,
        *,
        echo: bool = False,
        output: bool = False,
        color: bool = False,
        debug: bool = False,
        aliases: dict[str, str] | None = None,
        view: View | None = None,
        policy: Policy | None = None,
    ) -> None:
        self.engine = engine
        self.label = label
        self.address = address
        self.authority = authority
        self.machine = False
        self.echo = echo
        self.output = output
        self.color = color
        self.debug = debug
        self.threshold = ALL
        self.aliases = {} if aliases is None else aliases
        self.closing = self.restarts = self.piped = False
        self.columns = self.rows = 0
        self.view = view
        self.history: list[str] = []
        self.sources: list[Path] = []
        self.frame = self.last = ""
        self.since = time.time()
        engine.commanders[self] = None
        self.transcript: Transcript | None = None
        self.policy = policy or Policy()
        self.settle: Callable[[], Awaitable[None]] = _wait_for_nothing

    @property
    def live_view(self) -> View | None:
        """The view, if a command may show a live table on it now; None for one picture."""
        view = self.view
        return view if view is not None and view.interactive and not self.piped else None

    @cached_property
    def flow(self) -> Flow:
        """The message flow of this session."""
        from yext.console.session.flow import Flow

        return Flow(self.engine.recorder, self)

    @property
    def has_flow(self) -> bool:
        """Whether `flow` has been made, as it is on its first use."""
        return "flow" in self.__dict__

    @cached_property
    def intercept(self) -> Intercept:
        """The messages that this session holds."""
        from yext.console.session.intercept import Intercept

        return Intercept(self)

    @property
    def has_intercept(self) -> bool:
        """Whether `intercept` has been made, as it is on its first use."""
        return "intercept" in self.__dict__

    def flow_state(self) -> str:
        """Return the state of the flow and what is held, for the bottom line."""
        state = self.flow.state() if self.has_flow else "flow off"
        held = self.intercept.state() if self.has_intercept else ""
        if not held:
            return state
        return f"{held} | {state}" if self.has_flow and self.flow.is_on else held

    @cached_property
    def secrets(self) -> Secrets:
        """Finds passwords in the session's command lines."""
        return Secrets(self.aliases, self.engine.recorder.secret)

    @property
    def may_execute(self) -> bool:
        """Whether the session's commands may start a program."""
        return self.policy.may_execute

    @property
    def files(self) -> tuple[str, ...] | None:
        """The folders whose files the session's commands may use; None for all."""
        return self.policy.files

    def handling(self, sent: object) -> tuple[()]:
        """Return no message: a session's commands are not nested in one."""
        return ()

    def command_params(self) -> dict[str, str]:
        """The parameters that name the sender of a command to its handlers, as rmanager's."""
        address = {"cmd_address": self.address} if self.address else {}
        return address | {
            "cmd_machine": "true" if self.machine else "false",
            **self._window(),
            "cmd_admin": "true" if self.authority is Authority.ADMIN else "false",
        }

    def _window(self) -> dict[str, str]:
        """The size of the terminal, if there is one that a reply can be fitted to."""
        columns, rows = self.columns, self.rows
        if self.view is not None and self.view.interactive:
            columns, rows = self.view.width, self.view.height
        if self.machine or not (columns and rows):
            return {}
        return {"cmd_width": str(columns), "cmd_height": str(rows)}

    def tell_others(self, line: str, reply: Reply) -> None:
        """Tell all other sessions of a command of this one that changes something."""
        if not (acts(line) or _ACTS.match(line)):
            return
        lines = [f"{self.label}: {self.secrets.hide(line)}: {'ok' if reply.ok else 'failed'}"]
        if not reply.ok:
            reason = reply.params.get("reason", "no reason given")
            lines.append(self.secrets.hide_in(reason, line))
        # The log has the commands of sessions that are audited.
        logged = self.policy.audit is None
        told = tuple(map(safe, lines))
        self.engine.log.notice(told, "", level=NOTE, logged=logged, unless=self.label)

    def remember(self, line: str) -> None:
        """Add a line to the history, unless it looks into the history or holds a password."""
        line = line.strip()
        if line and not line.startswith("!") and not self.secrets.holds(line):
            self.history.append(line)
            del self.history[:-HISTORY_MAX]

    def end_transcript(self) -> None:
        """End the transcript, if there is one."""
        if self.transcript is not None:
            self.transcript.close()
            self.transcript = None

    def close(self) -> None:
        """End the flow, let go what is held, and restart the engine if the session asked for it."""
        self.engine.commanders.pop(self, None)
        self.end_transcript()
        if self.has_intercept:
            self.intercept.off()
        if self.has_flow:
            self.flow.off()
        if self.restarts:
            self.engine.restart()
