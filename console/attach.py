"""``yext attach``: the shell on a remote yext, or a real Yate; and ``yext run --attach``.

Commands, completion and output go over one plain connection, the message flow over a second
one in machine mode while somebody follows it. What only looks (flow, history, watch) is
carried out here, everything else there.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console import commands
from console.hosts import Host, HostMistake, read_password
from console.link import Counts, LocalLink, Overview, Word
from console.replies import reply_of
from console.session import Session
from console.wire import Lost, Wire, completed
from yext import Engine, Reply, wire
from yext.errors import ProtocolError
from yext.journey import Journey
from yext.log import LEVEL_NAMES, NOTE, Event
from yext.sniffer import Sniffer

if TYPE_CHECKING:
    from collections.abc import Awaitable

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

_MARK = "yext-"


class NotAllowed(Exception):
    """The remote manager does not take the password, or there is none to give."""


@dataclass
class Secret:
    """The password of a host.

    Attributes:
        file: the file that holds it, empty where it is asked for.
        known: what was read or typed, so that a reconnection need not ask again.
    """

    file: str = ""
    ask: Callable[[], str] | None = None
    known: str = ""

    def get(self) -> str:
        """The password, empty for none. Raises `HostMistake`."""
        if not self.known:
            self.known = read_password(self.file) if self.file else self.ask() if self.ask else ""
        return self.known


async def log_in(line: Wire, secret: Secret) -> None:
    """Gives the password where one is needed. Raises `NotAllowed`, `Lost`, `HostMistake`."""
    if not secret.file and reply_of(await line.command("uptime")).ok:
        return
    # A terminal that is asked for a password blocks, and nothing else goes on yet.
    password = secret.get()
    if not password:
        raise NotAllowed("a password is needed: --password-file FILE, or password_file in hosts")
    reply = reply_of(await line.command(f"auth {password}"))
    if not reply.ok:
        secret.known = ""
        raise NotAllowed(reply.params.get("reason", "the password was not taken"))


class Feed(Sniffer):
    """The record of a remote engine's messages, fed by a connection in machine mode while
    somebody follows it."""

    def __init__(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        super().__init__()
        self._begin = begin
        self._end = end
        self._seen = itertools.count(1)

    def follow(self, follower: Callable[[Journey], None]) -> Callable[[], None]:
        before = self.active
        unfollow = super().follow(follower)
        if not before:
            self._begin()

        def ended() -> None:
            unfollow()
            if not self.active:
                self._end()

        return ended

    def line(self, text: str) -> None:
        """Takes in a line of machine mode: a message, or something else that is left alone."""
        if not text.startswith("%%<message:"):
            return
        _, _, fields = text.removeprefix("%%<message:").partition(":")
        with suppress(ProtocolError):
            answer = wire.decode_answer(fields)
            params: dict[str, str] = {}
            wire.apply_params(params, answer.changes)
            if answer.name == "engine.help" and params.get("line", "").startswith(_MARK):
                return
            self.keep(
                Journey(
                    next(self._seen),
                    time.time(),
                    answer.name,
                    params.get("cmd_address", ""),
                    params,
                    handled=answer.handled,
                    after=params,
                    retvalue=answer.retvalue or "",
                    ended=True,
                )
            )


class AttachedSession(Session):
    """A session whose commands are carried out elsewhere, but for those that only look."""

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
        engine.sniffer = Feed(self._flow_on, self._flow_off)
        session = AttachedSession(engine, f"attach {host.where}", output=True)
        session.there = self._run_there
        super().__init__(engine, session)
        self._host = host
        self._secret = secret
        self._wire: Wire | None = None
        self._flow_wire: Wire | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._node = host.where
        self._version = ""
        self._running = 0
        self._left = asyncio.Event()
        self._refused = ""

    # Connecting

    async def connect(self) -> None:
        """Connects and logs in. Raises OSError, TimeoutError, `Lost`, `NotAllowed` and
        `HostMistake`."""
        self._wire = await self._open(self._told, self._lost)

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

    async def _open(self, told: Callable[[str], None], lost: Callable[[str], None]) -> Wire:
        made = await Wire.open(self._host, told, lost)
        try:
            await log_in(made, self._secret)
        except BaseException:
            made.close()
            raise
        return made

    def _lost(self, reason: str) -> None:
        was, self._wire = self._wire, None
        if was is None or self.closing:
            return
        self._notice(f"Connection to {self._host.where} lost: {reason}", "connecting again")
        self._start(self._connect_again())

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
                if self.engine.sniffer.active:
                    self._flow_on()
                return

    def _notice(self, *lines: str) -> None:
        self.engine.log.notice(lines, self.session)

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        assert isinstance(task, asyncio.Task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Ends both connections and whatever goes on."""
        self._left.set()
        self.own.close()
        for made in (self._wire, self._flow_wire):
            if made is not None:
                made.send_last("quit")
                made.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

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

    # The flow

    def _flow_on(self) -> None:
        if self._flow_wire is None:
            self._start(self._feed())

    async def _feed(self) -> None:
        feed = self.engine.sniffer
        assert isinstance(feed, Feed)
        try:
            made = await self._open(feed.line, self._flow_lost)
            self._flow_wire = made
            reply = reply_of(await made.command("machine on"))
        except (OSError, Lost, TimeoutError, NotAllowed, HostMistake) as error:
            self._notice(f"The flow cannot be followed: {why(error)}")
            return
        if not reply.ok:
            self._notice("The flow cannot be followed", reply.params["reason"])
        elif not feed.active:
            self._flow_off()

    def _flow_off(self) -> None:
        made, self._flow_wire = self._flow_wire, None
        if made is not None:
            made.close()

    def _flow_lost(self, reason: str) -> None:
        self._flow_wire = None

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
            await self._count()
        return reply

    async def _count(self) -> None:
        if self._wire is not None:
            with suppress(Lost):
                lines = await self._wire.command("external")
                self._running = sum(_PEER.match(one) is not None for one in lines)

    async def complete(self, line: str) -> list[Word]:
        line = line.lstrip()
        word, blank, _ = line.partition(" ")
        if blank and word in HERE:
            partline, _, partword = line.rpartition(" ")
            return [Word(one) for one in commands.complete(self.own, partline.strip(), partword)]
        if self._wire is None:
            return []
        with suppress(Lost, TimeoutError):
            async with asyncio.timeout(COMPLETION_SECONDS):
                if line.strip():
                    found = completed(line, await self._wire.complete(line))
                    own = [one for one in HERE if not blank and one.startswith(word)]
                    return [Word(one) for one in dict.fromkeys([*found, *own])]
                usages = map(_USAGE.match, await self._wire.command("help"))
                words = {one[1]: one[2].strip() for one in usages if one is not None}
                return [Word(name, usage) for name, usage in words.items()]
        return []

    async def overview(self) -> Overview:
        return Overview(self._version or "?", listeners=(f"attached to {self._host.where}",))

    def counts(self) -> Counts:
        return Counts(self._running)

    def flow(self) -> str:
        state = "attached" if self._wire is not None else "not connected"
        return f"{state} to {self._host.where} | {super().flow()}"

    async def ended(self) -> None:
        await self._left.wait()

    def exit_code(self) -> int:
        return 4 if self._refused else 0


