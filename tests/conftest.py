"""Makes the helpers that lie in this folder importable for all tests.

What a script's ``#!/usr/bin/env python3`` finds is the interpreter itself: the shims that some
machines have before it take longer to start than some recordings wait.
"""

import os
import sys
from pathlib import Path

os.environ["PATH"] = f"{Path(sys.base_prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"
