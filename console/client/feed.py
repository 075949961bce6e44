"""The message flow of a remote engine, over a connection of its own in machine mode."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from console.client.connection import MARK, Lost, Wire
from console.client.hosts import HostMistake
from console.client.login import NotAllowed, why
from console.replies.parse import reply_of
from yext import wire
from yext.errors import ProtocolError
from yext.record.journey import Journey
from yext.record.recorder import FlowRecorder, Follower, NameTest, every_name

Enter = Callable[[Callable[[str], None], Callable[[str], None]], Awaitable[Wire]]
"""Makes a connection: gets who is told each line, and who is told that it was lost."""


class Feed(FlowRecorder):
    """The record of a remote engine's messages, fed by a connection in machine mode while
    somebody follows it.

    Args:
        enter: makes the connection.
        notice: tells the operator why nothing can be followed.
    """

    def __init__(self, enter: Enter, notice: Callable[..., None]) -> None:
        super().__init__()
        self._enter = enter
        self._notice = notice
        self._wire: Wire | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._seen = itertools.count(1)

    def follow(self, follower: Follower, wants: NameTest = every_name) -> Callable[[], None]:
        before = self.active
        unfollow = super().follow(follower, wants)
        if not before:
            self._connect()

        def ended() -> None:
            unfollow()
            if not self.active:
                self._disconnect()

        return ended

    def resume(self) -> None:
        """The engine can be reached again: goes on where somebody follows."""
        if self.active:
            self._connect()

    async def close(self) -> None:
        """Ends the connection, and the making of one."""
        if self._wire is not None:
            self._wire.send_last("quit")
        tasks = list(self._tasks)
        self._disconnect()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _connect(self) -> None:
        if self._wire is None:
            task = asyncio.get_running_loop().create_task(self._begin())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _begin(self) -> None:
        try:
            made = self._wire = await self._enter(self._line, self._lost)
            reply = reply_of(await made.command("machine on"))
        except (OSError, Lost, TimeoutError, NotAllowed, HostMistake) as error:
            self._notice(f"The flow cannot be followed: {why(error)}")
        else:
            if not reply.ok:
                self._notice("The flow cannot be followed", reply.params["reason"])

    def _disconnect(self) -> None:
        for task in self._tasks:
            task.cancel()
        made, self._wire = self._wire, None
        if made is not None:
            made.close()

    def _lost(self, reason: str) -> None:
        self._wire = None

    def _line(self, text: str) -> None:
        """Takes in a line of machine mode: a message, or something else that is left alone."""
        if not text.startswith("%%<message:"):
            return
        _, _, fields = text.removeprefix("%%<message:").partition(":")
        with suppress(ProtocolError):
            answer = wire.decode_answer(fields)
            params: dict[str, str] = {}
            wire.apply_params(params, answer.changes)
            if answer.name == "engine.help" and params.get("line", "").startswith(MARK):
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
