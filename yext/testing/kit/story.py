"""The text of a failure: expected, came, the journey, standard error, how to go on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from yext.command import EOL, Reply
from yext.extmodule.script.script import Script
from yext.log import safe
from yext.record.journey import Journey, Outcome
from yext.testing.kit.again import SetUp
from yext.testing.kit.idle import describe
from yext.testing.kit.running import EarlyEndError, RunningEngine, is_in_a_loop, story_of

__tracebackhide__ = True  # pytest shows no frame of this file.

_JOURNEY_MAX: Final = 8
_ERRORS_MAX: Final = 7
_REASON_MAX: Final = 8
"""Lines of a journey, of standard error, and about what came, that are shown."""

_LEFT_OUT: Final = ("  reply ", "  with", "  watched by ")
"""How lines of a journey begin that say what the rest of the text says too."""

_FRAME: Final = re.compile(r"\s+at |Node\.js v|\s*\^*\s*$")
"""A line of a report of node that is left out after the first of its kind."""

_WIDE: Final = 160
"""Characters of a line that are shown."""

_MARGIN: Final = 10
"""Columns before the text."""


class Storyteller:
    """Makes the failures of one engine's test.

    Args:
        run: the engine.
        set_up: writes the set-up, for the command that goes on.

    Attributes:
        told: the last failure.
        sent: the numbers of the messages that the test has sent.
        complete: errors of stubs, which say all that there is to say.
    """

    def __init__(self, run: RunningEngine, set_up: SetUp) -> None:
        self._run = run
        self._set_up = set_up
        self.told: BaseException | None = None
        self.sent: set[int] = set()
        self.complete: list[BaseException] = []

    def failure(
        self,
        expected: str,
        came: str | Sequence[str],
        journey: Journey | None = None,
        scripts: Iterable[Script] = (),
    ) -> AssertionError:
        """Make the failure of a test.

        Args:
            expected: what was expected.
            came: what came instead, in lines.
            journey: the message that it is about.
            scripts: scripts that it is about, beside those of the journey.
        """
        reason = came.splitlines() if isinstance(came, str) else [*came]
        reason += [*self._crashes(journey), *self._doing(journey)]
        lines = _part("expected", [expected], cut=False)
        lines += _part("came", reason, _REASON_MAX, cut=False)
        lines += self.background(journey, scripts)
        self.told = AssertionError("\n".join(lines))
        return self.told

    def background(
        self, journey: Journey | None = None, scripts: Iterable[Script] = ()
    ) -> list[str]:
        """Return the journey, what the scripts wrote on standard error, and how to go on."""
        took_part = {*scripts, *self._of(journey)}
        lines = _part("journey", self._journey(journey), _JOURNEY_MAX)
        lines += _part("stderr", self._errors(took_part), -_ERRORS_MAX)
        # A message of a script or a channel is about what does not exist in another run.
        own = journey if journey is not None and journey.number in self.sent else None
        return lines + _part("go on", self._set_up.go_on(own), cut=False)

    def _crashes(self, journey: Journey | None) -> list[str]:
        """Return why scripts have ended that had the message in hand."""
        if journey is None or journey.outcome is not Outcome.GONE or is_in_a_loop():
            return []
        self._run.run(self._run.quiet())  # The end of a process comes after that of its output.
        lines = []
        for script in set(self._run.crashed()) & set(self._of(journey)):
            self._run.seen(script)
            lines += crash(script)
        return lines

    def _doing(self, journey: Journey | None) -> list[str]:
        """Return what the script does now that has not answered the message in time."""
        if journey is None or journey.outcome is not Outcome.TIMED_OUT:
            return []
        late = [one for one in self._of(journey) if journey.by in (one.name, one.label)]
        return [f"{one.label}: {describe(one.pid)}" for one in late if one.pid is not None]

    def _journey(self, journey: Journey | None) -> list[str]:
        if journey is None:
            return []
        try:
            # An async test makes assertions about an answer that it has awaited.
            with ThreadPoolExecutor(1) as thread:
                show = partial(self._show, journey.number)
                reply = thread.submit(show).result() if is_in_a_loop() else show()
        except EarlyEndError:
            return []
        lines = [line for line in reply.text.split(EOL) if line.strip()] if reply.ok else []
        return [line for line in lines if not line.startswith(_LEFT_OUT)]

    def _show(self, number: int) -> Reply:
        return self._run.run(self._run.command(f"flow show {number}"))

    def _of(self, journey: Journey | None) -> list[Script]:
        """Return the scripts that a message came from, or that were asked."""
        if journey is None:
            return []
        names = {journey.sender, *(step.owner for step in journey.steps)}
        return [script for script in self._run.scripts if names & {script.name, script.label}]

    def _errors(self, scripts: set[Script]) -> list[str]:
        several = len([one for one in scripts if one.errors.lines]) > 1
        found = sorted(
            (line.when, f"{script.name}: " if several else "", line.text)
            for script in self._run.scripts
            for line in script.errors.lines
            if script in scripts
        )
        lines = [f"{name}{text}" for _, name, text in found]
        frames = [line for line in lines if _FRAME.match(line)]
        return [line for line in lines if line not in frames or line is frames[0]]


def _part(head: str, lines: Sequence[str], most: int = 0, *, cut: bool = True) -> list[str]:
    """Lay out one part of the text.

    Args:
        head: its heading.
        lines: its lines.
        most: how many lines are shown, the last ones if it is negative; 0 for all.
        cut: whether lines that are too wide are cut.
    """
    shown = [safe(line, keep="\t").replace("\t", "    ") for line in lines]
    if most and len(shown) > abs(most):
        left_out = f"… {len(shown) - abs(most) + 1} lines more"
        shown = [*shown[: most - 1], left_out] if most > 0 else [left_out, *shown[most + 1 :]]
    texts = [line if len(line) <= _WIDE or not cut else f"{line[: _WIDE - 1]}…" for line in shown]
    heads = [head, *[""] * len(texts)]
    return [f"{head:<{_MARGIN}}{line}".rstrip() for head, line in zip(heads, texts, strict=False)]


def crash(script: Script) -> list[str]:
    """Return how a script has failed, without what it wrote on standard error."""
    lines = story_of(script)
    written = {line.text.strip() for line in script.errors.lines}
    return [line for line in lines if line.strip() not in written]


def difference(wanted: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Return the parameters of `wanted` that are not in `found`, two lines each."""
    lines = []
    for name, value in wanted.items():
        if found.get(name) != value:
            came = found.get(name)
            lines.append(f"  {name}  - {value}")
            lines.append(f"  {'':{len(name)}}  + {'(none)' if came is None else came or '(empty)'}")
    return lines
