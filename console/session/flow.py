"""The live message flow of one session: which messages it follows, and how fast it shows them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from yext.console.replies.line import draw_line
from yext.console.replies.trace import Style, cut
from yext.console.session.authority import Authority
from yext.console.session.secrets import COMMAND_MESSAGES
from yext.log import safe
from yext.patterns.wildcards import Matcher, wildcard
from yext.record.filters import Filter, compile_filter
from yext.record.journey import Journey

if TYPE_CHECKING:
    from yext.console.session.secrets import Secrets
    from yext.console.session.view import View
    from yext.record.recorder import FlowRecorder

HOLD_SECONDS = 0.25
"""How long a nested message waits for its parent's line, to stand below it."""

_HELD_MAX = 1000

_NAMES_MAX = 1000
"""For how many names it is known that all messages are shown: peers may invent names."""

_NOISE = ("engine.timer", "engine.help", "engine.status")
"""Messages that tell how the engine is, or are sent while somebody types at a console."""

_ASKED = ("external info", "version")
"""Command lines that a console attached to a Yate gives by itself."""


_NODE_WIDTH = 8
"""Columns for the name of a node."""


class Viewer(Protocol):
    """The session that sees a flow: its label, its authority, and where lines are shown."""

    @property
    def label(self) -> str: ...
    @property
    def authority(self) -> Authority: ...
    @property
    def view(self) -> View | None: ...
    @property
    def secrets(self) -> Secrets: ...


