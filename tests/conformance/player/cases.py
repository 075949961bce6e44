"""The recorded cases, as they are stored, and their steps."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from .matching import Mismatch, show

VECTORS = Path(__file__).parents[1] / "vectors"

Play = TypeVar("Play")

Step = dict[str, Any]
"""A step; its first key names its kind."""


class Case(NamedTuple):
    """A recorded case: the name of its file, without folder and suffix, and its content."""

    file: str
    content: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.content["name"])

    @property
    def id(self) -> str:
        return f"{self.file}/{self.name}"


def load(folder: str, file: str) -> list[Case]:
    """Load the cases of vectors/FOLDER/FILE.json, in recording order."""
    text = (VECTORS / folder / f"{file}.json").read_text(encoding="utf-8")
    return [Case(file, content) for content in json.loads(text)]


def files(folder: str) -> list[str]:
    """List the names of all files of cases in a folder, without suffix."""
    return sorted(path.stem for path in (VECTORS / folder).glob("*.json"))


def kind(step: Step) -> str:
    return next(iter(step))


def play_steps(
    play: Play, steps: list[Step], table: Mapping[str, Callable[[Play, Step], None]]
) -> None:
    """Carry out the steps in order; add the failing step to a Mismatch."""
    for number, step in enumerate(steps, 1):
        try:
            table[kind(step)](play, step)
        except Mismatch as mismatch:
            where = f"step {number} of {len(steps)}: {show(json.dumps(step))}"
            raise Mismatch(f"{where}\n{mismatch}") from None
