"""The flow record of a remote engine, received over a connection of its own in machine mode."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from yext import wire
from yext.console.client.bus import Measured
from yext.console.client.connection import MARK, ConnectError, LineFunction, ManagerClient
from yext.console.client.hosts import HostError
from yext.console.client.login import LoginError
from yext.console.replies.parse import reply_of
from yext.errors import ProtocolError
from yext.record.journey import UNKNOWN, Journey, Step, StepResult
from yext.record.recorder import FlowRecorder, Follower, NameTest, every_name

_MESSAGE = "%%<message:"

LogIn = Callable[[LineFunction, LineFunction], Awaitable[ManagerClient]]
"""Makes a connection that is logged in; the arguments are those of `ManagerClient`."""


class RemoteRecorder(FlowRecorder):
    """A record of a remote engine's messages, received while somebody follows it.

    Args:
        log_in: makes the connection.
        notice: shows the operator lines that say why no message can be received.

    Attributes:
        own: the address that the console's own commands come from, and its session's label.
    """

    def __init__(self, log_in: LogIn, notice: Callable[..., None]) -> None:
        super().__init__()
        self._log_in = log_in
        self._notice = notice
        self._client: ManagerClient | None = None
        self.own = ("", "")
        self._switch: Callable[[bool], None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)

    def follow(self, follower: Follower, wants: NameTest = every_name) -> Callable[[], None]:
        before = self.active
        unfollow = super().follow(follower, wants)
        # A source that is switched on may have to know which names are wanted now.
        if not before or self._switch is not None:
            self._connect()

        def stop() -> None:
            unfollow()
            if not self.active:
                self._disconnect()

        return stop

    def take_from(self, switch: Callable[[bool], None] | None) -> None:
        """Have the journeys sent over the connection of the session.

        Args:
            switch: turns that on or off; None has a connection of its own used.
        """
        self._switch = switch

    def resume(self) -> None:
        """Connect again, if somebody follows, now that the engine can be reached."""
        if self.active:
            self._connect()

    async def close(self) -> None:
        """End the connection, or the attempt to make one."""
        if self._client is not None:
            self._client.send("quit")
        tasks = list(self._tasks)
        self._disconnect()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _connect(self) -> None:
        if self._switch is not None:
            self._switch(True)
        elif self._client is None:
            task = asyncio.get_running_loop().create_task(self._begin())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _begin(self) -> None:
        try:
            client = self._client = await self._log_in(self._line_received, self._lost)
            reply = reply_of(await client.command("machine on"))
        except (ConnectError, LoginError, HostError) as error:
            self._notice(f"The flow cannot be followed: {error}")
        else:
            if not reply.ok:
                self._notice("The flow cannot be followed", reply.params["reason"])

    def _disconnect(self) -> None:
        if self._switch is not None:
            self._switch(False)
        for task in self._tasks:
            task.cancel()
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _lost(self, reason: str) -> None:
        self._client = None

    def _line_received(self, line: str) -> None:
        """Record the message of a line in machine mode; ignore any other line."""
        if not line.startswith(_MESSAGE):
            return
        _, _, fields = line.removeprefix(_MESSAGE).partition(":")
        with suppress(ProtocolError):
            answer = wire.decode_answer(fields)
            params: dict[str, str] = {}
            wire.apply_changes(params, answer.changes)
            if answer.name == "engine.help" and params.get("line", "").startswith(MARK):
                return
            self.keep(self._journey(answer, params))

    def measured(self, found: Measured) -> None:
        """Record a message that was seen on the bus, with its time if that was measured."""
        if not self.wants(found.answer.name):
            return
        after: dict[str, str] = {}
        wire.apply_changes(after, found.answer.changes)
        journey = self._journey(found.answer, after)
        if found.before is not None and found.took is not None:
            start = found.before
            journey = Journey(
                journey.number,
                found.when,
                journey.name,
                journey.sender,
                start,
                steps=journey.steps,
                handled=journey.handled,
                took=found.took,
                after=after,
                retvalue=journey.retvalue,
                ended=True,
                first_retvalue=found.retvalue,
            )
        self.keep(journey)

    def _journey(self, answer: wire.PeerAnswer, params: dict[str, str]) -> Journey:
        """The journey of a message as far as it is known: the end, and who was asked.

        A time is not known, and who handled it only if it is known that nobody did: a handler
        without a track name is not among those that were asked.
        """
        asked = params.pop("handlers", "")
        address = params.get("cmd_address", "")
        return Journey(
            next(self._numbers),
            time.time(),
            answer.name,
            self.own[1] if address and address == self.own[0] else address or "?",
            params,
            steps=_steps(asked, answer.handled),
            handled=answer.handled,
            took=UNKNOWN,
            after=params,
            retvalue=answer.retvalue or "",
            ended=True,
        )


def _steps(asked: str, handled: bool) -> list[Step]:
    """The handlers of a tracking parameter, ``NAME:PRIORITY,…``, in the order they were asked."""
    steps = []
    for part in asked.split(",") if asked else ():
        name, _, priority = part.rpartition(":")
        if priority.isascii() and priority.isdigit() and len(priority) < 10:
            steps.append(Step(name, int(priority), UNKNOWN, StepResult.PASSED))
    if handled and steps:
        steps[-1].result = StepResult.ASKED
    return steps
