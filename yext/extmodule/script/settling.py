"""A start of a script, and the moment from which the script has done what it does at first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from yext.extmodule.script.states import LIVE, ScriptState

if TYPE_CHECKING:
    from yext.extmodule.peer.peer import Peer

PAUSE = 0.02
"""Seconds in which a script that has spoken does nothing more, once it has done what it does at
first."""

YOUNG_SECONDS = 10.0
"""Seconds after which a script that has installed no handler is no longer taken to be starting."""

Sleep = Callable[[float], Awaitable[object]]
"""Waits some seconds."""


class Starting(Protocol):
    """What a start needs from its script.

    Attributes:
        session: the label of the session that started it, empty for the configuration.
        state: the script's state.
    """

    session: str
    state: ScriptState

    @property
    def peer(self) -> Peer | None:
        """The peer that the script is, None while there is no process."""

    @property
    def label(self) -> str:
        """The script's name, and its parameter if there is one."""

    def unread(self) -> int:
        """Return how many bytes the script has been sent and has not read yet."""


class Start:
    """A start of a script by a command, or by the configuration.

    Attributes:
        label: the script's name, and its parameter if there is one.
        session: the label of the session that started it, empty for the configuration.
        reason: why it could not be started or ended badly, a line each; empty if it did not.
        over: True once the process has ended, or if it could not be started.
        ran: True if it could be started.
    """

    def __init__(self, script: Starting) -> None:
        self.label = script.label
        self.session = script.session
        self.reason: tuple[str, ...] = ()
        self.over = False
        self.ran = True
        self._script = script
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._waiters: list[asyncio.Future[None]] = []

    def end(self, reason: tuple[str, ...]) -> None:
        """Note the end of the process; `reason` is empty for one that is not bad."""
        if not self.over:
            self.over, self.reason = True, reason
            self.wake()

    def wake(self) -> None:
        """Wake those that wait for a change of the script."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def changed(self) -> asyncio.Future[None]:
        """Return a future that is done when the script speaks first, or changes its state."""
        waiter = self._loop.create_future()
        self._waiters = [one for one in self._waiters if not one.done()]
        self._waiters.append(waiter)
        return waiter

    @property
    def explain(self) -> str:
        """The command that explains why it failed."""
        return f"external why {self.label}"

    @property
    def promising(self) -> bool:
        """True if the script has installed nothing, and may yet."""
        script, peer = self._script, self._script.peer
        if peer is None:
            return script.state is ScriptState.BACKING_OFF
        subscribed = peer.subscriptions
        return script.state in LIVE and not (subscribed.relays or subscribed.watches)

    @property
    def starting(self) -> bool:
        """True if the script has installed nothing, and was started just now."""
        return self.promising and self._loop.time() < self._began + YOUNG_SECONDS

    async def settled(self, sleep: Sleep = asyncio.sleep) -> None:
        """Wait until the script has spoken and what it sent at first is worked off, or has ended.

        That is the case once it has read all that it was sent, its own messages have been
        answered, and it has asked for nothing new for a moment.

        Args:
            sleep: waits so many seconds, as the script knows them.
        """
        while not self.over and not self._has_spoken():
            await self.changed()
        before: object = None
        while not self.over and (before is None or before != self._asked_for()):
            before = self._asked_for()
            await sleep(PAUSE)
            if self._is_busy():
                before = None

    def _has_spoken(self) -> bool:
        peer = self._script.peer
        return peer is not None and peer.spoke

    def _is_busy(self) -> bool:
        peer = self._script.peer
        return peer is not None and bool(peer.own_in_flight or self._script.unread())

    def _asked_for(self) -> object:
        """What the script has asked the engine for until now."""
        peer = self._script.peer
        if peer is None:
            return None
        subscribed = peer.subscriptions
        return len(subscribed.relays), len(subscribed.watches), peer.received, peer.settings
