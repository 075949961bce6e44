"""The inline manuals: a page for each topic of ``help TOPIC``, as it also stands in docs/."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent


def topics() -> list[str]:
    """Return the topics that have a page, in alphabetical order."""
    return sorted(path.stem for path in _FOLDER.glob("*.md"))


def page(topic: str) -> str:
    """Return the page for `topic`, lines that end in LF, empty if there is none."""
    if topic not in topics():
        return ""
    return (_FOLDER / f"{topic}.md").read_text(encoding="utf-8")
