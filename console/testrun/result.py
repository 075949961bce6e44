"""The results of transcripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from yext.console.transcripts.format import Step


class StepResult(NamedTuple):
    """What came of a step.

    Attributes:
        step: the step.
        same: whether it was as expected.
        lines: what was expected and what came, with ``-`` and ``+`` before differences.
        context: what helps to find the reason: the journey of a message, standard error.
        kept: the lines to be expected from now on, None for a step without any.
        seconds: how long it took.
    """

    step: Step
    same: bool
    lines: list[str]
    context: list[str]
    kept: list[str] | None
    seconds: float


@dataclass
class FileResult:
    """What came of a transcript.

    Attributes:
        path: the file.
        steps: the results of the steps that were carried out.
        error: why it could not be carried out, or not to its end; empty if it was.
        seconds: how long it took.
    """

    path: str
    steps: list[StepResult] = field(default_factory=list)
    error: str = ""
    seconds: float = 0.0

    @property
    def failures(self) -> list[StepResult]:
        """The steps that were not as expected."""
        return [step for step in self.steps if not step.same]

    @property
    def ok(self) -> bool:
        """Whether everything was as expected."""
        return not self.error and not self.failures
