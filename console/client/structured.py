"""A yext that is spoken to by the interface of attached consoles (docs/attach.md).

What it sends is checked before it is used; anything else than the interface allows ends the
connection.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from yext import Reply
from yext.console import interface
from yext.console.client.connection import ConnectError, LineError, ManagerClient
from yext.console.client.engine import RemoteEngine
from yext.console.client.plain import shortened
from yext.console.interface import InterfaceError, Request, State
from yext.console.link import Counts, Overview, Word, words_of
from yext.console.replies.parse import reply_of
from yext.console.replies.render import with_colors
from yext.errors import RecordError
from yext.log import Event
from yext.record.journey import from_json

if TYPE_CHECKING:
    from yext.console.client.recorder import RemoteRecorder
    from yext.console.commands.interpreter import Interpreter
    from yext.record.journey import Journey

LOCAL_COMMANDS = ("history", "!", "watch", "clear", "source", "frame", "transcript", "set")
"""Session commands that are always carried out on this side."""

_HERE = ("save", "load", "browse")
"""The words of ``flow`` that use files or the terminal of this host."""

_OF_FILE = ("last", "show", "filter", "save", "ladder", "stats")
"""The words of ``flow`` that a file that was loaded is looked at with."""

_USAGES_MAX = 64
"""Usage lines that are kept."""

_FRAME_SECONDS = 0.2
"""How often it is looked whether a live table has changed."""


class _LiveTable:
    """The newest picture of a table that the other end draws again and again.

    Attributes:
        begun: done when there is a picture.
    """

    def __init__(self) -> None:
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._text = ""

    def redraw(self, text: str) -> None:
        """Take in a new picture."""
        self._text = text
        if not self.begun.done():
            self.begun.set_result(None)

    async def draw(self, width: int, height: int) -> str:
        """Return the picture; it was drawn for the terminal's size at its time."""
        return self._text


