"""The version of yext, for what must not import the engine."""

from typing import Final

VERSION: Final = "0.1.0"
