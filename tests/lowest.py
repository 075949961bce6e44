"""Prints the lowest versions that pyproject.toml allows, as constraints for pip: `.ci/lowest`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"

EXTRAS = ("audio", "nats", "testing")
"""The extras of users; the tools of developers may be the newest."""


def constraints() -> list[str]:
    """Return ``NAME==VERSION`` for each library that yext may be installed with."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"])
    for extra in EXTRAS:
        wanted += project["optional-dependencies"].get(extra, [])
    # What follows a semicolon says for which versions of Python a bound holds.
    found = [re.fullmatch(r"([A-Za-z0-9_.-]+)>=([0-9.]+)(;.*)?", one) for one in wanted]
    return [f"{one[1]}=={one[2]}{one[3] or ''}" for one in found if one is not None]


if __name__ == "__main__":
    print("\n".join(constraints()))
