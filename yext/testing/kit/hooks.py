"""The hooks that the pytest plugin calls: what it needs from above."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from yext.engine.engine import Engine
    from yext.testing.kit.running import CommandLine


@pytest.hookspec(firstresult=True)
def pytest_yext_commands(engine: Engine) -> CommandLine | None:
    """Return what carries out the command lines of a console session on a started engine."""
