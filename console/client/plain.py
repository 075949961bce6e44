"""An engine that is spoken to as Yate's rmanager is: a Yate, or a yext that knows nothing better.

All there is of a reply is its text. Nothing is sent but what the operator gave and commands that
every Yate has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from yext import Reply
from yext.console.client import yate
from yext.console.client.connection import LineFunction, ManagerClient, completions
from yext.console.client.engine import RemoteEngine
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter, descriptions
from yext.console.link import Counts, Overview, Word, words_of
from yext.console.replies.forms import (
    Commands,
    Facts,
    Handlers,
    ModuleStatus,
    Peers,
    Scripts,
    Statuses,
)
from yext.console.replies.parse import parse, reply_of
from yext.log import safe

LOCAL_COMMANDS = ("flow", "history", "!", "watch", "clear", "source", "frame", "transcript", "set")
"""Session commands that are carried out on this side."""

NAME_MAX = 64
"""Characters of the node's name and the version that are shown."""

_SCRIPTS = "scripts"
"""The parameter in the status of a module that counts its scripts."""

_INFO = f"{yate.EXTERNAL} info"
"""Lists who is connected, in any engine whose module counts scripts."""

_SHOW = f"{yate.EXTERNAL} show"
"""Lists the scripts of a yext; a Yate would start one called ``show``."""

LOADING, UNLOADING = "Loading external module", "Unloading external module"
"""The beginnings of the lines by which an engine reports that scripts come and go."""

SILENT = " has not answered "
"""In a line by which a yext reports that a script does not answer."""

_NO_PROCESS = (1, None)
"""The process ids in such a list of peers that came through a listener."""

_ON_BUS = ("message", "top")
"""Session commands that are carried out on this side, by the bus."""

_HANDLERS = "dispatcher handlers name=^"

_STATUS_LINES = ("name=", "%%+status", "%%-status")

_PEER_LINES = ("\t", *(str(digit) for digit in range(10)))


_CHANGE_NO_SCRIPTS = frozenset(
    name
    for name in descriptions(TABLE)
    if name not in ("call", "control", "drop", "reload", "module")
)
"""Commands of the session and the engine, but for those that become messages to modules."""


def shortened(text: object) -> str:
    """A name that the other end gives itself, safe and short enough to be shown anywhere."""
    return safe(str(text)[:NAME_MAX])


