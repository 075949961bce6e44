"""The link that a front end drives: it runs and completes commands, and passes events on.

The shell knows an engine only through a `Link`, so that it is the same on an engine in its own
process and on one behind a connection. A link offers nothing that a connection could not carry.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from yext import Reply
from yext import command as bus
from yext.bus import Bus
from yext.command import describe
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter, descriptions
from yext.console.session.authority import Authority
from yext.console.session.secrets import Secrets
from yext.console.session.session import Session
from yext.engine.module import modules_of
from yext.log import CONF, Event, EventKind

if TYPE_CHECKING:
    from yext.console.session.starts import Starts
    from yext.console.session.view import View
    from yext.record.journey import Journey

COMPLETION_SECONDS = 0.5
"""The time that handlers on the bus have to complete a line; later answers are not offered."""

_CACHED = 64
"""Completions, and usage lines, that are kept."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word that may come next, and a short description of it."""

    text: str
    description: str = ""


def words_of(described: Mapping[str, str]) -> list[Word]:
    """Make words of a mapping from words to their descriptions."""
    return [Word(text, description) for text, description in described.items()]


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers in the bottom line.

    Attributes:
        running: the programs that run, without those that do not answer.
        failed: the programs that have failed.
        messages: the messages so far, without the engine's own timer.
        silent: the programs that run and do not answer messages.
        nodes: the other nodes that are connected, None where this one shares nothing.
        unlinked: the links and servers to other nodes that are down.
    """

    running: int = 0
    failed: int = 0
    messages: int = 0
    silent: int = 0
    nodes: int | None = None
    unlinked: int = 0

    def others(self) -> str:
        """Return ``2 nodes``, or ``2 nodes, 1 link down``; empty where nothing is shared."""
        if self.nodes is None:
            return ""
        down = f", {self.unlinked} link{'' if self.unlinked == 1 else 's'} down"
        nodes = f"{self.nodes} node{'' if self.nodes == 1 else 's'}"
        return nodes + (down if self.unlinked else "")

    def programs(self) -> list[str]:
        """Return ``2 running``, then what else there is: ``1 not answering``, ``1 failed``."""
        more = ((self.silent, "not answering"), (self.failed, "failed"))
        return [f"{self.running} running", *(f"{count} {what}" for count, what in more if count)]


@dataclass(frozen=True, slots=True)
class Overview:
    """What an operator wants to know first.

    Attributes:
        version: the version of the engine.
        product: what it is, ``yext`` or ``Yate``.
        remarks: what else is to be known about the way to it.
        failed: the programs that failed: name and parameter, the reason in one line, and the
            command that explains it.
        listeners: the addresses that the engine listens on, ``tcp 127.0.0.1:5040``; None where
            they are not known.
        failed_listeners: the reasons why other listeners could not be opened.
        mistakes: the mistakes in the configuration, by file and line.
    """

    version: str
    failed: Sequence[tuple[str, str, str]] = ()
    listeners: Sequence[str] | None = None
    failed_listeners: Sequence[str] = ()
    mistakes: Sequence[str] = ()
    product: str = "yext"
    remarks: Sequence[str] = ()

    def with_remark(self, remark: str) -> Overview:
        """This overview with one more remark, before the others."""
        return replace(self, remarks=(remark, *self.remarks))


class Link(Protocol):
    """An engine as a front end sees it.

    Attributes:
        node: the node's name.
        session: the label that notices for this session have.
    """

    @property
    def node(self) -> str: ...

    @property
    def session(self) -> str: ...

    @property
    def secrets(self) -> Secrets:
        """The finder of passwords in the session's command lines."""

    @property
    def frame(self) -> str:
        """The word that marks replies and notices for a program, empty for none."""

    @property
    def closing(self) -> bool:
        """True once the session has ended: by ``quit``, or because the engine ends."""

    async def run(self, line: str) -> Reply:
        """Run a command line that the operator gave."""

    async def look_up(self, line: str) -> Reply | None:
        """Run a command of yext's own whose reply a picture needs; return None if the engine has no
        such command."""

    async def complete(self, line: str) -> list[Word]:
        """The words that may stand in place of the last word of `line`; soon, or none."""

    async def described(self) -> Mapping[str, str]:
        """A description of each command, by its name."""

    async def overview(self) -> Overview:
        """What a session shows when it begins."""

    def counts(self) -> Counts:
        """The newest numbers that are known, without asking for them."""

    def subscribe(self, subscriber: Callable[[Event], None]) -> Callable[[], None]:
        """Call `subscriber` with each event; return the function that ends that."""

    def follow(self, follower: Callable[[Journey], None]) -> Callable[[], None]:
        """Call `follower` with the journey of each message; return the function that ends that."""

    def show_on(self, view: View, history: Sequence[str]) -> None:
        """Set the view for what the session shows outside replies, and its first history.

        Args:
            history: the lines that the operator gave in earlier sessions, the oldest first.
        """

    def wants(self, event: Event) -> bool:
        """True if the session's switches have `event` shown; a notice is always shown."""

    def usage(self, line: str) -> str:
        """The usage line of the command being typed, empty where it is not known."""

    def flow(self) -> str:
        """The state of the message flow, for the bottom line."""

    async def settle(self) -> None:
        """Wait until the programs that the session has started have done what they do at first,
        have ended, or have had their time."""

    async def ended(self) -> None:
        """Wait until the engine ends."""

    def exit_code(self) -> int:
        """The code that the engine ends with."""


