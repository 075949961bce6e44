"""The text that a shell begins with: the node, its scripts and listeners, and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yext.console.replies import draw, render
from yext.log import safe

if TYPE_CHECKING:
    from yext.console.link import Counts, Overview
    from yext.console.replies.draw import Page

_GAP = "   "

_ALONE = "no other node yet"


def text(node: str, overview: Overview, counts: Counts, page: Page) -> str:
    """Return the banner, with a hint how to go on."""
    head = ""
    parts = [f"{overview.product} {overview.version}", f"node {node}", _scripts(counts)]
    if counts.nodes is not None:
        parts.append(f"beside {counts.others()}" if counts.nodes or counts.unlinked else _ALONE)
    if overview.listeners is not None:
        parts.append(f"listeners: {', '.join(overview.listeners) or 'none'}")
    parts += overview.remarks
    for part in parts:
        fits = len(head.rpartition("\n")[2]) + len(part) + len(_GAP) <= page.width
        head += f"{_GAP if fits else chr(10)}{safe(part)}" if head else safe(part)
    return (
        f"{head}\n"
        + render.failures(overview.failed, page)
        + draw.items([*overview.failed_listeners, *overview.mistakes], page)
        + "Type help, or press TAB.\n"
    )


def _scripts(counts: Counts) -> str:
    total = counts.running + counts.silent + counts.failed
    if not total:
        return "no scripts"
    return f"{total} script{'s' if total > 1 else ''}: {', '.join(counts.programs())}"
