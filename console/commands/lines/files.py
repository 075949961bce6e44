"""Completion of the paths of files."""

from __future__ import annotations

from yext.commander import check_file
from yext.console.session.session import Session
from yext.errors import FileNotAllowedError


def complete_file(session: Session, before: str, word: str) -> dict[str, str]:
    """The files whose path begins as `word`; directories end in ``/``."""
    from pathlib import Path

    directory, slash, _ = word.rpartition("/")
    folder = Path(directory + slash) if slash else Path()
    try:
        check_file(session, f"{folder}/file")
        found = list(folder.iterdir())
    except (OSError, FileNotAllowedError):
        return {}
    names = sorted(f"{directory}{slash}{one.name}{'/' if one.is_dir() else ''}" for one in found)
    return dict.fromkeys(names, "")
