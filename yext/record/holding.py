"""Messages that operators hold: before their handlers, or before their replies leave.

An operator sees a message while nobody has handled it yet, and lets it go on, changes it, or
answers it. Nothing else is held, and nothing is tested where no operator holds anything: the
dispatcher has no gate then, and asks it of recorded messages alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from yext.commander import together
from yext.dispatcher import Dispatch, Handler
from yext.record.recording import Recording

if TYPE_CHECKING:
    from yext.commander import Commander
    from yext.dispatcher import Dispatcher
    from yext.record.recorder import FlowRecorder

_MARGIN: Final = 0.1
"""Seconds before the sender's own deadline at which a message goes on."""

NEVER_HELD: Final = ("engine.stop", "engine.halt")
"""Messages that the end of the engine waits for."""


class Held:
    """A message that is held.

    Args:
        gate: the gate that holds it.
        interception: what it is held for.
        dispatch: its dispatch.
        journey: its record.
        seconds: how long it is held at most.

    Attributes:
        interception, dispatch, journey: as given.
        until: when it goes on by itself, a time of the loop's clock.
    """

    def __init__(
        self,
        gate: HoldingGate,
        interception: Interception,
        dispatch: Dispatch,
        journey: Recording,
        seconds: float,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.interception = interception
        self.dispatch = dispatch
        self.journey = journey
        self.until = loop.time() + seconds
        self._gate = gate
        self._handler = Handler(dispatch.message.name, 0, interception.owner)
        self._timer = loop.call_at(self.until, self._overdue)
        journey.enter(self._handler, dispatch.message)

    @property
    def left(self) -> float:
        """The seconds that it may still be held."""
        return max(0.0, self.until - asyncio.get_running_loop().time())

    def resume(self, params: Mapping[str, str], changer: Commander | None = None) -> None:
        """Let it go on, with parameters changed or added by `changer`."""
        self._release(params)
        if params:
            self._changed(changer)
        self._leave(False)
        self._go_on()

    def answer(
        self,
        handled: bool,
        retvalue: str | None,
        params: Mapping[str, str],
        changer: Commander | None = None,
    ) -> None:
        """Answer it in place of a handler; one that is not handled goes on to its handlers.

        Args:
            handled: whether it is handled.
            retvalue: its return value, None to keep that.
            params: parameters that are changed or added.
            changer: who answers.
        """
        self._release(params)
        self._changed(changer)
        dispatch = self.dispatch
        if retvalue is not None:
            dispatch.message.retvalue = retvalue
        if self.interception.after:
            dispatch.handled = handled
            self._leave(handled)
            self._go_on()
        else:
            dispatch.see_handlers()
            dispatch.handler = self._handler
            dispatch.answered(handled)

    def drop(self) -> None:
        """End it: no handler gets it any more, and its sender is told that nobody handled it."""
        self._release({})
        self.dispatch.handled = False
        self.dispatch.message.retvalue = ""
        self._leave(False)
        self.dispatch.dispatcher.finish(self.dispatch)

    def _overdue(self) -> None:
        self.resume({})
        self.interception.overdue(self)

    def _release(self, params: Mapping[str, str]) -> None:
        self._timer.cancel()
        self._gate.release(self)
        if params:
            self.dispatch.message.params.update(params)

    def _changed(self, changer: Commander | None) -> None:
        # What comes of a changed message must be allowed to whoever has changed it, too.
        message = self.dispatch.message
        message.commander = together(message.commander, changer)

    def _leave(self, handled: bool) -> None:
        self.journey.leave(self._handler, self.dispatch.message, handled, None)

    def _go_on(self) -> None:
        if self.interception.after:
            self.dispatch.dispatcher.finish(self.dispatch)
        else:
            self.dispatch.advance()


class Interception:
    """What one operator holds.

    Args:
        owner: the operator's name in the message flow.
        wants: decides whether a message is held.
        after: whether it is held before its reply leaves, not before its handlers.
        held: called with each message that is held.
        overdue: called with one that has gone on because its time was over.
        refused: called with one that is not held because there are enough.
    """

    def __init__(
        self,
        owner: str,
        wants: Callable[[Recording], bool],
        *,
        after: bool,
        held: Callable[[Held], None],
        overdue: Callable[[Held], None],
        refused: Callable[[Recording], None],
    ) -> None:
        self.owner = owner
        self.wants = wants
        self.after = after
        self.held = held
        self.overdue = overdue
        self.refused = refused


class HoldingGate:
    """The gate of a dispatcher: holds what operators want to hold. See `yext.dispatcher.Gate`.

    Args:
        dispatcher: the dispatcher, which has this gate while there are interceptions.
        recorder: knows the bounds.
    """

    def __init__(self, dispatcher: Dispatcher, recorder: FlowRecorder) -> None:
        self._dispatcher = dispatcher
        self._recorder = recorder
        self._interceptions: list[Interception] = []
        self._held: dict[int, Held] = {}
        self._replying: set[int] = set()

    @property
    def held(self) -> list[Held]:
        """The messages that are held, the oldest first."""
        return list(self._held.values())

    def find(self, number: int) -> Held | None:
        """Return the held message of that number, None if it is not held."""
        return self._held.get(number)

    def add(self, interception: Interception) -> None:
        """Hold messages for `interception` from now on."""
        self._interceptions.append(interception)
        self._dispatcher.gate = self

    def remove(self, interception: Interception) -> None:
        """Hold nothing more for `interception`; what is held for it goes on."""
        self._interceptions.remove(interception)
        for one in self.held:
            if one.interception is interception:
                one.resume({})
        if not self._interceptions:
            self._dispatcher.gate = None

    def release(self, held: Held) -> None:
        """Forget a message that goes on."""
        del self._held[held.journey.number]
        if held.interception.after:
            self._replying.add(held.journey.number)

    def holds(self, dispatch: Dispatch) -> bool:
        """Hold a message before its handlers, if an operator wants that; return whether it is."""
        return self._hold(dispatch, after=False)

    def holds_reply(self, dispatch: Dispatch) -> bool:
        """Hold a message before its reply leaves, if an operator wants that."""
        journey = dispatch.journey
        if journey is not None and journey.number in self._replying:
            self._replying.discard(journey.number)
            return False
        return self._hold(dispatch, after=True)

    def _hold(self, dispatch: Dispatch, *, after: bool) -> bool:
        journey = dispatch.journey
        # A part of a dispatch of another node is held there.
        if type(dispatch) is not Dispatch or not isinstance(journey, Recording):
            return False
        interceptions = [one for one in self._interceptions if one.after is after]
        if after and interceptions:
            journey.note_end(dispatch)
        for one in interceptions:
            if one.wants(journey):
                if len(self._held) >= self._recorder.held_most:
                    one.refused(journey)
                    return False
                held = Held(self, one, dispatch, journey, self._patience(dispatch))
                self._held[journey.number] = held
                one.held(held)
                return True
        return False

    def _patience(self, dispatch: Dispatch) -> float:
        """How long the sender waits, in seconds, as far as that is known.

        One that is handling another message itself must answer that in time.
        """
        sender = dispatch.sender
        outer = sender.handling(dispatch) if sender is not None else ()
        deadline = min((one.deadline for one in outer), default=float("inf"))
        known = deadline - asyncio.get_running_loop().time() - _MARGIN
        return max(0.0, min(known, self._recorder.held_seconds))
