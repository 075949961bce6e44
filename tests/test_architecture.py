"""The floors of the house, read off the code: who may import whom."""

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = (
    "yext.errors yext.message yext.log yext.patterns",
    "yext.wire yext.journey yext.filters",
    "yext.conf",
    "yext.options yext.handler yext.dispatcher",
    "yext.sniffer yext.tracetime yext.handlerlist yext.completing",
    "yext.commands",
    "yext.module",
    "yext.loading yext.enginestatus yext.ticker",
    "yext.engine",
    "yext.telephony",
    "yext.extmodule",
    "yext.testbench yext.testing yext",
    "console",
)
"""Modules and packages from the ground up. A file imports what is on a floor below its own, on its
own floor what comes without a circle; a package's files are where the package is."""

FOREIGN = {"yext": ("numpy", "soxr"), "console": ("prompt_toolkit", "rich", "wcwidth")}
"""What each package imports beside the standard library and what is below it."""

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("yext", "console")
    for path in (ROOT / package).rglob("*.py")
}


def _imports(node: ast.AST) -> Iterator[tuple[str, int]]:
    """(module, line) of all that a file imports when it runs, also inside its functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            for other in child.orelse:
                yield from _imports(other)
            continue
        if isinstance(child, ast.Import):
            yield from ((alias.name, child.lineno) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            for alias in child.names:
                full = f"{child.module}.{alias.name}"
                yield (full if full in FILES else str(child.module)), child.lineno
        yield from _imports(child)


def _of(name: str) -> dict[str, int]:
    return dict(_imports(ast.parse(FILES[name].read_text(encoding="utf-8"))))


IMPORTS = {name: _of(name) for name in sorted(FILES)}


def _floor(name: str) -> int:
    """The number of the floor of the row that names `name`, or its nearest package."""
    while name:
        for number, row in enumerate(FLOORS):
            if name in row.split():
                return number
        name = name.rpartition(".")[0]
    raise AssertionError("no floor")


@pytest.mark.parametrize("name", IMPORTS)
def test_a_file_imports_only_from_below(name: str) -> None:
    above = [
        f"{FILES[name].relative_to(ROOT)}:{line} imports {imported}"
        for imported, line in IMPORTS[name].items()
        if imported in FILES and _floor(imported) > _floor(name)
    ]
    assert above == []


def test_nothing_imports_in_a_circle() -> None:
    graph = {
        name: {one for one in found if one in FILES and one != name}
        for name, found in IMPORTS.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize("name", IMPORTS)
def test_a_file_imports_nothing_foreign(name: str) -> None:
    package = name.partition(".")[0]
    allowed = {*sys.stdlib_module_names, "yext", package, *FOREIGN[package]}
    if name == "yext.testing":
        allowed.add("pytest")
    foreign = {one.partition(".")[0] for one in IMPORTS[name]} - allowed
    assert foreign == set()


def test_the_floors_name_what_is_there() -> None:
    named = [word for row in FLOORS for word in row.split()]
    assert [word for word in named if word not in FILES] == []
    assert len(named) == len(set(named))