class LimitedLines:
    """Shows at most so many lines a second, and then how many were left out.

    Args:
        viewer: where lines are shown.
        most: returns how many lines a second are shown.
        advice: what to do if lines are left out.

    Attributes:
        shown, left_out: how many lines were shown and left out since `restart`.
    """

    def __init__(
        self,
        viewer: Viewer,
        most: Callable[[], int],
        advice: str = "flow pause, or narrow it (flow filter unhandled)",
    ) -> None:
        self._advice = advice
        self.shown = self.left_out = 0
        self._before = 0
        self._viewer = viewer
        self._most = most
        self._second = 0.0
        self._in_second = 0
        self._unreported = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def left_out_in_all(self) -> int:
        """How many lines were left out, before `restart` too."""
        return self._before + self.left_out

    def restart(self) -> None:
        """Count from 0."""
        self._before = self.left_out_in_all
        self.shown = self.left_out = 0

    def leave_out(self) -> bool:
        """Leave a line out if no more are shown in this second; return whether that is so."""
        if self._timer is None or self._in_second < self._most():
            return False
        self.left_out += 1
        self._unreported += 1
        return True

    def show(self, draw: Callable[[], str]) -> None:
        """Show the line that `draw` returns, or leave it out."""
        view = self._viewer.view
        if view is None:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now >= self._second + 1:
            self.report()
            self._second, self._in_second = now, 0
        if self._in_second >= self._most():
            if self._timer is None:
                self._timer = loop.call_at(self._second + 1, self.report)
            self.leave_out()
            return
        self._in_second += 1
        self.shown += 1
        view.show(draw())

    def report(self) -> None:
        """Show how many lines were left out since the last report, if any."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        view = self._viewer.view
        if not self._unreported or view is None:
            return
        lines = "line" if self._unreported == 1 else "lines"
        more = "…" if view.unicode else "..."
        view.show(
            f"       {more} {self._unreported:,} {lines} left out"
            f" at {self._most()}/s: {self._advice}"
        )
        self._unreported = 0


class NodesFollowed(NamedTuple):
    """The nodes whose messages are shown.

    Attributes:
        own: the name of this node.
        pattern: their names, with wildcards.
        follow: follows the messages of other nodes; returns the function that ends that.
    """

    own: str
    pattern: str
    follow: Callable[[Callable[[str, Journey], None]], Callable[[], None]]


class Flow:
    """The message flow as one session sees it.

    A message is shown when it has ended. One that was sent while another was handled waits for
    the line of that one, to stand below it.

    Args:
        recorder: the record of the engine's messages.
        viewer: the session.

    Attributes:
        paused: whether no lines are shown for now; messages are recorded all the same.
        missed: how many messages ended while paused.
        loaded: the messages of a file that was loaded, None to see those of the engine.
        nodes: the nodes whose messages are shown, None for this one alone.
    """

    def __init__(self, recorder: FlowRecorder, viewer: Viewer) -> None:
        self._filter: Filter = compile_filter("")
        self.paused = False
        self.missed = 0
        self.loaded: list[Journey] | None = None
        self._viewer = viewer
        self._recorder = recorder
        self.nodes: NodesFollowed | None = None
        self._unfollow: Callable[[], None] | None = None
        self._unfollow_nodes: Callable[[], None] | None = None
        self._is_followed: Matcher = wildcard("*")
        self._held: dict[int, list[Journey]] = {}
        self._release_timer: asyncio.TimerHandle | None = None
        self._lines = LimitedLines(viewer, lambda: recorder.lines)
        self._all_shown: set[str] = set()

    @property
    def shown(self) -> int:
        """How many lines were shown since `on`."""
        return self._lines.shown

    @property
    def left_out(self) -> int:
        """How many lines were left out, at the limit of lines a second, since `on`."""
        return self._lines.left_out

    @property
    def left_out_in_all(self) -> int:
        """How many lines were left out in this session."""
        return self._lines.left_out_in_all

    @property
    def is_on(self) -> bool:
        """Whether messages are followed."""
        return self._unfollow is not None

    @property
    def filter(self) -> Filter:
        """The filter that chooses messages."""
        return self._filter

    @filter.setter
    def filter(self, wanted: Filter) -> None:
        self._filter = wanted
        self._all_shown.clear()
        if self.is_on:
            self._unfollow = self._recorder.follow(self._ended, self.may_want)

    def style(self) -> Style:
        """Return how lines are drawn in this session's view."""
        view = self._viewer.view
        return Style(view.width, view.unicode, view.color) if view is not None else Style()

    def visible(self, journey: Journey) -> Journey:
        """Return `journey` as this session may see it.

        Nobody sees the password of a console in a command line; secret parameters are hidden
        from observers.
        """
        secrets = self._viewer.secrets
        if self._viewer.authority is Authority.ADMIN:
            return secrets.visible(journey)
        return secrets.visible(journey, self._recorder.secret)

    def compile(self, expression: str) -> Filter:
        """Compile a filter, which may not test what is hidden from this session.

        Raises `FilterError`.
        """
        admin = self._viewer.authority is Authority.ADMIN
        return compile_filter(expression, None if admin else self._recorder.secret)

    def state(self) -> str:
        """Return the state in a few words: ``flow on call.*, 3 left out``."""
        if not self.is_on:
            return "flow off"
        nodes = f" node:{self.nodes.pattern}" if self.nodes is not None else ""
        text = f"flow {'paused' if self.paused else 'on'}{nodes} {self.filter.text}".rstrip()
        return f"{text}, {self.left_out:,} left out" if self.left_out else text

    def on(self, nodes: NodesFollowed | None = None) -> None:
        """Begin to follow messages, those of some nodes if that is not None."""
        self._end_nodes()
        if nodes is not None:
            self.nodes = nodes
            self._is_followed = wildcard(nodes.pattern)
            self._unfollow_nodes = nodes.follow(self._ended_elsewhere)
        self.loaded = None
        self._lines.restart()
        self.paused, self.missed = False, 0
        if self._unfollow is None:
            self._unfollow = self._recorder.follow(self._ended, self.may_want)

    def off(self) -> None:
        """End following, after the lines that wait."""
        if self._unfollow is not None:
            self._unfollow()
            self._unfollow = None
        self._end_nodes()
        self._release()
        self._lines.report()

    def _end_nodes(self) -> None:
        if self._unfollow_nodes is not None:
            self._unfollow_nodes()
        self.nodes = self._unfollow_nodes = None

    def pause(self) -> None:
        """Show no lines until `resume`."""
        self._release()
        self.paused = True

    def resume(self) -> int:
        """Show lines again; return how many messages ended meanwhile."""
        missed, self.missed, self.paused = self.missed, 0, False
        return missed

    def wanted(self, journeys: Iterable[Journey]) -> list[Journey]:
        """Return those of the journeys that the filter lets through."""
        return [journey for journey in journeys if self._wants(journey)]

    def recorded(self) -> list[Journey]:
        """Return all messages of the file that was loaded, or of the engine."""
        return self.recent(self._recorder.max_messages)

    def recent(self, count: int) -> list[Journey]:
        """Return the last `count` of them."""
        return self.loaded[-count:] if self.loaded is not None else self._recorder.last(count)

    def find(self, number: int) -> Journey | None:
        """Return the message with a number, None if there is none."""
        if self.loaded is not None:
            return next((found for found in self.loaded if found.number == number), None)
        return self._recorder.find(number) or self._recorder.open.get(number)

    def clear(self) -> None:
        """Forget all messages that were recorded or loaded."""
        self.loaded = None
        self._recorder.clear()

    # Following

    def passes(self, journey: Journey, chosen: Filter) -> bool:
        """Whether a message is shown with a filter, be it that of the session or another."""
        verdict = chosen.by_name(journey.name)
        if verdict is None:
            # By what is shown, or hidden values could be guessed: line~password=a, then =ab.
            verdict = chosen.matches(self.visible(journey))
        if not verdict:
            return False
        return not self._is_background(journey) or chosen.mentions(journey.name)

    def _wants(self, journey: Journey) -> bool:
        return self.passes(journey, self._filter)

    def may_want(self, name: str) -> bool:
        """Return whether messages of that name can pass the filter, and are not hidden."""
        verdict = self._filter.by_name(name)
        if verdict is True and name not in _NOISE and name not in COMMAND_MESSAGES:
            if len(self._all_shown) >= _NAMES_MAX:
                self._all_shown.clear()
            self._all_shown.add(name)
        if verdict is False:
            return False
        return name not in _NOISE or self._filter.mentions(name)

    def is_own(self, journey: Journey) -> bool:
        """Whether it carries a command of this session."""
        return journey.name in COMMAND_MESSAGES and journey.sender == self._viewer.label

    def _is_background(self, journey: Journey) -> bool:
        """Whether it is one of those that consoles and the engine send by themselves, or a command
        of this session."""
        if journey.name in _NOISE:
            return True
        if journey.name not in COMMAND_MESSAGES:
            return False
        return (
            self.is_own(journey)
            or "partial" in journey.params
            or journey.params.get("line") in _ASKED
        )

    def _ended_elsewhere(self, node: str, journey: Journey) -> None:
        """Show a message of another node; it has numbers of its own, and so no place below one."""
        if self._is_followed(node) and self._wants(journey):
            if self.paused:
                self.missed += 1
            else:
                self._lines.show(lambda: self._line(journey, node))

    def _ended(self, journey: Journey) -> None:
        if self.nodes is not None and not self._is_followed(self.nodes.own):
            return
        if (
            journey.name in self._all_shown
            and not (self.paused or self._held)
            and self._lines.leave_out()
        ):
            return  # It would have been one line more, whatever it went through.
        if not self._wants(journey):
            # Nested messages have waited for it all the same.
            self._show_nested(journey)
            return
        if self.paused:
            self.missed += 1
        elif journey.parent in self._recorder.open:
            self._hold(journey)
        else:
            self._show(journey)

    def _hold(self, journey: Journey) -> None:
        self._held.setdefault(journey.parent, []).append(journey)
        if sum(map(len, self._held.values())) > _HELD_MAX:
            self._release()
        elif self._release_timer is None:
            loop = asyncio.get_running_loop()
            self._release_timer = loop.call_later(HOLD_SECONDS, self._release)

    def _release(self) -> None:
        """Show the messages whose parents take long."""
        if self._release_timer is not None:
            self._release_timer.cancel()
            self._release_timer = None
        held = sorted((journey for group in self._held.values() for journey in group), key=_number)
        self._held.clear()
        for journey in held:
            self._show_one(journey)

    def _show(self, journey: Journey) -> None:
        self._show_one(journey)
        self._show_nested(journey)

    def _show_nested(self, journey: Journey) -> None:
        if not self._held:
            return
        for nested in sorted(self._held.pop(journey.number, ()), key=_number):
            self._show(nested)

    def _show_one(self, journey: Journey) -> None:
        own = self.nodes.own if self.nodes is not None else ""
        self._lines.show(lambda: self._line(journey, own))

    def _line(self, journey: Journey, node: str) -> str:
        """Draw a message, behind the name of its node unless that is empty."""
        style = self.style()
        if not node:
            return draw_line(self.visible(journey), style)
        lead = f"{cut(safe(node), _NODE_WIDTH, style.more):<{_NODE_WIDTH}} "
        narrower = replace(style, width=max(20, style.width - len(lead)) if style.width else 0)
        return lead + draw_line(self.visible(journey), narrower)


def _number(journey: Journey) -> int:
    return journey.number