class StructuredEngine:
    """A yext behind a connection that has agreed to the interface.

    Args:
        client: the connection.
        interpreter: completes the commands that are carried out on this side.
        event: called with each event.
        show: called with lines of the message flow, made safe.
        recorder: keeps the journeys that are sent.

    Attributes:
        started: when the engine was started, in seconds since 1970.
    """

    product = "yext"

    def __init__(
        self,
        client: ManagerClient,
        interpreter: Interpreter,
        *,
        event: Callable[[Event], None],
        show: Callable[[str], None],
        recorder: RemoteRecorder,
    ) -> None:
        self.version = "?"
        self.node = ""
        self._client = client
        self.started = 0.0
        self._session = interpreter.session
        self._interpreter = interpreter
        self._event = event
        self._show = show
        self._recorder = recorder
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._tables: dict[int, _LiveTable] = {}
        self._journeys: dict[int, list[Journey]] = {}
        self._state = State(Counts(), "flow off", None, False)
        self._view: tuple[object, ...] = ()
        self._usages: dict[str, str] = {}
        self._asking: set[asyncio.Task[None]] = set()

    @classmethod
    async def agreed(
        cls,
        client: ManagerClient,
        known: RemoteEngine,
        interpreter: Interpreter,
        *,
        event: Callable[[Event], None],
        show: Callable[[str], None],
        recorder: RemoteRecorder,
    ) -> StructuredEngine | None:
        """Agree with the other end, which is a yext, on the interface; None if it knows none.

        Args:
            known: what is known of the engine; the others are as of the class.

        Raises:
            ConnectError: the connection was lost.
        """
        reply = reply_of(await client.command(interface.COMMAND))
        if not reply.ok or str(interface.VERSION) not in reply.text.split():
            return None
        engine = cls(client, interpreter, event=event, show=show, recorder=recorder)
        engine.node, engine.version = known.node, known.version
        line = f"{interface.COMMAND} {interface.VERSION}"
        await client.upgrade(line, interface.AGREED, engine.receive)
        found = await engine._ask(Request.MISSED, since=0)
        engine.started = engine._checked(interface.number, found.get("started"))
        return engine

    # What is received

    def receive(self, line: str) -> None:
        """Take in a line of the other end."""
        if not line.strip():
            return
        try:
            self._take(interface.decode(line))
        except (InterfaceError, RecordError) as error:
            self._client.fail(f"it does not keep to the interface: {error}")

    def _take(self, found: dict[str, Any]) -> None:
        loop = asyncio.get_running_loop()
        if "id" in found:
            self._answered(interface.whole(found["id"]), found)
        elif "event" in found:
            # The reply before it is shown first.
            loop.call_soon(self._event, interface.to_event(found["event"]))
        elif "show" in found:
            loop.call_soon(self._show, self._colored(found["show"]))
        elif "journey" in found:
            self._recorder.keep(from_json(found["journey"]))
        elif "state" in found:
            self._state = interface.to_state(found["state"])
        elif "lost" in found:
            lost = interface.whole(found["lost"])
            loop.call_soon(self._show, f"... {lost:,} lines left out by the other end")

    def _answered(self, number: int, found: dict[str, Any]) -> None:
        if "frame" in found:
            if number in self._tables:
                self._tables[number].redraw(self._colored(found["frame"]))
        elif "journeys" in found and number in self._journeys:
            kept = self._journeys[number]
            kept += interface.items(found["journeys"], from_json)
            if len(kept) > self._recorder.max_messages:
                raise InterfaceError("more journeys than were asked for")
        elif number in self._waiting and not self._waiting[number].done():
            self._waiting[number].set_result(found)

    def _colored(self, text: object) -> str:
        """A text that is drawn, made safe; in colour if the view has it."""
        view = self._session.view
        return with_colors(interface.text(text), color=view is not None and view.color)

    # What is asked

    async def _ask(self, request: Request, **fields: object) -> dict[str, Any]:
        """Ask for something, and wait for the answer.

        Raises:
            ConnectError: the connection was lost.
            LineError: the other end refuses the request.
        """
        number = next(self._numbers)
        return await self._ask_as(number, request, **fields)

    async def _ask_as(self, number: int, request: Request, **fields: object) -> dict[str, Any]:
        line = interface.encode({"id": number, "do": request, **fields})
        if len(line) > interface.REQUEST_MAX:
            raise LineError(f"longer than {interface.REQUEST_MAX} characters")
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        lost = self._client.lost
        try:
            self._client.send(line)
            await _first(answer, lost)
            if not answer.done():
                raise ConnectError(lost.result())
            found = answer.result()
        except asyncio.CancelledError:
            self._tell(Request.CANCEL, of=number)
            raise
        finally:
            del self._waiting[number]
        if "error" in found:
            raise LineError(interface.text(found["error"]))
        return found

    def _tell(self, request: Request, **fields: object) -> None:
        """Ask for something that has no answer."""
        number = next(self._numbers)
        self._client.send(interface.encode({"id": number, "do": request, **fields}))

    def _checked(self, read: Callable[[object], Any], found: object) -> Any:
        """Read a part of an answer; a wrong one ends the connection."""
        try:
            return read(found)
        except (InterfaceError, RecordError) as error:
            self._client.fail(f"it does not keep to the interface: {error}")
            raise ConnectError(f"it does not keep to the interface: {error}") from error

    def _tell_view(self) -> None:
        """Say how wide the terminal is, and what it can show, if that has changed."""
        view = self._session.view
        if view is None:
            return
        live = self._session.live_view is not None
        now = (view.width, view.height, view.color, view.unicode, live)
        if now != self._view:
            self._view = now
            names = ("width", "height", "color", "unicode", "interactive")
            self._tell(Request.VIEW, **dict(zip(names, now, strict=True)))

    # Commands

    async def show_output(self) -> None:
        # The shell begins after it, and must not wait for an answer to do so.
        self._tell(Request.RUN, line="output on")

    def is_local(self, line: str) -> bool:
        word, _, rest = line.partition(" ")
        if word in LOCAL_COMMANDS or line.startswith("!"):
            return True
        if word != "flow":
            return False
        verb = rest.split()[0] if rest.split() else ""
        loaded = self._session.has_flow and self._session.flow.loaded is not None
        return verb in _HERE or (loaded and verb in _OF_FILE)

    async def prepare(self, line: str) -> None:
        """Fetch the record that ``flow save`` is to write here."""
        words = line.split()
        loaded = self._session.has_flow and self._session.flow.loaded is not None
        if words[:2] != ["flow", "save"] or loaded:
            return
        found = await self._fetch(all=False)
        self._recorder.clear()
        for journey in found:
            self._recorder.keep(journey)

    async def fetch(self) -> list[Journey]:
        """Return the record of the other end; see `FlowRecorder.fetch`."""
        return await self._fetch(all=True)

    async def _fetch(self, *, all: bool) -> list[Journey]:
        """Return the record of the other end.

        Args:
            all: whether messages are wanted too that the filter of the flow does not let through.

        Raises:
            ConnectError: the connection was lost, or the other end does not send it.
        """
        number = next(self._numbers)
        self._journeys[number] = []
        try:
            await self._ask_as(number, Request.RECORD, all=all)
            return self._journeys[number]
        except LineError as error:
            raise ConnectError(str(error)) from error
        finally:
            del self._journeys[number]

    async def run(self, line: str) -> Reply:
        if line.split()[:2] == ["flow", "on"] and self._session.has_flow:
            self._session.flow.loaded = None
        self._tell_view()
        number = next(self._numbers)
        table = self._tables[number] = _LiveTable()
        asked = asyncio.ensure_future(self._ask_as(number, Request.RUN, line=line))
        try:
            await _first(asked, table.begun)
            if not asked.done() and await self._ended_by_operator(table, asked):
                return Reply(True)
            found = await asked
        finally:
            asked.cancel()
            del self._tables[number]
        reply: Reply = self._checked(interface.to_reply, found.get("reply"))
        return reply

    async def _ended_by_operator(
        self, table: _LiveTable, asked: asyncio.Future[dict[str, Any]]
    ) -> bool:
        """Show a live table until its command or the operator ends it."""
        view = self._session.view
        if view is None:
            return False
        showing = asyncio.ensure_future(view.live(table.draw, _FRAME_SECONDS))
        try:
            await _first(asked, showing)
            return showing.done()
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)

    async def look_up(self, line: str) -> Reply | None:
        return await self.run(line)

    async def complete(self, line: str) -> list[Word]:
        inner = self._interpreter.innermost(line)
        own = words_of(self._interpreter.complete_own(*self._interpreter.split(line)))
        if self.is_local(inner) and " " in inner:
            return own
        found = await self._ask(Request.COMPLETE, line=line)
        words: list[Word] = self._checked(interface.to_words, found.get("words"))
        known = {word.text for word in words}
        local = [word for word in own if self.is_local(word.text) and word.text not in known]
        return [*words, *([] if " " in inner else local)]

    async def described(self) -> Mapping[str, str]:
        found = await self._ask(Request.DESCRIBE)
        described: dict[str, str] = self._checked(interface.mapping, found.get("described"))
        return described

    async def overview(self) -> Overview:
        found = await self._ask(Request.OVERVIEW)
        overview: Overview = self._checked(interface.to_overview, found.get("overview"))
        self.version = shortened(overview.version)
        return overview

    def usage(self, line: str) -> str:
        name, blank, _ = (self._interpreter.innermost(line) or line).lstrip().partition(" ")
        if not blank:
            return ""
        known = self._interpreter.usage(name) or self._usages.get(name, "")
        if not known and name not in self._usages and len(self._usages) < _USAGES_MAX:
            self._usages[name] = ""
            task = asyncio.get_running_loop().create_task(self._ask_usage(name))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        return known

    async def _ask_usage(self, name: str) -> None:
        with suppress(ConnectError, LineError):
            found = await self._ask(Request.USAGE, line=f"{name} ")
            self._usages[name] = self._checked(interface.name, found.get("usage"))

    # State

    def counts(self) -> Counts:
        return self._state.counts

    def flow(self) -> str:
        session = self._session
        if session.has_flow and session.flow.loaded is not None:
            return session.flow.state()
        return self._state.flow

    def follow(self, on: bool) -> None:
        """Have the journey of each message sent, or no longer."""
        self._tell(Request.FOLLOW, on=on)

    async def settle(self, seconds: float, strict: bool) -> bool:
        found = await self._ask(Request.SETTLE, seconds=seconds, strict=strict)
        failed: bool = self._checked(interface.truth, found.get("failed"))
        return failed

    async def resume(self, lost: float, before: RemoteEngine | None) -> str:
        if not isinstance(before, StructuredEngine):
            return ""
        found = await self._ask(Request.MISSED, since=lost)
        if before.started != interface.number(found.get("started")):
            missed = "the engine was started anew meanwhile"
        else:
            counts = {
                "message": interface.whole(found.get("messages")) - before.counts().messages,
                "notice": interface.whole(found.get("notices")),
                "line of the log": interface.whole(found.get("events")),
            }
            missed = "not seen meanwhile: " + ", ".join(
                f"{count:,} {name}{'' if count == 1 else 's'}" for name, count in counts.items()
            ).replace("line of the logs", "lines of the log")
        if before.filter is not None:
            await self.run(f"flow on {before.filter}")
        return missed

    @property
    def filter(self) -> str | None:
        """The filter of the flow that is on, None while it is off."""
        return self._state.filter

    def leave(self) -> None:
        self._tell(Request.RUN, line="quit")


async def _first(*waited: asyncio.Future[Any]) -> None:
    """Wait until one of them is done."""
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
