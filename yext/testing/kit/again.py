"""The set-up of a test as a configuration directory, to go on with in a console."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from yext import wire
from yext.record.journey import Journey

_STUBS = '''#!/usr/bin/env python3
"""Answers for other modules, as the stubs of a test did."""

import sys

for stream in (sys.stdin, sys.stdout):
    stream.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\\n")

# priority, name, filter, then what follows the id in an answer
STUBS = {stubs!r}

for priority, name, filter, _ in STUBS:
    print(f"%%>install:{{priority}}:{{name}}{{filter}}", flush=True)
for line in sys.stdin:
    if line.startswith("%%>message:"):
        _, ident, _, called, *_ = line.split(":")
        answers = [answer for _, name, _, answer in STUBS if name == called]
        print(f"%%<message:{{ident}}:{{answers[0]}}", flush=True)
'''


class Answering(NamedTuple):
    """What a stub answers.

    Attributes:
        name, priority: the message, and the priority.
        filter: a parameter and its value, empty for none.
        handled, retvalue: the answer; a stub with a function may answer otherwise.
    """

    name: str
    priority: int
    filter: tuple[str, str] | None
    handled: bool
    retvalue: str


class SetUp:
    """Writes the set-up of a test.

    Args:
        config_dir: the engine's configuration directory.
        folder: makes the folder to write to.
        scripts: returns the scripts that run: path and parameter.
        stubs: returns the stubs.
    """

    def __init__(
        self,
        config_dir: Path,
        folder: Callable[[], Path],
        scripts: Callable[[], Sequence[tuple[str, str]]],
        stubs: Callable[[], Sequence[Answering]],
    ) -> None:
        self._config_dir = config_dir
        self._folder = folder
        self._scripts = scripts
        self._stubs = stubs
        self._written: Path | None = None

    def go_on(self, journey: Journey | None) -> list[str]:
        """Write the set-up; return the command for it, and that for a message of the test."""
        lines = [f"yext -c {shlex.quote(str(self._write()))}"]
        if journey is not None:
            params = [f"{name}={_quoted(value)}" for name, value in journey.params.items()]
            lines.append(" ".join(["  message --wait 5", journey.name, *params]))
        return lines

    def _write(self) -> Path:
        if self._written is None:
            self._written = self._folder()
        folder = self._written
        for conf in self._config_dir.glob("*.conf"):
            shutil.copy(conf, folder)
        scripts = list(self._scripts())
        if stubs := self._stubs():
            program = folder / "stubs.py"
            text = _STUBS.format(stubs=[_answer(stub) for stub in stubs])
            program.write_text(text, encoding="utf-8")
            program.chmod(0o755)
            scripts.insert(0, (str(program), ""))
        if scripts:
            conf_file = folder / "extmodule.conf"
            with conf_file.open("a", encoding="utf-8", errors="surrogateescape") as file:
                lines = [f"{path}={parameter}\n" for path, parameter in scripts]
                file.write("".join(["\n[scripts]\n", *lines]))
        return folder


def _answer(stub: Answering) -> tuple[int, str, str, str]:
    """Return the row of a stub in the program that stands for it."""
    name = wire.escape(stub.name)
    filter = f":{stub.filter[0]}:{wire.escape(stub.filter[1])}" if stub.filter else ""
    handled = wire.bool_text(stub.handled)
    return stub.priority, name, filter, f"{handled}::{wire.escape(stub.retvalue)}"


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value or not value else value
