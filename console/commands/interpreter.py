"""The interpreter of an operator's command lines.

A line whose first word is in the table of session commands is carried out here. Any other goes
to the bus as an ``engine.command``, so that modules and scripts add commands.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from contextlib import suppress

from yext import Reply
from yext.bus import Bus
from yext.command import EOL, describe, not_understood, run
from yext.command import complete as complete_on_bus
from yext.console.commands.command import Listed, SessionCommand
from yext.console.commands.lines import follow, pipeline
from yext.console.commands.lines.carryout import carry_out
from yext.console.commands.lines.files import complete_file
from yext.console.commands.lines.meant import meant
from yext.console.commands.lines.pipeline import Pipeline
from yext.console.replies.reply import failed, not_authenticated, put_together
from yext.console.session.authority import Authority
from yext.console.session.secrets import ALIAS_SEPARATOR
from yext.console.session.session import Session
from yext.engine.commands import BUS_COMMANDS
from yext.log import logger, safe

_ALIAS_LINE_MAX = 65536
"""The longest command line that an alias may make of what follows it, in characters."""

_MEANT_SECONDS = 0.5
"""The time that handlers on the bus have to offer what may have been meant."""

_ALIAS_WORDS = 8
r"""How many words of its own a line gives to an alias: ``\9`` is always empty, as recorded."""


class Interpreter:
    """Runs and completes the command lines of one session.

    Args:
        session: the operator's session.
        table: the session commands, in the order that `help` lists them.

    Attributes:
        table: the session commands by their names.
    """

    several = True
    """Whether a line may be more than one command."""

    def __init__(self, session: Session, table: Iterable[SessionCommand]) -> None:
        self.session = session
        self.table = {row.name: row for row in table}

    @property
    def engine(self) -> Bus:
        """The bus of the engine that the session drives."""
        return self.session.engine

    # Authority

    def may(self, line: str) -> bool:
        """Whether the session may give a command line, by its first word or all of it."""
        session = self.session
        command = self.table.get(line.partition(" ")[0])
        needed = command.authority if command is not None else Authority.ADMIN
        if command is not None and command.observes and not session.policy.user_flow:
            needed = Authority.ADMIN
        if session.authority >= needed:
            return True
        return session.authority is Authority.USER and session.policy.user_commands(line)

    def allowed(self) -> list[SessionCommand]:
        """The session commands that the session's authority allows."""
        return [row for row in self.table.values() if self.may(row.name)]

    def lists(self, command: SessionCommand) -> bool:
        """Whether `help` and completion show `command`."""
        return command.listed is not Listed.NOWHERE

    # Running

    async def run(self, line: str) -> Reply:
        """Carry out one command line, which may be an alias.

        An exception that a command raises becomes a failed reply.
        """
        line = line.strip()
        if not line:
            return Reply(True)
        if line.startswith("!") and "!" in self.table:
            line = f"! {line[1:]}"  # Of !5, the command is ! alone.
        several = self.pipelines(line)
        self._note(line)
        try:
            reply = await (carry_out(self, several) if several else self._run(line))
        except Exception as error:
            word = self.session.secrets.hide(line).partition(" ")[0]
            logger.exception("the command %s failed", safe(word))
            reply = failed(f"Error: {safe(repr(error))}", "this is a mistake in yext: see its log")
        # Each of several commands is noted by itself.
        noted = not several or any(one.file for one in several)
        if self.session.policy.audit is not None and noted:
            self.session.policy.audit(line, reply)
        return reply

    def pipelines(self, line: str) -> list[Pipeline]:
        """The commands of a line that is more than one command, empty for any other."""
        if not self.several or not any(character in line for character in "|>;"):
            return []
        if self.session.secrets.holds(line):
            return []
        command = self.table.get(line.partition(" ")[0])
        if command is not None and command.line_after is not None:
            return []  # All of it belongs to the line that is its argument.
        found = pipeline.parse(line)
        return [] if len(found) == 1 and found[0] == Pipeline(line) else found

    async def look_up(self, line: str) -> Reply | None:
        """Run a command of yext's own whose reply a picture needs; return None if the engine has no
        such command."""
        last = self.session.last
        try:
            return await self.run(line)
        finally:
            self.session.last = last

    def _note(self, line: str) -> None:
        """Note the last command, which `who` shows, unless it marks the end of a reply.

        Nor is a line noted that the session may not give: it may be an ``auth`` with a slip in it.
        """
        if not line.startswith("help yext-") and self.may(line):
            self.session.last = self.session.secrets.hide(line)

    async def _run(self, line: str) -> Reply:
        word, _, rest = line.partition(" ")
        if self._is_alias(word) and self.may(line):
            return await self._run_alias(word, rest)
        return await self.run_command(line)

    async def run_command(self, line: str) -> Reply:
        """Carry out a stripped command line that is not an alias."""
        await self.session.settle()
        if not self.may(line):
            return not_authenticated()
        reply = await self._carry_out(line)
        self.session.tell_others(line, reply)
        return reply

    async def _carry_out(self, line: str) -> Reply:
        word, _, rest = line.partition(" ")
        command = self.table.get(word)
        if command is not None:
            return await self._with_meant(line, await self.carry_out(command, rest))
        followed = follow.parse(line)
        if followed is not None:
            return await follow.follow(self, followed)
        return await self._with_meant(line, await self.run_on_bus(line))

    async def _with_meant(self, line: str, reply: Reply) -> Reply:
        """Add to a failed reply what may have been meant, unless it tells what it failed for."""
        params = reply.params
        if reply.ok or "errno" in params or "error" in params or self.suggestions() is None:
            return reply
        if params.get("hint", "").startswith("Did you mean") or self.session.secrets.holds(line):
            return reply
        with suppress(TimeoutError):
            async with asyncio.timeout(_MEANT_SECONDS):
                found = await meant(line, self._described)
                if found:
                    return reply._replace(params={**params, "hint": f"Did you mean: {safe(found)}"})
        return reply

    async def _described(self, line: str) -> dict[str, str]:
        """The words that a console with descriptions offers at the end of `line`."""
        partline, partword = self.split(line)
        found = self.complete_own(partline, partword)
        if self.asks_bus(line) and self.may(partline):
            found |= await describe(self.engine, partline, partword, self.session)
        return found

    async def run_on_bus(self, line: str) -> Reply:
        """Send a command line to the bus, unless it holds the password of an ``auth``: scripts, and
        all who follow the messages, would see it there."""
        session, names = self.session, self.suggestions()
        if session.secrets.holds_auth(line):
            return await not_understood(self.engine, session.secrets.hide(line), session, names)
        return await run(self.engine, line, session, names)

    async def carry_out(self, command: SessionCommand, rest: str) -> Reply:
        """Call the function of a session command; `rest` is what follows its name."""
        return await command.call(self.session, self, rest)

    def suggestions(self) -> list[str] | None:
        """Names to suggest for an unknown command; None suggests nothing."""
        return [row.name for row in self.allowed() if self.lists(row)]

    # Aliases

    def _is_alias(self, word: str) -> bool:
        return word in self.session.aliases and word not in self.table

    async def _run_alias(self, name: str, rest: str) -> Reply:
        """Run each command of an alias; an alias inside an alias is refused."""
        parts: list[tuple[str, Reply]] = []
        params: dict[str, str] = {}
        hide = self.session.secrets.hide
        for part in self.session.aliases[name].split(ALIAS_SEPARATOR):
            if part.count("\\") * len(rest) > _ALIAS_LINE_MAX:
                reason = f"a line of the alias {safe(name)} would be longer than {_ALIAS_LINE_MAX}"
                parts.append((safe(name), failed(reason, "give it fewer words")))
                break
            line = alias_line(part, rest).strip()
            if not line:
                continue
            if self._is_alias(line.partition(" ")[0]):
                shown = safe(hide(line))
                text = f"Error: possible alias loop in '{shown}'{EOL}"
                parts.append((shown, Reply(False, text, {"reason": f"alias loop in '{shown}'"})))
                break
            several = self.pipelines(line)
            reply = await (carry_out(self, several) if several else self.run_command(line))
            parts.append((hide(line), reply))
            if self.session.closing:
                break
        for _, reply in parts:
            params.update(reply.params)
        return put_together(parts, params)

    # Completion and help

    async def complete(self, line: str) -> list[str]:
        """The words that may stand in place of the last word of `line`."""
        partline, partword = self.split(line)
        if partline and not self.may(partline):
            return []
        found = self.complete_own(partline, partword)
        if not self.asks_bus(line):
            return list(found)
        on_bus = await complete_on_bus(self.engine, partline, partword, self.session)
        return list(dict.fromkeys([*found, *on_bus]))

    def asks_bus(self, line: str) -> bool:
        """Whether the bus may be asked to complete `line`, or for help with it."""
        guest = self.session.authority is Authority.GUEST
        return not guest and not self.session.secrets.holds(line)

    def split(self, line: str) -> tuple[str, str]:
        """The words before the one being typed, and the start of that, of the innermost command
        line."""
        partline, _, partword = self.innermost(line).rpartition(" ")
        return partline.strip(), partword

    def innermost(self, line: str) -> str:
        """The command line at the end of `line`: of ``watch 2 external``, ``external``."""
        line = pipeline.last(line) if self.several else line
        name, _, rest = line.lstrip().partition(" ")
        command = self.table.get(name)
        before = command.line_after if command is not None else None
        if before is None:
            return line.lstrip()
        for _ in range(before):
            _, blank, rest = rest.lstrip().partition(" ")
            if not blank:
                return line.lstrip()
        return rest.lstrip()

    def complete_own(self, partline: str, partword: str) -> dict[str, str]:
        """The words that the session itself can complete, and a description of each.

        Args:
            partline: the words before the one being typed.
            partword: the start of the word being typed.
        """
        operator = pipeline.expected(partline) if self.several else ""
        if operator:
            after = (
                pipeline.FILTERS if operator == "|" else complete_file(self.session, "", partword)
            )
            words = dict(after)
        elif not partline:
            words = {row.name: row.help for row in self.allowed() if self.lists(row)}
            hide = self.session.secrets.hide
            words |= {name: hide(value) for name, value in self.session.aliases.items()}
        else:
            name, _, rest = partline.partition(" ")
            command = self.table.get(name)
            if command is None or not self.may(partline):
                return {}
            words = command.complete(self.session, self, rest.strip(), partword)
        return {word: what for word, what in words.items() if word.startswith(partword)}

    def manual(self, topic: str) -> str:
        """The inline manual for a topic, lines that end in CR LF; empty where there is none."""
        from yext.console.manual import page

        return page(topic).replace("\n", EOL) if self.may(topic) else ""

    def manuals(self) -> dict[str, str]:
        """The topics of the inline manuals, each with a description."""
        from yext.console.manual import topics

        return {one: "a manual with examples" for one in topics() if self.may(one)}

    def usage(self, name: str) -> str:
        """The usage line of a command of the session or the engine, empty where there is none."""
        command = self.table.get(name) or BUS_COMMANDS.get(name)
        return command.usage if command is not None else ""


def descriptions(table: Iterable[SessionCommand]) -> dict[str, str]:
    """A description of each command of `table` and of the engine, by its name and by the first
    word of its usage line."""
    described = {name: row.help for name, row in BUS_COMMANDS.items()}
    for row in table:
        described[row.name] = described[row.usage.partition(" ")[0]] = row.help
    return described


def alias_line(part: str, rest: str) -> str:
    r"""Fill in ``\0`` to ``\9`` of one command of an alias: all of `rest`, or its words."""
    # As recorded: several blanks part words once, but one that leads makes an empty first word.
    words = re.split(" +", rest)

    def value(found: re.Match[str]) -> str:
        number = int(found[1])
        if number == 0:
            return rest
        return words[number - 1] if number <= min(len(words), _ALIAS_WORDS) else ""

    return re.sub(r"\\([0-9])", value, part)
