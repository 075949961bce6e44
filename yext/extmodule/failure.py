"""What is known of a start that failed, and how it reads."""

from __future__ import annotations

import errno as _errno
from dataclasses import dataclass

from yext.log import safe

_LONGEST = 160
"""Characters of one script name, path or parameter that are shown."""


@dataclass(frozen=True, slots=True)
class StartFailure:
    """Why a program did not start.

    Attributes:
        script: the program as it was asked for.
        path: what was looked for in the file system: absolute, without ``..``.
        parameter: its argument, None or empty for none.
        reason: what went wrong, in words.
        errno: the system's error number; None where no system call has failed.
        source: where the failure applies, for example
            ``scripts_dir=/srv/scripts/ (extmodule.conf:3)``; may be empty.
        near: names close to the missing one, the closest first: bare ones in the directory
            of the script, whole paths for an interpreter.
        interpreter: what the ``#!`` line names, if the failure has to do with it.
        hint: one thing to do about it.
        heals: whether another try, some time later, may succeed with nothing changed.
    """

    script: str
    path: str
    parameter: str | None
    reason: str
    errno: int | None = None
    source: str = ""
    near: tuple[str, ...] = ()
    interpreter: str | None = None
    hint: str = ""
    heals: bool = False

    @property
    def errno_name(self) -> str:
        """The error number by name, such as ``ENOENT``; empty for none."""
        if self.errno is None:
            return ""
        return _errno.errorcode.get(self.errno, str(self.errno))

    def lines(self) -> tuple[str, ...]:
        """The failure as plain lines, safe for a terminal; the first is the whole in short."""
        number = "" if self.errno is None else f" ({self.errno_name}, {self.errno})"
        tried = f"{_shortened(self.path)} {_shortened(self.parameter or '')}"
        rows = (
            ("tried", tried.rstrip(" ")),
            ("from", self.source),
            ("near", ", ".join(self.near)),
            ("do", self.hint),
        )
        head = f"{_shortened(self.script)}: {self.reason}{number}"
        return (safe(head), *(safe(f"{label}: {text}") for label, text in rows if text))

    def one_line(self) -> str:
        """The failure on one line, for the log."""
        return "; ".join(self.lines())

    def params(self) -> dict[str, str]:
        """The failure as parameters of a reply; what is not known is left out.

        `errno` is the number by name. The path and the interpreter are as in the file
        system, byte for byte; reason and hint are safe for a terminal.
        """
        known = {
            "reason": safe(self.reason),
            "errno": self.errno_name,
            "path": self.path,
            "interpreter": self.interpreter or "",
            "hint": safe(self.hint),
        }
        return {name: value for name, value in known.items() if value}


def _shortened(text: str) -> str:
    """`text` with its middle left out where it is too long to be read."""
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return f"{text[:half]} … {text[-half:]} ({len(text)} characters)"
