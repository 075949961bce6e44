"""What a front end drives: runs commands, completes them, tells events; local or remote.

The shell knows an engine only through a `Link`, so that it is the same on the engine in its own
process and on one behind a connection. Nothing here gives what a connection could not carry.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from console.commands import TABLE
from console.commands.interpreter import Interpreter, descriptions
from console.session.authority import Authority
from console.session.secrets import Secrets
from console.session.session import Session
from yext import Engine, Reply
from yext import command as bus
from yext.command import describe
from yext.log import CONF, Event

if TYPE_CHECKING:
    from console.session.view import View
    from yext.record.recorder import Journey

COMPLETION_SECONDS = 0.5
"""How long the bus is given to answer a completion; what came too late is not offered."""

_CACHED = 64
"""Completions that are kept for when the bus does not answer."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word that may come next, and what it is, in a few words."""

    text: str
    description: str = ""


def words_of(described: Mapping[str, str]) -> list[Word]:
    """The words of a mapping from word to description."""
    return [Word(text, what) for text, what in described.items()]


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers for the bottom line: scripts that run and that failed, and all messages so far
    but the engine's own timer."""

    running: int = 0
    failed: int = 0
    messages: int = 0


@dataclass(frozen=True, slots=True)
class Overview:
    """What an operator wants to know first.

    Attributes:
        version: of the engine.
        failed: the programs that failed: name and parameter, the reason in one line, and the
            command that explains it.
        listeners: where the engine listens, ``tcp 127.0.0.1:5040``; None where that is not
            told.
        failed_listeners: the listeners that could not be opened, with the reason.
        mistakes: in the configuration, by file and line.
    """

    version: str
    failed: Sequence[tuple[str, str, str]] = ()
    listeners: Sequence[str] | None = None
    failed_listeners: Sequence[str] = ()
    mistakes: Sequence[str] = ()


class Link(Protocol):
    """An engine as a front end sees it.

    Attributes:
        node: the node's name.
        session: the label by which notices name the session they are meant for.
        locked: whether the session is told nothing before it has given a password.
    """

    @property
    def node(self) -> str: ...

    @property
    def session(self) -> str: ...

    @property
    def locked(self) -> bool: ...

    @property
    def secrets(self) -> Secrets:
        """Finds passwords in the session's command lines."""

    @property
    def closing(self) -> bool:
        """Whether the session has ended: by ``quit``, or because the engine ends."""

    async def run(self, line: str) -> Reply:
        """Carries out one command line."""

    async def complete(self, line: str) -> list[Word]:
        """What may stand at the end of `line` in place of its last word; soon, or nothing."""

    async def described(self) -> Mapping[str, str]:
        """What each command does, by its name."""

    async def overview(self) -> Overview:
        """What is told when a session begins."""

    def counts(self) -> Counts:
        """The newest numbers that are known; asks nobody."""

    def subscribe(self, subscriber: Callable[[Event], None]) -> Callable[[], None]:
        """Has `subscriber` called with each event; returns what ends that."""

    def follow(self, follower: Callable[[Journey], None]) -> Callable[[], None]:
        """Has `follower` called with each message's journey; returns what ends that."""

    def show_on(self, view: View, history: Sequence[str]) -> None:
        """Has `view` show what the session tells outside of replies; `history` is what the
        operator gave in earlier sessions."""

    def wants(self, event: Event) -> bool:
        """Whether the session's switches have `event` shown; a notice always is."""

    def usage(self, line: str) -> str:
        """How to go on with the line being typed, empty where that is not known."""

    def flow(self) -> str:
        """The state of the message flow, for the bottom line."""

    async def ended(self) -> None:
        """Waits until the engine ends."""

    def exit_code(self) -> int:
        """What the engine is to exit with."""


