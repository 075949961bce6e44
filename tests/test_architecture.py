"""The house rule: a file imports only from rooms below its own, type hints included."""

import sys
from pathlib import Path

import pytest

from tests import house

FOREIGN = {
    "yext": ("nats", "numpy", "soxr"),
    "console": ("prompt_toolkit", "rich", "shtab", "watchfiles", "wcwidth"),
}
"""Libraries that each package may import, besides the standard library."""

PYTEST = ("yext.testing.plugin", "yext.testing.kit.hooks")
"""Modules that may also import pytest."""

IMPORTS = house.imports()


def plant(root: Path, files: dict[str, str]) -> dict[str, dict[str, int]]:
    """Write `files` (text by path) below `root`; return their imports."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return house.imports(root)


def test_no_import_goes_up() -> None:
    assert house.upward(IMPORTS) == []


def test_there_are_no_cycles() -> None:
    assert house.cycles(IMPORTS) == []


def test_no_folder_is_crowded() -> None:
    assert house.crowded(house.modules()) == {}


def test_every_room_is_there() -> None:
    assert [row for row in house.ROOMS if row not in IMPORTS] == []


@pytest.mark.parametrize("name", IMPORTS)
def test_nothing_foreign_is_imported(name: str) -> None:
    package = name.partition(".")[0]
    allowed = {*sys.stdlib_module_names, "yext", package, *FOREIGN[package]}
    if name in PYTEST:
        allowed.add("pytest")
    if name == "yext.testing.console":
        allowed.add("pexpect")
    foreign = {one.partition(".")[0] for one in IMPORTS[name]} - allowed
    assert foreign == set()


TYPE_ONLY = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from {} import {}\n"


@pytest.mark.parametrize(
    "text",
    [
        "from yext.bus import Bus\n",
        "import yext.bus\n",
        "from yext import bus\n",
        "from . import bus\n",
        TYPE_ONLY.format("yext.bus", "Bus"),
        "def late():\n    from yext.bus import Bus\n",
    ],
)
def test_a_planted_upward_import_is_found(tmp_path: Path, text: str) -> None:
    planted = plant(tmp_path, {"yext/bus.py": "", "yext/message.py": text})
    (found,) = house.upward(planted)
    assert found.startswith("yext.message:")
    assert "imports yext.bus from above" in found


def test_the_engine_never_imports_the_console(tmp_path: Path) -> None:
    planted = plant(
        tmp_path,
        {"console/telnet.py": "", "yext/testing/plugin.py": "from console import telnet\n"},
    )
    assert house.upward(planted) == ["yext.testing.plugin:1 imports console.telnet from above"]


def test_a_planted_cycle_is_found(tmp_path: Path) -> None:
    planted = plant(
        tmp_path,
        {
            "console/server/rmanager.py": "from yext.console.server.connection import Connection\n",
            "console/server/connection.py": TYPE_ONLY.format("console.server.rmanager", "RManager"),
        },
    )
    assert house.cycles(planted) == [["console.server.connection", "console.server.rmanager"]]


def test_a_crowded_folder_is_found(tmp_path: Path) -> None:
    plant(tmp_path, {f"console/file{number}.py": "" for number in range(house.MOST_FILES + 1)})
    assert house.crowded(house.modules(tmp_path)) == {tmp_path / "console": house.MOST_FILES + 1}
