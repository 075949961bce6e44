"""The recorded cases that yext deliberately does not play: deviations.toml, read and checked."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).parents[1] / "deviations.toml"


class CaseId(NamedTuple):
    """Which case: the file it stands in, with suffix, and its name."""

    file: str
    case: str


@dataclass(frozen=True, slots=True)
class Deviation:
    """One row: the case, why yext differs, and the test (path::name) of what it does instead."""

    file: str
    case: str
    reason: str
    expect: str = ""

    @property
    def id(self) -> CaseId:
        return CaseId(self.file, self.case)


def load() -> list[Deviation]:
    """The rows in the order of the file; raises TypeError for a row with unknown or no fields."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["deviation"]
    return [Deviation(**row) for row in rows]
