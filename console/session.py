"""One operator: authority, aliases, switches. No input or output.

A session takes a command line and returns a `Reply`. What is not a command of the session's
own goes to the bus as an ``engine.command``, so that modules and scripts add commands.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from console import commands
from console.commands.table import Authority, SessionCommand
from yext import Engine, Reply
from yext.commands import EOL
from yext.commands import complete as complete_on_bus
from yext.commands import run as run_on_bus
from yext.log import ALL

ALIAS_SEPARATOR = "$()"


@dataclass
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
        aliases: the session's aliases and what they stand for.
        closing: set once the session is to end.
    """

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

    def commands(self) -> list[SessionCommand]:
        """The rows of the table that the session's authority allows."""
        return [one for one in commands.TABLE if one.authority <= self.authority]

    def lists(self, command: SessionCommand) -> bool:
        """Whether `help` and completion are to show `command`."""
        return command.listed or (not self.as_yate and command.name != "?")

    def handling(self) -> None:
        """A session's commands are nested in no message."""

    def command_params(self) -> dict[str, str]:
        """The parameters that tell handlers who asks, as rmanager's."""
        address = {"cmd_address": self.address} if self.address else {}
        return address | {
            "cmd_machine": "true" if self.machine else "false",
            "cmd_admin": "true" if self.authority is Authority.ADMIN else "false",
        }

    async def run(self, line: str) -> Reply:
        """Carries out one command line, which may be an alias."""
        line = line.strip()
        if not line:
            return Reply(True)
        word, _, rest = line.partition(" ")
        if not self.may(word):
            return not_authenticated()
        if word in self.aliases and word not in commands.SESSION_COMMANDS:
            return await self._run_alias(word, rest)
        return await self._run_plain(line)

    def may(self, word: str) -> bool:
        """Whether the session may use the command that begins with `word`."""
        command = commands.SESSION_COMMANDS.get(word)
        return self.authority >= (command.authority if command else Authority.ADMIN)

    async def _run_plain(self, line: str) -> Reply:
        word, _, rest = line.partition(" ")
        command = commands.SESSION_COMMANDS.get(word)
        if command is not None:
            return await commands.carry_out(command, self, rest)
        return await run_on_bus(self.engine, line, self)

    async def _run_alias(self, name: str, rest: str) -> Reply:
        """Runs each command an alias stands for; an alias inside an alias is refused."""
        texts: list[str] = []
        params: dict[str, str] = {}
        ok = True
        for part in self.aliases[name].split(ALIAS_SEPARATOR):
            line = commands.alias_line(part, rest).strip()
            if not line:
                continue
            word = line.partition(" ")[0]
            if word in self.aliases and word not in commands.SESSION_COMMANDS:
                texts.append(f"Error: possible alias loop in '{line}'{EOL}")
                return Reply(False, "".join(texts), {"reason": f"alias loop in '{line}'"})
            reply = await self._run_plain(line)
            texts.append(reply.text)
            params.update(reply.params)
            ok = ok and reply.ok
        return Reply(ok, "".join(texts), params)

    async def complete(self, line: str) -> list[str]:
        """The words that may stand at the end of `line`, its last word being completed."""
        partline, _, partword = line.lstrip().rpartition(" ")
        partline = partline.strip()
        found = commands.complete(self, partline, partword)
        on_bus = await complete_on_bus(self.engine, partline, partword, self)
        return list(dict.fromkeys([*found, *on_bus]))


def not_authenticated() -> Reply:
    """The reply to a command that the session may not use, whether it exists or not."""
    params = {"reason": "not authenticated for this command", "hint": "auth PASSWORD"}
    return Reply(False, f"Not authenticated!{EOL}", params)