def why(error: BaseException) -> str:
    """An error of connecting, in words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(getattr(error, "strerror", None) or error)


NOT_CONNECTED, NOT_AUTHORISED = 3, 4
"""Exit codes (CONTRACT.md)."""


async def connected(host: Host, secret: Secret) -> AttachedLink | int:
    """A link that is connected, or the exit code after telling why there is none."""
    link = AttachedLink(host, secret)
    code = NOT_CONNECTED
    try:
        await link.connect()
    except (NotAllowed, HostMistake) as error:
        code, reason = NOT_AUTHORISED, str(error)
    except (OSError, Lost, TimeoutError) as error:
        reason = why(error)
    else:
        return link
    await link.close()
    print(f"yext: {host.where}: {reason}", file=sys.stderr)
    return code


async def attach(host: Host, secret: Secret, *, plain: bool) -> int:
    """The shell on a remote manager, until the operator ends it; returns the exit code."""
    from console.shell import front
    from console.terminal import abilities

    link = await connected(host, secret)
    if isinstance(link, int):
        return link
    try:
        await link.introduce()
        return await front(link, abilities(), plain=plain)
    except Lost as error:
        print(f"yext: {host.where}: {error}", file=sys.stderr)
        return NOT_CONNECTED
    finally:
        await link.close()


async def run(
    host: Host, secret: Secret, lines: Sequence[str], *, json_lines: bool, seconds: float
) -> int:
    """Runs commands on a remote manager, or those on standard input for ``-``; returns the exit
    code, that of the first command that did not succeed."""
    from console import batch

    link = await connected(host, secret)
    if isinstance(link, int):
        return link
    code = batch.OK
    try:
        async for line in batch.lines(lines):
            before = time.perf_counter()
            try:
                reply = await asyncio.wait_for(link.run(line), seconds)
            except TimeoutError:
                text = f"{line}: no answer in {seconds:g} s"
                reply = Reply(False, f"{text}\r\n", {"reason": text, "error": "timeout"})
            batch.show(line, reply, time.perf_counter() - before, json_lines=json_lines)
            code = code or batch.exit_code(reply)
            if link.closing or code == batch.TIMED_OUT:
                break
    finally:
        await link.close()
    return code
