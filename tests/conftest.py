"""Make the helpers beside the tests importable, and the same on all machines.

Tests mirror the code, so files of the same name stand in several folders: pytest imports them by
their paths (``--import-mode=importlib``), and the folders of helpers are added here.

Hypothesis tries the same examples in each run, without a deadline for slow machines;
`pytest --hypothesis-profile=default` looks for new ones.

A script's ``#!/usr/bin/env python3`` finds the interpreter itself: the shims that some machines
have in front of it take longer to start than some recordings wait.
"""

import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent


def _importable(file: Path) -> Path:
    """The folder from which a file, or the package it is in, can be imported."""
    folder = file.parent
    return folder.parent if (folder / "__init__.py").exists() else folder


sys.path += sorted({str(_importable(file)) for file in TESTS.rglob("*.py")} - {str(TESTS.parent)})

os.environ["PATH"] = f"{Path(sys.base_prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"

settings.register_profile(
    "yext", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("yext")


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Let a report that holds bytes which are not UTF-8 pass: xdist would end the whole run."""
    return _encodable((yield))


def _encodable(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {_encodable(key): _encodable(one) for key, one in value.items()}
        case list() | tuple():
            return type(value)(map(_encodable, value))
    return value
