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
    └── EngineError          the engine is not in a state that allows what was asked
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yext.extmodule.failure import StartFailure


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


class EngineError(YextError):
    """The engine is not in a state that allows what was asked."""