class SessionLink:
    """The part of a link that is the same for any engine: one session and its interpreter.

    Args:
        interpreter: runs the session's command lines.
    """

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter

    @property
    def own(self) -> Session:
        """The session."""
        return self.interpreter.session

    @property
    def session(self) -> str:
        return self.own.label

    @property
    def secrets(self) -> Secrets:
        return self.own.secrets

    @property
    def frame(self) -> str:
        return self.own.frame

    async def run(self, line: str) -> Reply:
        self.own.remember(line.strip())
        return await self.interpreter.run(line)

    async def look_up(self, line: str) -> Reply | None:
        return await self.interpreter.look_up(line)

    def subscribe(self, subscriber: Callable[[Event], None]) -> Callable[[], None]:
        return self.own.engine.log.subscribe(subscriber)

    def follow(self, follower: Callable[[Journey], None]) -> Callable[[], None]:
        return self.own.engine.recorder.follow(follower)

    def show_on(self, view: View, history: Sequence[str]) -> None:
        self.own.view = view
        for line in history:
            self.own.remember(line)

    def flow(self) -> str:
        return self.own.flow_state()


class LocalLink(SessionLink):
    """The link to a started engine in this process.

    Args:
        interpreter: runs the session's command lines.
        starts: waits for the programs that the session starts, None for a session that does not.
    """

    def __init__(self, interpreter: Interpreter, starts: Starts | None = None) -> None:
        super().__init__(interpreter)
        self._starts = starts
        self._completions: dict[str, dict[str, str]] = {}
        self._usages: dict[str, str] = {}
        self._asking: asyncio.Task[None] | None = None

    @property
    def engine(self) -> Bus:
        """The bus of the engine."""
        return self.own.engine

    @property
    def node(self) -> str:
        return self.engine.node

    @property
    def closing(self) -> bool:
        return self.own.closing or self.engine.halting

    async def complete(self, line: str) -> list[Word]:
        partline, partword = self.interpreter.split(line)
        own = self.interpreter.complete_own(partline, partword)
        return words_of(own | await self._complete_on_bus(partline, partword) | own)

    async def _complete_on_bus(self, partline: str, partword: str) -> dict[str, str]:
        """The words that the bus offers, or offered the last time if a handler takes too long."""
        if not self.interpreter.asks_bus(f"{partline} {partword}"):
            return {}
        key = f"{partline} {partword}"
        with contextlib.suppress(TimeoutError):
            found = await asyncio.wait_for(
                describe(self.engine, partline, partword, self.own), COMPLETION_SECONDS
            )
            self._completions.pop(key, None)
            self._completions[key] = found
            if len(self._completions) > _CACHED:
                del self._completions[next(iter(self._completions))]
        return self._completions.get(key, {})

    async def described(self) -> Mapping[str, str]:
        on_bus = await self._complete_on_bus("help", "")
        return {name: text for name, text in on_bus.items() if text} | descriptions(TABLE)

    async def overview(self) -> Overview:
        modules = modules_of(self.engine)
        failed = [
            (program.label, program.reason, program.explain)
            for module in modules
            for program in module.programs()
            if program.reason
        ]
        listening = [found for module in modules if (found := module.listening()) is not None]
        return Overview(
            self.engine.run_params["version"],
            failed,
            [place for found in listening for place in found.where] if listening else None,
            [reason for found in listening for reason in found.failed],
            [event.text for event in self.engine.log.captured if _is_mistake(event)],
        )

    def counts(self) -> Counts:
        modules = modules_of(self.engine)
        counts = [module.counts() for module in modules]
        others = next((found for one in modules if (found := one.nodes()) is not None), None)
        return Counts(
            sum(one.running for one in counts),
            sum(one.failed for one in counts),
            self.engine.dispatcher.dispatched,
            sum(one.silent for one in counts),
            *(others or (None, 0)),
        )

    def wants(self, event: Event) -> bool:
        if event.kind is EventKind.DEBUG:
            return self.own.debug and event.level <= self.own.threshold
        # The engine's own output, at a start or a reload, is in its log.
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

    async def find_usage(self, line: str) -> str:
        """As `usage`, but wait until it is known."""
        usage = self.usage(line)
        if not usage and self._asking is not None:
            await asyncio.wait({self._asking})
            usage = self.usage(line)
        return usage

    async def _ask_usage(self, name: str) -> None:
        """Keep the first line of the help for a command of a module or script."""
        with contextlib.suppress(TimeoutError):
            found = bus.help_text(self.engine, name, "", self.own)
            text = await asyncio.wait_for(found, COMPLETION_SECONDS)
            self._usages[name] = (text or "").strip().partition("\n")[0].strip()

    async def settle(self) -> None:
        if self._starts is not None:
            await self._starts.settle()

    async def ended(self) -> None:
        await self.engine.halted()

    def exit_code(self) -> int:
        return self.engine.exit_code


class GuardedLink(LocalLink):
    """The link of a session that may be an observer's: its overview is for admins."""

    async def overview(self) -> Overview:
        if self.own.authority is Authority.ADMIN:
            return await super().overview()
        return Overview(self.engine.run_params["version"])


def _is_mistake(event: Event) -> bool:
    return event.kind is EventKind.DEBUG and event.level == CONF