class PlainEngine:
    """An engine behind a plain conversation.

    Args:
        client: the connection, logged in.
        interpreter: completes the commands that are carried out on this side.
        unrequested: called with lines in replies that are not part of them.
        where: the address, which stands for the node's name until that is known.

    Attributes:
        is_yext: whether it is a yext after all.
        places: its directories, such as ``configpath``, as its status names them.
        handlers: the names of the messages that it handles, and by whom, if messages can be sent
            to it.
    """

    product = "Yate"

    def __init__(
        self, client: ManagerClient, interpreter: Interpreter, unrequested: LineFunction, where: str
    ) -> None:
        self.version = "?"
        self.node = where
        self.is_yext = False
        self._client = client
        self._interpreter = interpreter
        self._unrequested = unrequested
        self.places: dict[str, str] = {}
        self.handlers: dict[str, str] = {}
        self._unloaded: dict[str, asyncio.Event] = {}
        self._aliases: dict[str, str] = {}
        self._counts_scripts = False
        self._counts = Counts()

    async def introduce(self, release: str) -> None:
        """Ask which engine this is and what it runs.

        Args:
            release: what a yext gives as its release.

        Raises:
            ConnectError: the connection was lost.
        """
        for module in await self._statuses("status engine"):
            head = dict(module.head)
            self.places = {name: str(value) for name, value in module.details}
            self.node = shortened(head.get("nodename", self.node)) or self.node
            self.version = shortened(head.get("version", self.version))
        said = dict((await self._facts("version")).pairs)
        self.is_yext = said.get("release") == release
        self.product = "yext" if self.is_yext else "Yate"
        self._aliases = {name: str(line) for name, line in (await self._facts("alias")).pairs}
        modules = await self._statuses("status overview")
        self._counts_scripts = any(_SCRIPTS in dict(module.params) for module in modules)
        await self.count()

    def owner(self) -> int | None:
        """The system user at the other end of the connection, None for another host."""
        return self._client.owner()

    def heard(self, text: str) -> None:
        """Take in a line of the engine's output."""
        for script, event in self._unloaded.items():
            if text.startswith(f"{UNLOADING} '{script}'"):
                event.set()

    async def unloaded(self, script: str, seconds: float) -> None:
        """Wait until the engine says that a script has ended, at most some seconds."""
        event = self._unloaded[script] = asyncio.Event()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), seconds)
        finally:
            del self._unloaded[script]

    async def count(self) -> None:
        """Count the scripts anew.

        Raises:
            ConnectError: the connection was lost.
        """
        if self.is_yext:
            scripts = await self._parsed(_SHOW, ("",))
            rows = scripts.table.records() if isinstance(scripts, Scripts) else []
            states = [row.get("state", "").partition(" ")[0] for row in rows]
            self._counts = Counts(
                states.count("running"), states.count("failed"), silent=states.count("not")
            )
        elif self._counts_scripts:
            peers = await self.peers()
            self._counts = Counts(sum(pid not in _NO_PROCESS for pid in peers.values()))

    async def peers(self) -> dict[tuple[str, str], int | None]:
        """The process ids of those connected, by name and parameter; None for one not known.

        Raises:
            ConnectError: the connection was lost.
        """
        parsed = await self._parsed(_INFO, _PEER_LINES)
        if not isinstance(parsed, Peers):
            return {}
        pids = ((peer, dict(peer.details).get("pid")) for peer in parsed.peers)
        return {
            (peer.name, peer.parameter): pid if isinstance(pid, int) else None for peer, pid in pids
        }

    async def handled_names(self) -> dict[str, str]:
        """The names of the messages that are handled, but for those of the engine, and by whom.

        Raises:
            ConnectError: the connection was lost.
        """
        found = await self._parsed(_HANDLERS, ("",))
        names: dict[str, str] = {}
        for one in found.handlers if isinstance(found, Handlers) else ():
            if one.name and not one.name.startswith("engine."):
                before = names.get(one.name, "handled by")
                names[one.name] = f"{before} {one.track}" if one.track else before
        return names

    async def _statuses(self, command: str) -> list[ModuleStatus]:
        parsed = await self._parsed(command, _STATUS_LINES)
        return list(parsed.modules) if isinstance(parsed, Statuses) else []

    async def _facts(self, command: str) -> Facts:
        parsed = await self._parsed(command, ("",))
        return parsed if isinstance(parsed, Facts) else Facts(())

    async def _parsed(self, command: str, starts: tuple[str, ...]) -> object:
        """Run a command; return what it says, None if it fails.

        Args:
            starts: the beginnings of the lines of its reply. Output that comes meanwhile looks
                like part of the reply.
        """
        lines = await self._client.command(command)
        if not reply_of(lines).ok:
            return None
        for line in lines:
            if not line.startswith(starts):
                self._unrequested(line)
        return parse(command, "\n".join(lines))

    # Commands

    async def show_output(self) -> None:
        await self._client.command("output on")

    def is_local(self, line: str) -> bool:
        word = "!" if line.startswith("!") else line.partition(" ")[0]
        return word in LOCAL_COMMANDS or (word in _ON_BUS and bool(self.handlers))

    async def prepare(self, line: str) -> None:
        """Nothing is needed: the flow is recorded on this side."""

    async def run(self, line: str) -> Reply:
        if not self.is_yext:
            here = yate.answered_here(line, self._aliases)
            if here is not None:
                return here
        reply = reply_of(await self._client.command(line))
        word, _, rest = line.partition(" ")
        if word == "alias" and reply.ok and rest.strip():
            name, _, value = rest.strip().partition(" ")
            if value.strip():
                self._aliases[name] = value.strip()
            else:
                self._aliases.pop(name, None)
        return reply

    def changes_scripts(self, line: str) -> bool:
        """Whether a command line may start or end scripts: any of a module may."""
        looks = line in (yate.EXTERNAL, _INFO) or line.partition(" ")[0] in _CHANGE_NO_SCRIPTS
        return self._counts_scripts and not looks

    async def look_up(self, line: str) -> Reply | None:
        # Yate takes a sub-command that it does not know for the name of a script to start.
        return await self.run(line) if self.is_yext else None

    # Completion and help

    async def complete(self, line: str) -> list[Word]:
        line = self._interpreter.innermost(line)
        word, blank, _ = line.partition(" ")
        if blank and (word in LOCAL_COMMANDS or (not self.is_yext and word in yate.ONLY_YEXT)):
            partline, _, partword = line.rpartition(" ")
            if partline.strip() == "message":
                names = {
                    name: what for name, what in self.handlers.items() if name.startswith(partword)
                }
                return words_of(names | self._interpreter.complete_own(partline.strip(), partword))
            return words_of(self._interpreter.complete_own(partline.strip(), partword))
        if not line.strip():
            return await self._commands()
        found = completions(line, await self._client.complete(line))
        if blank:
            return [Word(text) for text in found]
        found += [name for name in LOCAL_COMMANDS if name.startswith(word)]
        described = descriptions(TABLE)
        return [Word(text, described.get(text, "")) for text in dict.fromkeys(found)]

    async def _commands(self) -> list[Word]:
        """The commands that the other end lists, each with the rest of its usage line."""
        listed = parse("help", "\n".join(await self._client.command("help")))
        if not isinstance(listed, Commands):
            return []
        usages = (usage.partition(" ") for usage in listed.usages)
        return words_of({name: usage.strip() for name, _, usage in usages})

    async def described(self) -> Mapping[str, str]:
        return descriptions(TABLE)

    def usage(self, line: str) -> str:
        name, blank, _ = (self._interpreter.innermost(line) or line).lstrip().partition(" ")
        return self._interpreter.usage(name) if blank else ""

    async def settle(self, seconds: float, strict: bool) -> bool:
        """The reply to a start says already whether the script has stayed."""
        return False

    async def resume(self, lost: float, before: RemoteEngine | None) -> str:
        """Nothing is counted that was not seen."""
        return ""

    def leave(self) -> None:
        self._client.send("quit")

    # State

    async def overview(self) -> Overview:
        silent = self.is_yext or self.handlers
        remarks = () if silent else ("no journeys: give --bus for them",)
        return Overview(self.version, product=self.product, remarks=remarks)

    def counts(self) -> Counts:
        return self._counts

    def flow(self) -> str:
        return ""
