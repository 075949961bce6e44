"""The error tree of yext, on one page.

All errors that yext raises on purpose derive from `YextError`. Their texts are for operators: they
say what failed, where and why.

    YextError
    ├── ProtocolError             a line that the external module protocol does not allow
    │   └── LineTooLongError      a line that exceeds the peer's buffer: the peer is ended
    ├── StartError                a program could not be started, with the exact reason
    ├── NotAllowedError           an operator may not have something done
    │   ├── ExecuteNotAllowedError    … a program started
    │   └── FileNotAllowedError       … a file read or written
    ├── TooManyGuessesError       a source has used up its guesses of a password
    ├── PasswordHashError         a stored hash of a password that cannot be checked
    ├── TlsError                  options that do not make a TLS context
    ├── ListenError               a listener could not be opened, with the exact reason
    ├── FilterError               a mistake in a filter expression, with its column
    ├── PatternError              a mistake in a regular expression, with its column
    ├── RecordError               a file or a line that is not a record of messages
    ├── NodeError                 what another node says is not allowed, or makes no sense
    ├── SoundError                a sound file that cannot be read or written
    └── EngineError               the engine is not in the state for an operation
        └── ModuleError           a module could not be loaded or unloaded
"""

from __future__ import annotations

import errno as _errno
from typing import NamedTuple

from yext.log import safe

_LONGEST = 160
"""How much of a script name, path or parameter is shown, in characters."""


class YextError(Exception):
    """The base class of all errors of yext."""


class ProtocolError(YextError):
    """A line does not follow the external module protocol."""


class LineTooLongError(ProtocolError):
    """A peer sent a line that is longer than its line buffer."""


class StartFailure(NamedTuple):
    """The reason why a program did not start.

    Attributes:
        script: the program as it was asked for.
        path: its path in the file system, absolute and without ``..``.
        parameter: its argument, None or empty for none.
        reason: what went wrong.
        errno: the system's error number, None if no system call has failed.
        source: the setting that the path comes from, for example
            ``scripts_dir=/srv/scripts/ (extmodule.conf:3)``; may be empty.
        near: names similar to the missing one, the closest first: names in the directory of the
            script, or paths of an interpreter.
        interpreter: the interpreter in the ``#!`` line, if it has to do with the failure.
        hint: one thing to do about it.
        transient: True if another attempt, some time later, may succeed with nothing changed.
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
    transient: bool = False

    @property
    def errno_name(self) -> str:
        """The error number by name, such as ``ENOENT``; empty for none."""
        if self.errno is None:
            return ""
        return _errno.errorcode.get(self.errno, str(self.errno))

    def lines(self) -> tuple[str, ...]:
        """Return the failure as lines that are safe for a terminal; the first is a summary."""
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
        """Return the failure on one line, for the log."""
        return "; ".join(self.lines())

    def params(self) -> dict[str, str]:
        """Return the failure as parameters of a reply, without those that are not known.

        `errno` is the name of the number. The path and the interpreter have the bytes of the file
        system; reason and hint are safe for a terminal.
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
    """`text`, without its middle if it is too long."""
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return f"{text[:half]} … {text[-half:]} ({len(text)} characters)"


class StartError(YextError):
    """A program could not be started; `failure` has the details."""

    def __init__(self, failure: StartFailure) -> None:
        super().__init__(failure.one_line())
        self.failure = failure


class NotAllowedError(YextError):
    """The operator who asked for something may not have it done.

    Attributes:
        hint: what in the configuration allows it.
    """

    hint = ""

    def params(self) -> dict[str, str]:
        """Return the error as parameters of a reply or a message."""
        return {"error": "forbidden", "reason": str(self), "hint": self.hint}


class ExecuteNotAllowedError(NotAllowedError):
    """The operator who asked for a program may not start any."""

    hint = "allow_execute=yes for this listener in rmanager.conf"

    def __init__(self) -> None:
        super().__init__("Starting programs is turned off for this listener")


class FileNotAllowedError(NotAllowedError):
    """The operator who named a file may not have it read or written."""

    hint = "files=FOLDER for this listener in rmanager.conf"

    def __init__(self, path: str) -> None:
        super().__init__(f"{safe(_shortened(path))}: not in a folder that this listener allows")


class TooManyGuessesError(YextError):
    """A source has used up its guesses of a password.

    Attributes:
        seconds: how long it has to wait before the next one.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"wait {seconds:.0f} seconds")
        self.seconds = seconds


class PasswordHashError(YextError):
    """A stored hash is malformed, or takes too much memory to check."""


class TlsError(YextError):
    """The options of a section do not make a TLS context.

    Attributes:
        option: the name of the wrong option.
    """

    def __init__(self, option: str, text: str) -> None:
        super().__init__(text)
        self.option = option


class ListenError(YextError):
    """A listener could not be opened.

    Attributes:
        listener: its name in the configuration.
        errno: the system's error number, None if yext itself refuses.
    """

    def __init__(self, listener: str, text: str, errno: int | None = None) -> None:
        super().__init__(f"listener '{listener}': {text}")
        self.listener = listener
        self.errno = errno


class FilterError(YextError):
    """A mistake in a filter expression.

    Attributes:
        expression: the expression.
        column: the place of the mistake, in characters from 0.
        text: the mistake.
    """

    def __init__(self, expression: str, column: int, text: str) -> None:
        super().__init__(f"column {column + 1}: {text}")
        self.expression = expression
        self.column = column
        self.text = text


class PatternError(YextError):
    """A mistake in a regular expression.

    Attributes:
        pattern: the expression.
        column: the place of the mistake, in characters from 0.
        text: the mistake without the place.
    """

    def __init__(self, pattern: str, column: int, text: str) -> None:
        super().__init__(f"not a regular expression: {pattern}: column {column + 1}: {text}")
        self.pattern = pattern
        self.column = column
        self.text = text


class RecordError(YextError):
    """A file, a line or an object is not a record of messages; the text names the line."""


class NodeError(YextError):
    """Another node says what no node says, or more than it may."""


class SoundError(YextError):
    """A sound file cannot be used; the text names the file and the reason."""


class EngineError(YextError):
    """The engine is not in the state for this operation."""


class ModuleError(EngineError):
    """A module could not be loaded or unloaded."""