@dataclass
class LocalLink:
    """The link to an engine in this process.

    Args:
        interpreter: runs commands in a session on a started engine.
    """

    interpreter: Interpreter
    _cache: dict[str, dict[str, str]] = field(default_factory=dict)
    _usages: dict[str, str] = field(default_factory=dict)
    _asking: asyncio.Task[None] | None = None

    @property
    def engine(self) -> Engine:
        """The engine."""
        return self.interpreter.engine

    @property
    def own(self) -> Session:
        """The session that commands are run in."""
        return self.interpreter.session

    @property
    def node(self) -> str:
        return self.engine.node

    @property
    def session(self) -> str:
        return self.own.label

    @property
    def secrets(self) -> Secrets:
        return self.own.secrets

    @property
    def locked(self) -> bool:
        return self.own.authority is Authority.GUEST

    @property
    def closing(self) -> bool:
        return self.own.closing or self.engine.halting

    def show_on(self, view: View, history: Sequence[str]) -> None:
        self.own.view = view
        for line in history:
            self.own.remember(line)

    async def run(self, line: str) -> Reply:
        self.own.remember(line.strip())
        return await self.interpreter.run(line)

    async def complete(self, line: str) -> list[Word]:
        partline, partword = self.interpreter.split(line)
        own = self.interpreter.complete_own(partline, partword)
        return words_of(own | await self._from_bus(partline, partword) | own)

    async def _from_bus(self, partline: str, partword: str) -> dict[str, str]:
        """What the bus knows, or knew the last time if a handler keeps it waiting."""
        if not self.interpreter.asks_bus(f"{partline} {partword}"):
            return {}
        key = f"{partline} {partword}"
        with contextlib.suppress(TimeoutError):
            found = await asyncio.wait_for(
                describe(self.engine, partline, partword, self.own), COMPLETION_SECONDS
            )
            self._cache.pop(key, None)
            self._cache[key] = found
            if len(self._cache) > _CACHED:
                del self._cache[next(iter(self._cache))]
        return self._cache.get(key, {})

    async def described(self) -> Mapping[str, str]:
        on_bus = await self._from_bus("help", "")
        return {name: what for name, what in on_bus.items() if what} | descriptions(TABLE)

    async def overview(self) -> Overview:
        modules = self.engine.loader.modules.values()
        programs = [program for module in modules for program in module.programs()]
        listening = [found for module in modules if (found := module.listening()) is not None]
        return Overview(
            self.engine.run_params["version"],
            [
                (program.label, program.reason, program.explain)
                for program in programs
                if program.reason
            ],
            [place for found in listening for place in found.where] if listening else None,
            [reason for found in listening for reason in found.failed],
            [event.text for event in self.engine.log.captured if _is_mistake(event)],
        )

    def counts(self) -> Counts:
        counts = [module.counts() for module in self.engine.loader.modules.values()]
        return Counts(
            sum(running for running, _ in counts),
            sum(failed for _, failed in counts),
            self.engine.dispatcher.dispatched,
        )

    def subscribe(self, subscriber: Callable[[Event], None]) -> Callable[[], None]:
        return self.engine.log.subscribe(subscriber)

    def follow(self, follower: Callable[[Journey], None]) -> Callable[[], None]:
        return self.engine.recorder.follow(follower)

    def wants(self, event: Event) -> bool:
        if event.kind == "debug":
            return self.own.debug and event.level <= self.own.threshold
        # What the engine says of itself, at a start or a reload, is in its log.
        return self.own.output and event.source != "engine"

    def usage(self, line: str) -> str:
        name, blank, _ = (self.interpreter.innermost(line) or line).lstrip().partition(" ")
        if not blank:
            return ""
        if usage := self.interpreter.usage(name):
            return usage
        if not self.interpreter.asks_bus(line):
            return ""
        if name not in self._usages and len(self._usages) < _CACHED:
            self._usages[name] = ""
            self._asking = asyncio.create_task(self._ask_usage(name))
        return self._usages.get(name, "")

    async def _ask_usage(self, name: str) -> None:
        """Asks the bus how a command of a module or script is used: the first line of its help."""
        with contextlib.suppress(TimeoutError):
            found = bus.help_text(self.engine, name, "", self.own)
            text = await asyncio.wait_for(found, COMPLETION_SECONDS)
            self._usages[name] = (text or "").strip().partition("\n")[0].strip()

    def flow(self) -> str:
        return self.own.flow.state() if self.own.has_flow else "flow off"

    async def ended(self) -> None:
        await self.engine.halted()

    def exit_code(self) -> int:
        return self.engine.exit_code


def _is_mistake(event: Event) -> bool:
    return event.kind == "debug" and event.level == CONF
