"""The messages that one session holds in its hand (docs/flow.md, "intercept")."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from yext.console.replies.line import draw_line
from yext.console.replies.trace import Style, columns, cut, params_in_order, value_text
from yext.console.session.flow import LimitedLines, Viewer
from yext.console.session.secrets import COMMAND_MESSAGES
from yext.log import safe
from yext.record.holding import NEVER_HELD, Held, HoldingGate, Interception
from yext.record.terms import TermKind

if TYPE_CHECKING:
    from yext.bus import Bus
    from yext.console.session.flow import Flow
    from yext.dispatcher import Dispatch
    from yext.record.filters import Filter
    from yext.record.journey import Journey

_ENGINE: Final = "engine."
"""The beginning of the names of messages that are held only if a filter names them."""

_GAP: Final = 6
"""Blanks between what is held and what can be done, where both are on one line."""


class Holder(Viewer, Protocol):
    """The session that holds messages."""

    @property
    def engine(self) -> Bus: ...
    @property
    def flow(self) -> Flow: ...


class Intercept:
    """What a session holds, and shows of it.

    Args:
        session: the session.

    Attributes:
        filter: chooses the messages that are held, None for none.
        after: whether they are held before their replies leave.
        refused: how many were not held because there were enough.
    """

    def __init__(self, session: Holder) -> None:
        self.filter: Filter | None = None
        self.after = False
        self.refused = 0
        self._session = session
        self._names_engine = False
        recorder = session.engine.recorder
        self._lines = LimitedLines(session, lambda: recorder.lines, "intercept lists what is held")
        self._gate: HoldingGate | None = None
        self._interception: Interception | None = None
        self._unfollow: Callable[[], None] | None = None
        self._expected: set[int] = set()
        self._waiting: dict[int, Callable[[], None]] = {}

    def on(self, found: Filter, *, after: bool) -> None:
        """Hold the messages that a filter lets through; those held before go on."""
        self.off()
        engine = self._session.engine
        gate = engine.dispatcher.gate
        self._names_engine = any(
            term.kind is TermKind.NAME and term.text.startswith(_ENGINE) for term in found.terms
        )
        self.filter, self.after, self.refused = found, after, 0
        self._gate = gate if isinstance(gate, HoldingGate) else None
        self._gate = self._gate or HoldingGate(engine.dispatcher, engine.recorder)
        self._interception = Interception(
            self._session.label, self._wants, after=after, held=self._held,
            overdue=self._overdue, refused=self._refused,
        )  # fmt: skip
        self._unfollow = engine.recorder.follow(self._ended, self._may_want)
        self._gate.add(self._interception)

    def off(self) -> None:
        """Hold nothing more; what is held goes on."""
        gate, interception, unfollow = self._gate, self._interception, self._unfollow
        self.filter = self._gate = self._interception = self._unfollow = None
        if gate is not None and interception is not None:
            gate.remove(interception)
        if unfollow is not None:
            unfollow()

    def mine(self) -> list[Held]:
        """Return what is held for this session, the oldest first."""
        held = self._gate.held if self._gate is not None else []
        return [one for one in held if one.interception is self._interception]

    def when_held(self, dispatch: Dispatch, call: Callable[[], None]) -> None:
        """Call `call` if a message of the session's own, which it waits for, is held."""
        self._waiting = {id(dispatch): call}

    def state(self) -> str:
        """Return what is held with the time it has left, for the bottom line; empty for nothing."""
        held = self.mine()
        if not held:
            return ""
        first = min(held, key=lambda one: one.until)
        more = f", {len(held) - 1} more" if held[1:] else ""
        return f"held #{first.journey.number} {first.left:.0f} s{more}"

    # What is held

    def _may_want(self, name: str) -> bool:
        if self.filter is None or self.filter.by_name(name) is False or name in NEVER_HELD:
            return False
        # A wildcard for all messages does not mean the timer, or the commands of consoles.
        return not name.startswith(_ENGINE) or (self._names_engine and self.filter.mentions(name))

    def _wants(self, journey: Journey) -> bool:
        if self.filter is None or not self._may_want(journey.name):
            return False
        mine = journey.sender == self._session.label and journey.name in COMMAND_MESSAGES
        return not mine and self.filter.matches(journey)

    def _held(self, held: Held) -> None:
        self._expected.add(held.journey.number)
        self._show(self.describe(held))
        call = self._waiting.pop(id(held.dispatch), None)
        if call is not None:
            call()

    def _overdue(self, held: Held) -> None:
        journey = held.journey
        self._show(f"#{journey.number} {safe(journey.name)}  goes on, as its time is over")

    def _refused(self, journey: Journey) -> None:
        self.refused += 1
        if self.refused == 1:
            most = self._session.engine.recorder.held_most
            self._show(
                f"#{journey.number} {safe(journey.name)}  goes on, as {most} are held;"
                " further ones do so too"
            )

    def _ended(self, journey: Journey) -> None:
        if self.take(journey.number) and not self.is_shown(journey):
            self._show(self.outcome(journey))

    def take(self, number: int) -> bool:
        """Show no more what comes of a message; return whether that was to be shown."""
        expected = number in self._expected
        self._expected.discard(number)
        return expected

    def expect(self, number: int) -> None:
        """Show what comes of a message, once it has ended."""
        self._expected.add(number)

    def is_shown(self, journey: Journey) -> bool:
        """Whether the flow of the session shows a message anyway."""
        flow = self._session.flow
        return flow.is_on and not flow.paused and bool(flow.wanted([journey]))

    def outcome(self, journey: Journey) -> str:
        """Return a line about the end of a message."""
        flow = self._session.flow
        return draw_line(flow.visible(journey), flow.style(), dated=False)

    def _show(self, text: str) -> None:
        # A script whose own messages time out at once could flood the view.
        self._lines.show(lambda: text)

    def describe(self, held: Held) -> str:
        """Return a line, or two, about a message that is held and what can be done with it."""
        style = self._session.flow.style()
        journey = self._session.flow.visible(held.journey)
        number = journey.number
        what = "reply held" if held.interception.after else "held"
        keys = params_in_order(journey.name, journey.after)
        params = " ".join(f"{safe(key)}={value_text(journey.after[key])}" for key in keys)
        text = f"#{number} {safe(journey.name)}  {what}, {held.left:.1f} s left   "
        if journey.retvalue:
            text += f"{style.arrow} {safe(journey.retvalue)}   "
        text += params
        commands = f"answer {number} true | resume {number} | drop {number}"
        return _joined(text.rstrip(), commands, style)


def _joined(text: str, commands: str, style: Style) -> str:
    if not style.width or columns(text) + _GAP + columns(commands) <= style.width:
        return f"{text}{' ' * _GAP}{commands}"
    return f"{cut(text, style.width, style.more)}\n    {cut(commands, style.width - 4, style.more)}"
