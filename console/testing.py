"""Session commands in the tests of scripts: what the pytest plugin of yext.testing asks for.

It is a plugin of pytest itself, which the other one loads by its name: no file of the engine's
package imports the console.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yext import Reply
    from yext.bus import Bus

_LABEL = "pytest"
"""Name of the test's session in the message flow and the log."""


def pytest_yext_commands(engine: Bus) -> Callable[[str], Awaitable[Reply]]:
    """Return what carries out the command lines of a session of the console on `engine`."""
    from yext.console.commands import TABLE
    from yext.console.commands.interpreter import Interpreter
    from yext.console.session.session import Session

    return Interpreter(Session(engine, _LABEL), TABLE).run
