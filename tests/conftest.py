"""Make the helpers in this folder importable for all tests.

Hypothesis tries the same examples in each run, without a deadline for slow machines;
`pytest --hypothesis-profile=default` looks for new ones.

A script's ``#!/usr/bin/env python3`` finds the interpreter itself: the shims that some machines
have in front of it take longer to start than some recordings wait.
"""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

os.environ["PATH"] = f"{Path(sys.base_prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"

settings.register_profile(
    "yext", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("yext")
