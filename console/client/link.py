"""The link to an engine behind a remote manager: yext's, or a real Yate's.

Commands, completion and output go over one plain connection, the message flow over a second
one (`console.client.feed`). What only looks (flow, history, watch) is carried out here, everything
else there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial

from console.client.connection import Lost, Wire, completed
from console.client.feed import Feed
from console.client.hosts import Host, HostMistake
from console.client.login import NotAllowed, Secret, enter, why
from console.commands import TABLE
from console.commands.interpreter import Interpreter, descriptions
from console.link import Counts, LocalLink, Overview, Word, words_of
from console.replies.parse import reply_of
from console.session.session import Session
from yext import Engine, Reply
from yext.log import LEVEL_NAMES, NOTE, Event

FIRST_WAIT = 0.5
"""Seconds before the first try to connect again; doubles with each that fails."""

LONGEST_WAIT = 30.0

COMPLETION_SECONDS = 2.0

HERE = ("flow", "history", "!", "watch", "clear", "source")
"""Commands that are carried out on this side."""

_STAMPED = re.compile(r"\d{4}-\d\d-\d\d_\d\d:\d\d:\d\d\.\d{6} (?:<([^>]*):([A-Z]+)> )?(.*)")
_USAGE = re.compile(r"  (\S+)(.*)")
_NODE = re.compile(r"\bnodename=([^,;]+)")
_VERSION = re.compile(r"\bversion=([^,;]+)")
_PEER = re.compile(r"\d+\. ")


class AttachedInterpreter(Interpreter):
    """An interpreter whose commands are carried out elsewhere, but for those that only look."""

    there: Callable[[str], Awaitable[Reply]]

    async def run(self, line: str) -> Reply:
        line = line.strip()
        word = "!" if line.startswith("!") else line.partition(" ")[0]
        return await (super().run(line) if word in HERE else self.there(line))


class AttachedLink(LocalLink):
    """The link to an engine behind a remote manager.

    Args:
        host: where.
        secret: its password.
    """

    def __init__(self, host: Host, secret: Secret) -> None:
        engine = Engine(node=host.where)
        self._feed = engine.recorder = Feed(partial(enter, host, secret), self._notice)
        session = Session(engine, f"attach {host.where}", output=True)
        interpreter = AttachedInterpreter(session, TABLE)
        interpreter.there = self._run_there
        super().__init__(interpreter)
        self._host = host
        self._secret = secret
        self._wire: Wire | None = None
        self._again: asyncio.Task[None] | None = None
        self._counting: asyncio.Task[None] | None = None
        self._node = host.where
        self._version = ""
        self._running = 0
        self._left = asyncio.Event()
        self._refused = ""

    # Connecting

    async def connect(self) -> None:
        """Connects and logs in. Raises OSError, TimeoutError, `Lost`, `NotAllowed` and
        `HostMistake`."""
        self._wire = await enter(self._host, self._secret, self._told, self._lost)

    async def introduce(self) -> None:
        """Has output told, and learns whom this is a connection to. Raises `Lost`."""
        if self._wire is None:
            return
        await self._wire.command("output on")
        reply = "\n".join(await self._wire.command("status engine"))
        for pattern, name in ((_NODE, "_node"), (_VERSION, "_version")):
            found = pattern.search(reply)
            if found is not None:
                setattr(self, name, found[1])
        await self._count()

    def _lost(self, reason: str) -> None:
        was, self._wire = self._wire, None
        if was is None or self.closing:
            return
        self._notice(f"Connection to {self._host.where} lost: {reason}", "connecting again")
        self._again = asyncio.get_running_loop().create_task(self._connect_again())

    async def _connect_again(self) -> None:
        wait = FIRST_WAIT
        while not self._left.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._left.wait(), wait)
                return
            try:
                await self.connect()
                await self.introduce()
            except (OSError, Lost, TimeoutError) as error:
                wait = min(LONGEST_WAIT, wait * 2)
                self._notice(f"{self._host.where}: {why(error)}", f"next try in {wait:g} s")
            except (NotAllowed, HostMistake) as error:
                self._refused = f"{self._host.where}: {error}"
                self._notice(self._refused, "not trying again")
                self._left.set()
            else:
                self._notice(f"Connected to {self._host.where} again")
                self._feed.resume()
                return

    def _notice(self, *lines: str) -> None:
        self.engine.log.notice(lines, self.session)

    async def close(self) -> None:
        """Ends both connections and whatever goes on."""
        self._left.set()
        self.own.close()
        if self._wire is not None:
            self._wire.send_last("quit")
            self._wire.close()
        await self._feed.close()
        for task in (self._again, self._counting):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    # What is told

    def _told(self, line: str) -> None:
        found = _STAMPED.match(line)
        if found is None:
            if line.strip():
                self._notice(line)
            return
        source, level, text = found[1], found[2], found[3]
        if level in LEVEL_NAMES:
            event = Event("debug", text, LEVEL_NAMES.index(level), source)
        elif level == "stderr":
            event = Event("stderr", text, NOTE, source)
        else:
            event = Event("output", text)
        self.engine.log.emit(event)

    def wants(self, event: Event) -> bool:
        return True

    # The link

    @property
    def node(self) -> str:
        return self._node

    @property
    def closing(self) -> bool:
        return self.own.closing or self._left.is_set()

    async def _run_there(self, line: str) -> Reply:
        if self._wire is None:
            text = f"Not connected to {self._host.where}"
            return Reply(False, f"{text}\r\n", {"reason": text, "error": "notconnected"})
        word = line.partition(" ")[0]
        if word in ("quit", "stop", "restart"):
            self.own.closing = word == "quit"
        try:
            reply = reply_of(await self._wire.command(line))
        except Lost as error:
            if self.own.closing:
                return Reply(True, "Goodbye!\r\n")
            text = f"Connection lost before the answer: {error}"
            hint = "it may have been carried out all the same"
            params = {"reason": text, "error": "notconnected", "hint": hint}
            return Reply(False, f"{text}\r\n", params)
        if word == "external":
            # The reply does not wait for it: what is told next must come after the reply.
            self._counting = asyncio.get_running_loop().create_task(self._count())
        return reply

    async def _count(self) -> None:
        if self._wire is not None:
            with suppress(Lost):
                lines = await self._wire.command("external")
                self._running = sum(_PEER.match(one) is not None for one in lines)
                # What is told meanwhile looks like a part of the reply.
                for line in lines:
                    if not _PEER.match(line):
                        self._told(line)

    async def complete(self, line: str) -> list[Word]:
        line = self.interpreter.innermost(line)
        word, blank, _ = line.partition(" ")
        if blank and word in HERE:
            partline, _, partword = line.rpartition(" ")
            return words_of(self.interpreter.complete_own(partline.strip(), partword))
        if self._wire is None or self.secrets.holds(line):
            return []
        with suppress(Lost, TimeoutError):
            async with asyncio.timeout(COMPLETION_SECONDS):
                if line.strip():
                    found = completed(line, await self._wire.complete(line))
                    if blank:
                        return [Word(one) for one in found]
                    found += [one for one in HERE if one.startswith(word)]
                    known = descriptions(TABLE)
                    return [Word(one, known.get(one, "")) for one in dict.fromkeys(found)]
                usages = map(_USAGE.match, await self._wire.command("help"))
                words = {one[1]: one[2].strip() for one in usages if one is not None}
                return [Word(name, usage) for name, usage in words.items()]
        return []

    async def described(self) -> Mapping[str, str]:
        return descriptions(TABLE)

    async def overview(self) -> Overview:
        return Overview(self._version or "?")

    def counts(self) -> Counts:
        return Counts(self._running)

    def flow(self) -> str:
        state = "attached" if self._wire is not None else "not connected"
        return f"{state} to {self._host.where} | {super().flow()}"

    async def ended(self) -> None:
        await self._left.wait()

    def exit_code(self) -> int:
        return 4 if self._refused else 0
