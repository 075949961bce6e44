"""Log how long messages took: ``dispatcher trace_msg_time`` and ``trace_msg_handler_time``.

The switches and their texts are Yate's. They read the journeys of the recorder, so that they cost
nothing while they are off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from yext.log import INFO, Log
from yext.record.recorder import FlowRecorder
from yext.wire import BOOLEANS

if TYPE_CHECKING:
    from yext.record.journey import Journey

SWITCHES = {
    "trace_msg_time": "Message trace time",
    "trace_msg_handler_time": "Message trace handler time",
}
"""The switches, and their names in Yate's replies."""


class TraceTimes:
    """The two switches of one engine."""

    def __init__(self, recorder: FlowRecorder, log: Log) -> None:
        self._recorder = recorder
        self._log = log
        self._on: set[str] = set()
        self._unfollow: Callable[[], None] | None = None

    def command(self, words: Sequence[str]) -> str | None:
        """Execute ``SWITCH [on|off]``; return the reply, None for other words."""
        title = SWITCHES.get(words[0]) if words else None
        if title is None:
            return None
        on = BOOLEANS.get(words[1]) if len(words) > 1 else None
        if on is not None:
            self._turn(words[0], on)
        return f"{title} is {'on' if words[0] in self._on else 'off'}"

    def _turn(self, switch: str, on: bool) -> None:
        (self._on.add if on else self._on.discard)(switch)
        if self._on and self._unfollow is None:
            self._unfollow = self._recorder.follow(self._log_times)
        elif not self._on and self._unfollow is not None:
            self._unfollow()
            self._unfollow = None

    def _log_times(self, journey: Journey) -> None:
        from yext.record.journey import StepResult

        if "trace_msg_handler_time" in self._on:
            for step in journey.steps:
                if step.result is not StepResult.NOT_ASKED:
                    text = f"'{journey.name}' took {step.took * 1e6:.0f} usec in {step.owner}"
                    self._log.debug(INFO, "dispatcher", f"{text}, priority {step.priority}")
        if "trace_msg_time" in self._on:
            text = f"'{journey.name}' took {journey.took * 1e6:.0f} usec, {journey.outcome}"
            self._log.debug(INFO, "dispatcher", text)
