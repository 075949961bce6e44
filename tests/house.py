"""The architecture, read from the code: rooms in their order, imports, cycles.

Only the source text is read; nothing is imported. Imports inside functions and under
``if TYPE_CHECKING:`` count too: they also mean that one file depends on another.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]

ROOMS = (
    "yext.version",
    "yext.log",
    "yext.sockets",
    "yext.errors",
    "yext.commander",
    "yext.message",
    "yext.wire",
    "yext.linebuffer",
    "yext.slices",
    "yext.patterns",
    "yext.conf",
    "yext.measures",
    "yext.dispatcher",
    "yext.record",
    "yext.ladder",
    "yext.bus",
    "yext.command",
    "yext.listening",
    "yext.access",
    "yext.engine",
    "yext.metrics",
    "yext.telephony.audio",
    "yext.telephony",
    "yext.telephony.phone",
    "yext.extmodule.listeners",
    "yext.extmodule.settings",
    "yext.extmodule.diagnosis",
    "yext.extmodule.peer",
    "yext.extmodule.script",
    "yext.extmodule",
    "yext.regexroute",
    "yext.cluster.limits",
    "yext.cluster.settings",
    "yext.cluster.exchange",
    "yext.cluster.secure",
    "yext.cluster.link",
    "yext.cluster.nats",
    "yext.cluster",
    "yext.msgsniff",
    "yext.yextexec",
    "yext",
    "yext.replay",
    "yext.testing",
    "console",
    "console.telnet",
    "console.replies",
    "console.session",
    "console.ladder",
    "console.transcripts",
    "console.export",
    "console.browse",
    "console.manual",
    "console.commands",
    "console.testing",
    "console.link",
    "console.interface",
    "console.shell",
    "console.client",
    "console.server",
    "console.testrun",
    "console.cli",
    "console.__main__",
)
"""Packages and modules, lowest first. A module belongs to the longest of these names that its
own name begins with. Inside a package whose parts are not listed, only cycles are forbidden."""

MOST_FILES = 15
"""The largest number of files directly in one folder."""

ENTRY = "yext/__main__.py"
"""The door of ``python -m yext``: it belongs to no room, as it opens the console."""

LINKED = "yext.console"
"""How `console` is imported: yext/console is a link to its folder, and a wheel has it there."""

Graph = Mapping[str, Mapping[str, int]]
"""For each module, the modules that it imports, with the line of each import."""


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Return the source files of `yext` and `console` by dotted module name."""
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for package in ("yext", "console")
        for path in sorted((root / package).rglob("*.py"))
        if path != root / ENTRY
    }


def imports(root: Path = ROOT) -> dict[str, dict[str, int]]:
    """Return the imports of each module, including those from outside `yext` and `console`."""
    files = modules(root)
    return {
        name: dict(_imported(ast.parse(path.read_text(encoding="utf-8")), name, path, files))
        for name, path in files.items()
    }


def _imported(
    tree: ast.AST, name: str, path: Path, files: Mapping[str, Path]
) -> Iterator[tuple[str, int]]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((_unlinked(alias.name), node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _unlinked(node.module or "")
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            for alias in node.names:
                full = _unlinked(f"{base}.{alias.name}")
                yield (full if full in files else base), node.lineno


def _unlinked(name: str) -> str:
    """The name of a module in the repository, `console.link` for `yext.console.link`."""
    if name == LINKED or name.startswith(f"{LINKED}."):
        return name.removeprefix("yext.")
    return name


def room(name: str) -> str:
    """Return the row of `ROOMS` that a module belongs to. Raises `LookupError` if there is none."""
    while name:
        if name in ROOMS:
            return name
        name = name.rpartition(".")[0]
    raise LookupError("no room")


def upward(graph: Graph) -> list[str]:
    """List the imports that go up: from a module to one whose room is above its own."""
    order = {row: number for number, row in enumerate(ROOMS)}
    return [
        f"{name}:{line} imports {imported} from above"
        for name, found in graph.items()
        for imported, line in found.items()
        if imported in graph and order[room(imported)] > order[room(name)]
    ]


def cycles(graph: Graph) -> list[list[str]]:
    """List the groups of modules that import each other in a cycle (Tarjan's components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in graph[name]:
            if other not in graph or other == name:
                continue
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            part = stack[stack.index(name) :]
            del stack[-len(part) :]
            if len(part) > 1:
                found.append(sorted(part))

    for name in graph:
        if name not in index:
            visit(name)
    return found


def crowded(files: Mapping[str, Path]) -> dict[Path, int]:
    """Return the folders with more than `MOST_FILES` files directly in them, and the number."""
    count: dict[Path, int] = {}
    for path in files.values():
        count[path.parent] = count.get(path.parent, 0) + 1
    return {folder: number for folder, number in count.items() if number > MOST_FILES}
