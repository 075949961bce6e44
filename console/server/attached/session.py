"""One attached console: its requests, their answers, and what it is shown meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from yext import Reply, log
from yext.console import interface
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.interface import InterfaceError, Request, State
from yext.console.link import GuardedLink
from yext.console.server.attached.view import AttachedView
from yext.console.session.starts import Starts
from yext.log import Event, EventKind

if TYPE_CHECKING:
    from yext.console.server.writer import Writer
    from yext.console.session.session import Session
    from yext.record.journey import Journey

STATE_SECONDS = 0.5
"""How often it is looked whether the state has changed."""

WAITING_MAX = 1000
"""Requests that may be under way; a console with more is cut off."""

SETTLE_MAX = 3600.0
"""The longest wait for a program that was started, in seconds."""

_JOURNEYS_AT_ONCE = 100
"""Journeys of the record in one line."""

Answer = Mapping[str, object]


class AttachedSession:
    """The session of one attached console.

    Args:
        session: the operator's session; has authenticated, and gets its view here.
        writer: the output side of the connection.
        longest: characters that a request may have.
        ended: called when the session is over.
    """

    def __init__(
        self, session: Session, writer: Writer, *, longest: int, ended: Callable[[], None]
    ) -> None:
        session.machine = session.echo = False
        self._session = session
        self._writer = writer
        self._longest = longest
        self._ended = ended
        self._link = GuardedLink(Interpreter(session, TABLE))
        self._view = AttachedView(self._push, self._frame)
        session.view = self._view
        self._starts: Starts | None = None
        self._text = ""
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._running = 0
        self._turn = asyncio.Lock()
        self._told: State | None = None
        self._unfollow: Callable[[], None] | None = None
        self._unsubscribe = self._link.subscribe(self._event)
        self._watching = asyncio.get_running_loop().create_task(self._watch_state())
        writer.write(f"{interface.AGREED}\r\n")

    # Requests

    def feed(self, text: str) -> None:
        """Take in what the console has sent."""
        *lines, self._text = (self._text + text).split("\n")
        try:
            for line in lines:
                if line.strip():
                    self._begin(interface.decode(line))
            if len(self._text) > self._longest:
                raise InterfaceError(f"a request of more than {self._longest} characters")
        except InterfaceError as error:
            log.logger.warning("%s: %s, closed", self._session.label, error)
            self._ended()

    def _begin(self, request: dict[str, Any]) -> None:
        number = interface.whole(request.get("id"))
        if number in self._tasks or len(self._tasks) >= WAITING_MAX:
            raise InterfaceError("too many requests at once, or two with the same id")
        try:
            kind = Request(interface.name(request.get("do")))
        except ValueError:
            self._answer(number, {"error": "unknown request"})
            return
        if kind is Request.CANCEL:
            task = self._tasks.get(interface.whole(request.get("of")))
            if task is not None:
                task.cancel()
        elif kind is Request.VIEW:
            self._view.configure(request)
        elif kind is Request.FOLLOW:
            self._follow(interface.truth(request.get("on")))
        else:
            work = self._work(number, _ANSWERS[kind], request)
            self._tasks[number] = asyncio.get_running_loop().create_task(work)

    async def _work(
        self,
        number: int,
        answer: Callable[[AttachedSession, int, dict[str, Any]], Awaitable[Answer]],
        request: dict[str, Any],
    ) -> None:
        try:
            found = await answer(self, number, request)
        except InterfaceError as error:
            found = {"error": str(error)}
        except asyncio.CancelledError:
            found = {"error": "cancelled"}
        finally:
            self._tasks.pop(number, None)
        self._answer(number, found)
        if self._link.closing:
            self._tell_state()
            self._ended()

    async def _run(self, number: int, request: dict[str, Any]) -> Answer:
        line = interface.text(request.get("line"), self._longest)
        async with self._turn:
            await self._writer.drained.wait()
            self._running = number
            reply: Reply = await self._link.run(line)
            self._tell_state()
            return {"reply": interface.from_reply(reply)}

    async def _complete(self, number: int, request: dict[str, Any]) -> Answer:
        line = interface.text(request.get("line"), self._longest)
        return {"words": interface.from_words(await self._link.complete(line))}

    async def _describe(self, number: int, request: dict[str, Any]) -> Answer:
        return {"described": dict(await self._link.described())}

    async def _overview(self, number: int, request: dict[str, Any]) -> Answer:
        self._tell_state()
        return {"overview": interface.from_overview(await self._link.overview())}

    async def _usage(self, number: int, request: dict[str, Any]) -> Answer:
        line = interface.text(request.get("line"), self._longest)
        return {"usage": await self._link.find_usage(line)}

    async def _record(self, number: int, request: dict[str, Any]) -> Answer:
        """Send the journeys that the session's filter lets through, or all, in several lines."""
        from yext.record.journey import to_json

        flow = self._session.flow
        if not self._link.interpreter.may("flow"):
            return {"error": "not authenticated for this"}
        recorded = flow.recorded()
        all_wanted = "all" in request and interface.truth(request["all"])
        journeys = (
            [one for one in recorded if not flow.is_own(one)]
            if all_wanted
            else flow.wanted(recorded)
        )
        for start in range(0, len(journeys), _JOURNEYS_AT_ONCE):
            await self._writer.drained.wait()
            part = map(flow.visible, journeys[start : start + _JOURNEYS_AT_ONCE])
            self._write({"id": number, "journeys": [to_json(one) for one in part]})
            await asyncio.sleep(0)
        return {"done": len(journeys)}

    async def _settle(self, number: int, request: dict[str, Any]) -> Answer:
        """Wait for the programs that the session has started, as a batch does."""
        if self._starts is None:
            seconds = min(interface.number(request.get("seconds")), SETTLE_MAX)
            strict = interface.truth(request.get("strict"))
            self._starts = Starts(self._session, seconds, strict=strict)
        await self._starts.settle()
        return {"failed": self._starts.failed}

    async def _missed(self, number: int, request: dict[str, Any]) -> Answer:
        """Count what was logged since a time, as far back as the log is kept."""
        since = interface.number(request.get("since"))
        engine = self._session.engine
        missed = [event for event in engine.log.captured if event.when > since]
        notices = sum(event.kind is EventKind.NOTICE for event in missed)
        return {
            "messages": engine.dispatcher.dispatched,
            "started": engine.started_at,
            "events": len(missed) - notices,
            "notices": notices,
        }

    # What is sent

    def _answer(self, number: int, found: Answer) -> None:
        self._write({"id": number, **found})

    def _write(self, found: Answer) -> None:
        self._writer.write(f"{interface.encode(found)}\r\n")

    def _push(self, found: Answer) -> None:
        self._writer.write_unrequested(f"{interface.encode(found)}\r\n")

    def _frame(self, text: str) -> None:
        if self._writer.drained.is_set():
            self._write({"id": self._running, "frame": text})

    def _event(self, event: Event) -> None:
        if event.kind is EventKind.NOTICE:
            wanted = event.is_for(self._session.label)
        else:
            wanted = self._link.wants(event)
        if wanted:
            self._push({"event": interface.from_event(event)})

    def _follow(self, on: bool) -> None:
        if self._unfollow is not None:
            self._unfollow()
            self._unfollow = None
        if on and self._link.interpreter.may("flow"):
            self._unfollow = self._link.follow(self._journey)

    def _journey(self, journey: Journey) -> None:
        from yext.record.journey import to_json

        flow = self._session.flow
        if flow.is_own(journey):
            return
        if self._writer.drained.is_set():
            self._push({"journey": to_json(flow.visible(journey))})
        else:
            self._writer.lost += 1

    def _tell_state(self) -> None:
        session = self._session
        is_on = session.has_flow and session.flow.is_on
        state = State(
            self._link.counts(),
            self._link.flow(),
            session.flow.filter.text if is_on else None,
            self._link.closing,
        )
        if state != self._told:
            self._told = state
            self._push({"state": interface.from_state(state)})

    async def _watch_state(self) -> None:
        while True:
            self._tell_state()
            await asyncio.sleep(STATE_SECONDS)

    # The end

    def leave(self) -> None:
        """End everything that runs for the console."""
        self._unsubscribe()
        self._follow(False)
        for task in [self._watching, *self._tasks.values()]:
            task.cancel()

    async def wait(self) -> None:
        """Wait until nothing runs any more of a session that was left."""
        await asyncio.gather(self._watching, *self._tasks.values(), return_exceptions=True)


_ANSWERS: Mapping[Request, Callable[[AttachedSession, int, dict[str, Any]], Awaitable[Answer]]] = {
    Request.RUN: AttachedSession._run,
    Request.COMPLETE: AttachedSession._complete,
    Request.DESCRIBE: AttachedSession._describe,
    Request.OVERVIEW: AttachedSession._overview,
    Request.USAGE: AttachedSession._usage,
    Request.RECORD: AttachedSession._record,
    Request.MISSED: AttachedSession._missed,
    Request.SETTLE: AttachedSession._settle,
}
