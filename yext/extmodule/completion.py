"""Completion of the command ``external``."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from yext.extmodule.commands import HELP, NO_TIMEOUT, VERBS, YATE_VERBS
from yext.extmodule.peer.peer import Peer
from yext.extmodule.supervisor import Supervisor
from yext.log import safe

if TYPE_CHECKING:
    from yext.extmodule.script.script import Script

_FILES_MAX = 1000
"""Entries of a directory that are looked at."""


def complete(
    supervisor: Supervisor, line: str, word: str, *, described: bool = False
) -> dict[str, str]:
    """Return the words that may follow `line`, each with its description.

    Args:
        supervisor: the peers and scripts.
        line: the words before the one being typed.
        word: the beginning of the word being typed.
        described: whether a console asks that shows descriptions; a plain connection is given
            what Yate gives.
    """
    words = line.split()
    if words in ([], ["help"], ["?"]):
        return {"external": HELP}
    if words == ["external"]:
        # Yate's own words alone, as recorded; the rest once their beginning is typed.
        verbs = VERBS if word or described else YATE_VERBS
        return {verb: VERBS[verb].description for verb in verbs}
    if words[0] == "call":
        return _callable(supervisor, word) if described and len(words) < 3 else {}
    if words[0] != "external" or words[1] not in VERBS:
        return {}
    if words[:3] == ["external", "start", NO_TIMEOUT]:
        del words[2]
    elif words == ["external", "start"] and word.startswith("-"):
        return {NO_TIMEOUT: "its answers may take any time"}
    candidates = _candidates(supervisor, words[1])
    if len(words) == 2 and words[1] in ("start", "execute"):
        return _files(supervisor.options.scripts_dir, word) if described else {}
    if len(words) == 2:
        return {one.name: one.description for one in candidates}
    if len(words) == 3:
        return {
            one.parameter: one.description
            for one in sorted(candidates)
            if one.name == words[2] and one.parameter
        }
    return {}


class _Candidate(NamedTuple):
    """A peer or a script that may be named in a command."""

    name: str
    parameter: str
    description: str


def _candidates(supervisor: Supervisor, verb: str) -> list[_Candidate]:
    """Return the peers or the scripts that `verb` may name."""
    if verb in ("stop", "restart"):
        return [
            _Candidate(peer.name, peer.parameter, _describe_peer(peer, script))
            for peer, script in supervisor.peers.items()
        ]
    if verb in ("show", "why", "log", "dismiss"):
        return [
            _Candidate(script.name, script.parameter, _describe(script))
            for script in supervisor.scripts
        ]
    return []


def _describe(script: Script) -> str:
    pid = f"pid {script.pid}" if script.pid else ""
    parts = [script.parameter, script.describe_state(), pid]
    return ", ".join(safe(part) for part in parts if part)


def _describe_peer(peer: Peer, script: Script | None) -> str:
    if script is not None:
        return _describe(script)
    return safe(f"{peer.parameter}, connected to listener {peer.name}")


_NODATA = "external/nodata/"
"""The beginning of a call to a script that needs no audio; other methods are rare."""


def _callable(supervisor: Supervisor, word: str) -> dict[str, str]:
    """Return the scripts that a call may be made to, once the word is about to name one."""
    if not word.startswith(_NODATA):
        return {_NODATA: "a script for this call"}
    files = _files(supervisor.options.scripts_dir, word.removeprefix(_NODATA))
    return {f"{_NODATA}{name}": what for name, what in files.items()}


def _files(scripts_dir: str, word: str) -> dict[str, str]:
    """Return the files below `scripts_dir` whose path begins with `word`; folders end in ``/``."""
    below, slash, begun = word.rpartition("/")
    if word.startswith("/") or ".." in below.split("/"):
        return {}
    found: dict[str, str] = {}
    try:
        with os.scandir(os.path.join(scripts_dir, below)) as entries:
            for _, entry in zip(range(_FILES_MAX), entries, strict=False):
                if entry.name.startswith(begun) and (begun or not entry.name.startswith(".")):
                    name = f"{below}{slash}{entry.name}"
                    found.update(_entry(name, entry))
    except OSError:
        pass
    return dict(sorted(found.items()))


def _entry(name: str, entry: os.DirEntry[str]) -> dict[str, str]:
    if " " in name or "\t" in name:
        return {}  # What follows a blank would be taken for the parameter.
    if entry.is_dir():
        return {f"{name}/": "folder"}
    if not entry.is_file():
        return {}
    executable = entry.stat().st_mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return {name: "" if executable else "not executable"}
