"""The file of ``yext serve -p`` that holds the process id while the engine runs."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from yext.errors import YextError


class PidFileError(YextError):
    """A pid file cannot be written, or belongs to another engine that runs."""


@contextlib.contextmanager
def pid_file(path: str | None) -> Iterator[None]:
    """Keep the process id in a locked file during the block; no file for None.

    A file that another process has put in its place meanwhile stays.

    Raises:
        PidFileError: with the reason and what to do.
    """
    if path is None:
        yield
        return
    descriptor = _written(path)
    try:
        yield
    finally:
        # Removed before it is unlocked: then no other process can have it yet.
        with contextlib.suppress(OSError):
            if os.path.samestat(os.stat(path), os.fstat(descriptor)):
                os.unlink(path)
        os.close(descriptor)


def _written(path: str) -> int:
    """Return the descriptor of the locked file with this process's id."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise PidFileError(
            f"{path}: {error.strerror}; do: give -p a file that the engine may write"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, b"%d\n" % os.getpid())
    except OSError as error:
        owner = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            reason = (
                f"an engine that runs (process {owner}) has it; do: stop that, or give -p another"
            )
        else:
            reason = f"{error.strerror}; do: give -p another file"
        raise PidFileError(f"{path}: {reason}") from error
    return descriptor
