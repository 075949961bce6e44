"""The recorded cases from which yext deliberately deviates: deviations.toml, read and checked."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).parents[1] / "deviations.toml"


class CaseId(NamedTuple):
    """The identity of a case: the name of its file, with suffix, and its own name."""

    file: str
    case: str


@dataclass(frozen=True, slots=True)
class Deviation:
    """A row: the case, the reason, and the test (path::name) of the different behaviour."""

    file: str
    case: str
    reason: str
    expect: str = ""

    @property
    def id(self) -> CaseId:
        return CaseId(self.file, self.case)


def load() -> list[Deviation]:
    """Load the rows in order. Raises TypeError for a row with unknown or missing fields."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["deviation"]
    return [Deviation(**row) for row in rows]
