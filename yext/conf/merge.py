"""Yate's command ``cfgmerge``: a configuration with all its includes as one file."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yext.conf.directives import Loaded
from yext.conf.model import Conf, LogLine, Problem, ReadingRules
from yext.conf.reader import load
from yext.conf.source import encoded, file_name

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class MergeReply:
    """The reply to ``cfgmerge``.

    Attributes:
        ok: True if it succeeded.
        text: the reply in Yate's words, with its CR LF.
        problems: the problems of the configuration.
        log: lines for the engine's log.
        reason, errno: the error of a system call, empty and 0 for none.
    """

    ok: bool
    text: str
    problems: tuple[Problem, ...] = ()
    log: tuple[LogLine, ...] = ()
    reason: str = ""
    errno: int = 0


def merged_text(conf: Conf) -> str:
    """Return a configuration as one file, without comments and directives.

    It has all sections and entries in order, duplicates too. A value that ends in a backslash is
    followed by a blank, so that it does not continue on the next line.
    """
    return "\n".join(
        f"[{section.name}]\n"
        + "".join(
            f"{entry.key}={entry.value}{' ' if entry.value.endswith(chr(92)) else ''}\n"
            for entry in section.entries
        )
        for section in conf.sections
    )


def cfgmerge(
    conf_dir: str,
    name: str,
    *,
    params: Mapping[str, str],
    loaded: Loaded = (),
    rules: ReadingRules | None = None,
) -> MergeReply:
    """Write a configuration file with all its includes to ``NAME.conf.merged`` beside it.

    The new file has the permissions of the original, which may contain passwords.

    Args:
        conf_dir: the folder of the file.
        name: its name, without ``.conf``.
        params, loaded, rules: as for `load`.
    """
    if not name:
        return MergeReply(False, "Missing configuration name\r\n")
    path = f"{conf_dir.rstrip('/')}/{name}.conf"
    conf = load(path, params=params, loaded=loaded, rules=rules)
    problems, log = tuple(conf.problems), tuple(conf.log)
    if not conf.ok:
        code = 0 if conf.exists else errno.ENOENT
        text = f"Failed to load configuration file '{path}'\r\n"
        return MergeReply(False, text, problems, log, os.strerror(code) if code else "", code)
    merged = path + ".merged"
    try:
        _write(merged, encoded(merged_text(conf)), _permissions(path))
    except OSError as error:
        text = f"Failed to save merged configuration to '{merged}'\r\n"
        reason = error.strerror or str(error)
        return MergeReply(False, text, problems, log, reason, error.errno or 0)
    text = f"Saved merged configuration to '{merged}'\r\n"
    return MergeReply(True, text, problems, log)


def _as_path(path: str) -> Path:
    # Imported here, as only this command needs it and a start must be quick.
    from pathlib import Path

    return Path(os.fsdecode(file_name(path)))


def _permissions(path: str) -> int:
    return _as_path(path).stat().st_mode & 0o777


def _write(path: str, data: bytes, mode: int) -> None:
    """Replace the file at `path` by one of that mode, completely or not at all."""
    target = _as_path(path)
    draft = target.with_name(target.name + ".tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(draft, flags, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
        draft.replace(target)
    except OSError:
        draft.unlink()
        raise
