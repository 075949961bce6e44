"""Executable files for tests that start programs, some of them as another user."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The directory of the project."""


@contextmanager
def open_directory() -> Iterator[Path]:
    """Make a temporary directory that other users may enter too."""
    directory = Path(tempfile.mkdtemp(prefix="yext-start-", dir="/tmp"))
    try:
        directory.chmod(0o755)
        yield directory
    finally:
        shutil.rmtree(directory)


def put(path: Path, content: str | bytes, mode: int = 0o755) -> Path:
    """Write a file with the permissions `mode`; return its path."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path
