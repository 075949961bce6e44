"""What the shell says first: the node, its scripts and listeners, and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console import draw, render
from yext.log import safe

if TYPE_CHECKING:
    from console.draw import Page
    from console.link import Counts, Overview

_GAP = "   "


def text(node: str, overview: Overview, counts: Counts, page: Page) -> str:
    """The banner, its last line telling how to go on."""
    head = ""
    for part in (
        f"yext {overview.version}",
        f"node {node}",
        _scripts(counts),
        f"listeners: {', '.join(overview.listeners) or 'none'}",
    ):
        fits = len(head.rpartition("\n")[2]) + len(part) + len(_GAP) <= page.width
        head += f"{_GAP if fits else chr(10)}{safe(part)}" if head else safe(part)
    return (
        f"{head}\n"
        + render.failed_scripts(overview.failed, page)
        + draw.mistakes([*overview.failed_listeners, *overview.mistakes], page)
        + "Type help, or press TAB.\n"
    )


def _scripts(counts: Counts) -> str:
    total = counts.running + counts.failed
    if not total:
        return "no scripts"
    failed = f", {counts.failed} failed" if counts.failed else ""
    return f"{total} script{'s' if total > 1 else ''}: {counts.running} running{failed}"
