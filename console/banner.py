"""What the shell says first: the node, its scripts and listeners, and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yext.log import safe

if TYPE_CHECKING:
    from console.link import Counts, Overview
    from console.terminal import Abilities


def text(node: str, overview: Overview, counts: Counts, able: Abilities) -> str:
    """The banner, its last line telling how to go on."""
    cross = "✗" if able.unicode else "x"
    lines = [f"yext {overview.version}   node {node}   {_scripts(counts)}   {_listeners(overview)}"]
    width = max((len(name) for name, _ in overview.failed), default=0)
    failed = [
        f"{name:{width}}   {why.removeprefix(f'{name}: ')}   external why {name}"
        for name, why in overview.failed
    ]
    failed += overview.failed_listeners
    failed += overview.mistakes
    red, normal = ("\x1b[31m", "\x1b[m") if able.color else ("", "")
    lines = [safe(line) for line in lines]
    lines += [f"  {red}{cross} {safe(line)}{normal}" for line in failed]
    lines.append("Type help, or press TAB.")
    return "\n".join(lines)


def _scripts(counts: Counts) -> str:
    total = counts.running + counts.failed
    if not total:
        return "no scripts"
    noun = "script" if total == 1 else "scripts"
    parts = [f"{counts.running} running"]
    if counts.failed:
        parts.append(f"{counts.failed} failed")
    return f"{total} {noun}: {', '.join(parts)}"


def _listeners(overview: Overview) -> str:
    return f"listeners: {', '.join(overview.listeners) or 'none'}"
