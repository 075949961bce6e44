"""One operator: authority, aliases, switches. No input or output.

A session takes a command line and returns a `Reply`. What is not a command of the session's
own goes to the bus as an ``engine.command``, so that modules and scripts add commands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from console import commands
from console.commands.table import (
    Authority,
    SessionCommand,
    failed,
    not_authenticated,
    put_together,
)
from yext import Engine, Reply
from yext.command import EOL, EXECUTE_HINT, NOT_EXECUTED
from yext.command import complete as complete_on_bus
from yext.command import run as run_on_bus
from yext.log import ALL, logger, safe

if TYPE_CHECKING:
    from pathlib import Path

    from console.session.flow import Flow
    from console.session.view import View

ALIAS_SEPARATOR = "$()"

HISTORY_MAX = 10_000
"""Lines of history that a session keeps."""

FORGOTTEN = ("auth", "!")
"""What lines begin with that are not kept."""


class Rules(NamedTuple):
    """What a listener lets its sessions do, beside their authority.

    Attributes:
        users_may: tells the lines that users may give although they are admins' alone.
        user_flow: whether users may follow the messages.
        may_execute: whether anything they ask for may start a program.
    """

    users_may: Callable[[str], bool] = lambda line: False
    user_flow: bool = False
    may_execute: bool = True


@dataclass(eq=False, repr=False)
class Session:
    """One operator's state.

    Attributes:
        engine: the engine the session drives.
        label: what the message flow and the log call it: ``console``, or an address.
        address: the ``cmd_address`` that commands carry, empty for none.
        authority: what the session may do.
        as_yate: whether `help` and completion show Yate's commands only, as recorded.
        framed: whether `status` is put between ``%%+status`` and ``%%-status``.
        echo, machine, output, color, debug: Yate's switches of the same names.
        threshold: debug text above this level is not shown.
        view: what shows the flow and live tables, None where nothing can.
        early: takes what a reply begins with when that must be told before what is done;
            None where a reply has to be whole.
        rules: what the listener lets the session do beside its authority.
        admit: takes the password of `auth`; None where nobody has to give one.
        audit: told of each command line and its reply.
        aliases: the session's aliases and what they stand for.
        closing: set once the session is to end.
        restarts: whether the engine is to start again once the session has ended.
        history: the lines that were given, the oldest first.
        sources: the files of commands that are being carried out, the innermost last.
    """

    thread: ClassVar[str] = "RManager Connection"
    """What `sniffer` calls the thread that an operator's messages come from, as Yate."""

    engine: Engine
    label: str
    address: str = ""
    authority: Authority = Authority.ADMIN
    as_yate: bool = False
    framed: bool = False
    echo: bool = False
    machine: bool = False
    output: bool = False
    color: bool = False
    debug: bool = False
    threshold: int = ALL
    aliases: dict[str, str] = field(default_factory=dict)
    closing: bool = False
    restarts: bool = False
    view: View | None = None
    early: Callable[[str], None] | None = None
    history: list[str] = field(default_factory=list)
    sources: list[Path] = field(default_factory=list)
    rules: Rules = field(default_factory=Rules)
    admit: Callable[[str], Awaitable[Reply]] | None = None
    audit: Callable[[str, Reply], None] | None = None

    @cached_property
    def flow(self) -> Flow:
        """The message flow as this session sees it."""
        from console.session.flow import Flow

        return Flow(self)

    @property
    def has_flow(self) -> bool:
        """Whether anybody has asked for the message flow yet; asking makes one."""
        return "flow" in self.__dict__

    def close(self) -> None:
        """Ends what the session has going on beside its commands."""
        if self.has_flow:
            self.flow.off()
        if self.restarts:
            self.engine.restart()

    def commands(self) -> list[SessionCommand]:
        """The rows of the table that the session's authority allows."""
        return [one for one in commands.TABLE if self.may(one.name)]

    def lists(self, command: SessionCommand) -> bool:
        """Whether `help` and completion are to show `command`."""
        return command.listed or (not self.as_yate and command.name != "?")

    def _names(self) -> list[str] | None:
        """The commands that a word that is none may have been meant for; Yate gives no hints."""
        if self.as_yate:
            return None
        return [one.name for one in self.commands() if self.lists(one)]

    def handling(self) -> None:
        """A session's commands are nested in no message."""

    @property
    def may_execute(self) -> bool:
        """Whether what the session asks for may start a program."""
        return self.rules.may_execute

    def command_params(self) -> dict[str, str]:
        """The parameters that tell handlers who asks, as rmanager's."""
        address = {"cmd_address": self.address} if self.address else {}
        return address | {
            "cmd_machine": "true" if self.machine else "false",
            "cmd_admin": "true" if self.authority is Authority.ADMIN else "false",
        }

    def remember(self, line: str) -> None:
        """Adds a line to the history, unless it is one that looks into it or has a password."""
        if line and not line.startswith(FORGOTTEN):
            self.history.append(line)
            del self.history[:-HISTORY_MAX]

    async def run(self, line: str) -> Reply:
        """Carries out one command line, which may be an alias."""
        line = line.strip()
        if not line:
            return Reply(True)
        if line.startswith("!") and not self.as_yate:
            line = f"! {line[1:]}"  # Of !5, the command is ! alone.
        try:
            reply = await self._run(line)
        except Exception as error:  # Whatever it is: who asked is answered.
            logger.exception("the command %s failed", safe(line.partition(" ")[0]))
            reply = failed(f"Error: {safe(repr(error))}", "this is a mistake in yext: see its log")
        if self.audit is not None:
            self.audit(line, reply)
        return reply

    async def _run(self, line: str) -> Reply:
        word, _, rest = line.partition(" ")
        if word in self.aliases and word not in commands.SESSION_COMMANDS and self.may(line):
            return await self._run_alias(word, rest)
        return await self._run_plain(line)

    def may(self, line: str) -> bool:
        """Whether the session may give a command line, by its first word or all of it."""
        command = commands.SESSION_COMMANDS.get(line.partition(" ")[0])
        needed = command.authority if command is not None else Authority.ADMIN
        if command is not None and command.observes and not self.rules.user_flow:
            needed = Authority.ADMIN
        if self.authority >= needed:
            return True
        return self.authority is Authority.USER and self.rules.users_may(line)

    async def _run_plain(self, line: str) -> Reply:
        if not self.may(line):
            return self._spoken(line, not_authenticated())
        if not self.may_execute:
            from console.server.auth import starts_program

            if starts_program(line):
                return failed(NOT_EXECUTED, EXECUTE_HINT)
        word, _, rest = line.partition(" ")
        command = commands.SESSION_COMMANDS.get(word)
        if command is not None and not (self.as_yate and word == "!"):
            return self._spoken(line, await commands.carry_out(command, self, rest))
        return self._spoken(line, await run_on_bus(self.engine, line, self, self._names()))

    def _spoken(self, line: str, reply: Reply) -> Reply:
        """The reply as it is to be sent: in machine mode as a program reads it."""
        if not self.machine or not self.as_yate:
            return reply
        from console.server import machine

        return machine.spoken(self, line, reply)

    async def _run_alias(self, name: str, rest: str) -> Reply:
        """Runs each command an alias stands for; an alias inside an alias is refused."""
        parts: list[tuple[str, Reply]] = []
        params: dict[str, str] = {}
        for part in self.aliases[name].split(ALIAS_SEPARATOR):
            line = commands.alias_line(part, rest).strip()
            if not line:
                continue
            word = line.partition(" ")[0]
            if word in self.aliases and word not in commands.SESSION_COMMANDS:
                text = f"Error: possible alias loop in '{line}'{EOL}"
                parts.append((line, Reply(False, text, {"reason": f"alias loop in '{line}'"})))
                break
            parts.append((line, await self._run_plain(line)))
        for _, reply in parts:
            params.update(reply.params)
        return put_together(parts, params)

    async def complete(self, line: str) -> list[str]:
        """The words that may stand at the end of `line`, its last word being completed."""
        partline, _, partword = commands.innermost(line).rpartition(" ")
        partline = partline.strip()
        if partline and not self.may(partline):
            return []
        found = commands.complete(self, partline, partword)
        if self.authority is Authority.GUEST:
            return list(dict.fromkeys(found))
        on_bus = await complete_on_bus(self.engine, partline, partword, self)
        return list(dict.fromkeys([*found, *on_bus]))
