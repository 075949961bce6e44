"""The live message flow of one session: what is followed, how fast it is shown, what was
left out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from console.replies.trace import Style, draw_line
from console.session.authority import Authority
from console.session.secrets import COMMAND_MESSAGES
from yext.record.filters import Filter, compile_filter
from yext.record.journey import Journey

if TYPE_CHECKING:
    from console.session.secrets import Secrets
    from console.session.view import View
    from yext.record.recorder import FlowRecorder

HOLD_SECONDS = 0.25
"""How long a nested message waits for its parent's line, to stand below it."""

_HELD_MAX = 1000

_TIMER = "engine.timer"


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


class Flow:
    """The message flow as one session sees it.

    Attributes:
        paused: whether lines are held back; messages are recorded all the same.
        shown, left_out: lines that were shown, and those past the limit, since `on`.
        missed: messages that came while paused.
        loaded: the messages of a file that was loaded, None for those of this engine.
    """

    def __init__(self, recorder: FlowRecorder, viewer: Viewer) -> None:
        self._filter: Filter = compile_filter("")
        self.paused = False
        self.shown = self.left_out = self.missed = 0
        self.loaded: list[Journey] | None = None
        self._viewer = viewer
        self._recorder = recorder
        self._unfollow: Callable[[], None] | None = None
        self._held: dict[int, list[Journey]] = {}
        self._release_timer: asyncio.TimerHandle | None = None
        self._second = 0.0
        self._in_second = 0
        self._untold = 0
        self._tell_timer: asyncio.TimerHandle | None = None

    @property
    def is_on(self) -> bool:
        """Whether messages are followed."""
        return self._unfollow is not None

    @property
    def filter(self) -> Filter:
        """Which messages are meant."""
        return self._filter

    @filter.setter
    def filter(self, wanted: Filter) -> None:
        self._filter = wanted
        if self.is_on:
            self._unfollow = self._recorder.follow(self._ended, self._may_want)

    def style(self) -> Style:
        """How this session's lines are drawn."""
        view = self._viewer.view
        return Style(view.width, view.unicode, view.color) if view is not None else Style()

    def visible(self, journey: Journey) -> Journey:
        """`journey` as this session may see it.

        Nobody sees the password of a console in a command line; secret parameters are hidden
        from observers.
        """
        secrets = self._viewer.secrets
        if self._viewer.authority is Authority.ADMIN:
            return secrets.visible(journey)
        return secrets.visible(journey, self._recorder.secret)

    def compile(self, expression: str) -> Filter:
        """A filter of this session. Raises `FilterError`."""
        admin = self._viewer.authority is Authority.ADMIN
        return compile_filter(expression, None if admin else self._recorder.secret)

    def state(self) -> str:
        """For the bottom line: ``flow on call.*, 3 left out``."""
        if not self.is_on:
            return "flow off"
        text = f"flow {'paused' if self.paused else 'on'} {self.filter.text}".rstrip()
        return f"{text}, {self.left_out:,} left out" if self.left_out else text

    def on(self) -> None:
        """Begins to follow."""
        self.loaded = None
        self.shown = self.left_out = 0
        self.paused, self.missed = False, 0
        if self._unfollow is None:
            self._unfollow = self._recorder.follow(self._ended, self._may_want)

    def off(self) -> None:
        """Ends following; what was held or left out is told first."""
        if self._unfollow is not None:
            self._unfollow()
            self._unfollow = None
        self._release()
        self._tell_left_out()

    def pause(self) -> None:
        """Holds lines back."""
        self._release()
        self.paused = True

    def resume(self) -> int:
        """Shows lines again; returns how many messages came meanwhile."""
        missed, self.missed, self.paused = self.missed, 0, False
        return missed

    def wanted(self, journeys: Iterable[Journey]) -> list[Journey]:
        """Those of the journeys that the filter lets through."""
        return [one for one in journeys if self._wants(one)]

    def recorded(self) -> list[Journey]:
        """All messages there are to look at: of the file that was loaded, or this engine's."""
        return self.recent(self._recorder.max_messages)

    def recent(self, count: int) -> list[Journey]:
        """The last of them."""
        return self.loaded[-count:] if self.loaded is not None else self._recorder.last(count)

    def find(self, number: int) -> Journey | None:
        """The message of that number."""
        if self.loaded is not None:
            return next((one for one in self.loaded if one.number == number), None)
        return self._recorder.find(number) or self._recorder.open.get(number)

    def clear(self) -> None:
        """Forgets what was recorded or loaded."""
        self.loaded = None
        self._recorder.clear()

    # Following

    def _wants(self, journey: Journey) -> bool:
        if not self.filter.matches(journey):
            return False
        return not self._is_background(journey) or self.filter.mentions(journey.name)

    def _may_want(self, name: str) -> bool:
        """Whether messages of that name can get through at all."""
        if self._filter.by_name(name) is False:
            return False
        return name != _TIMER or self._filter.mentions(name)

    def _is_background(self, journey: Journey) -> bool:
        """The second's timer, what consoles ask while somebody types, this session's commands."""
        if journey.name in COMMAND_MESSAGES:
            return journey.sender == self._viewer.label or "partial" in journey.params
        return journey.name == _TIMER

    def _ended(self, journey: Journey) -> None:
        if not self._wants(journey):
            # What is nested in it waits for it all the same.
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
        """Shows what waits for a parent that takes its time."""
        if self._release_timer is not None:
            self._release_timer.cancel()
            self._release_timer = None
        held = sorted((one for group in self._held.values() for one in group), key=_number)
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
        view = self._viewer.view
        if view is None:
            return
        now = asyncio.get_running_loop().time()
        if now >= self._second + 1:
            self._tell_left_out()
            self._second, self._in_second = now, 0
        if self._in_second >= self._recorder.lines:
            self.left_out += 1
            self._untold += 1
            if self._tell_timer is None:
                self._tell_timer = asyncio.get_running_loop().call_at(
                    self._second + 1, self._tell_left_out
                )
            return
        self._in_second += 1
        self.shown += 1
        view.show(draw_line(self.visible(journey), self.style()))

    def _tell_left_out(self) -> None:
        if self._tell_timer is not None:
            self._tell_timer.cancel()
            self._tell_timer = None
        view = self._viewer.view
        if not self._untold or view is None:
            return
        lines = "line" if self._untold == 1 else "lines"
        more = "…" if view.unicode else "..."
        view.show(
            f"       {more} {self._untold:,} {lines} left out at {self._recorder.lines}/s:"
            " flow pause, or narrow it (flow filter unhandled)"
        )
        self._untold = 0


def _number(journey: Journey) -> int:
    return journey.number
