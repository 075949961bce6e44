"""Replies as tables and panels, at a given width; anything unknown as plain, safe text."""

from __future__ import annotations

from collections.abc import Sequence

from yext import Reply
from yext.log import safe


def plain(reply: Reply) -> str:
    """A reply in Yate's own words, safe for a terminal."""
    lines = [safe(line, keep="\t") for line in reply.text.splitlines()]
    hint = reply.params.get("hint", "")
    if not reply.ok and hint and not any(hint in line for line in lines):
        lines.append(safe(hint))
    return "".join(f"{line}\n" for line in lines)


def render(reply: Reply, command: str, width: int, color: bool, unicode: bool) -> str:
    """A reply as it is shown on a terminal `width` columns wide."""
    return plain(reply)


def notice(lines: Sequence[str], width: int, color: bool, unicode: bool) -> str:
    """A notice as a panel, its first line as the title."""
    return "".join(f"{safe(line, keep=chr(9))}\n" for line in lines)
