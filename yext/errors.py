"""The whole error tree of yext, on one page.

Every error that yext raises on purpose derives from `YextError`, and its text says
what failed, where and why, in words fit for an operator.

    YextError
    ├── ProtocolError        a line that the external module protocol does not allow
    │   └── LineTooLong      a line past the peer's buffer size: the peer is ended
    ├── ConfError            a mistake in a configuration file, with file and line
    ├── StartError           a program could not be started, with the exact reason
    ├── ListenError          a listener could not be opened, with the exact reason
    ├── FilterError          a mistake in a filter expression, with its column
    ├── SoundError           a sound file that cannot be read or written
    └── EngineError          the engine is not in a state that allows what was asked
        └── ModuleError      a module could not be loaded or unloaded
"""

from __future__ import annotations

import errno as _errno
from dataclasses import dataclass

from yext.log import safe

_LONGEST = 160
"""Characters of one script name, path or parameter that are shown."""


class YextError(Exception):
    """What all errors of yext derive from."""


class ProtocolError(YextError):
    """A line does not follow the external module protocol."""


class LineTooLong(ProtocolError):
    """A peer sent a line longer than its line buffer takes."""


class ConfError(YextError):
    """A mistake in a configuration file.

    `file` is the path as given, `line` counts from 1 (0: the whole file), `text` tells
    the mistake without the place.
    """

    def __init__(self, file: str, line: int, text: str) -> None:
        super().__init__(f"{file}:{line}: {text}" if line else f"{file}: {text}")
        self.file = file
        self.line = line
        self.text = text


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


class StartError(YextError):
    """A program could not be started; `failure` tells everything that is known."""

    def __init__(self, failure: StartFailure) -> None:
        super().__init__(failure.one_line())
        self.failure = failure


class ListenError(YextError):
    """A listener could not be opened.

    `listener` is its name in the configuration, `errno` the system's error number or
    None where yext itself refused.
    """

    def __init__(self, listener: str, text: str, errno: int | None = None) -> None:
        super().__init__(f"listener '{listener}': {text}")
        self.listener = listener
        self.errno = errno


class FilterError(YextError):
    """A mistake in a filter expression.

    `expression` is what was given, `column` counts its characters from 0, `text` tells what
    is wrong there.
    """

    def __init__(self, expression: str, column: int, text: str) -> None:
        super().__init__(f"column {column + 1}: {text}")
        self.expression = expression
        self.column = column
        self.text = text


class SoundError(YextError):
    """A sound file cannot be used; the text names the file and the reason."""


class EngineError(YextError):
    """The engine is not in a state that allows what was asked."""


class ModuleError(EngineError):
    """A module could not be loaded or unloaded."""
