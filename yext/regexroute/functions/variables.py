"""The global variables of the rules."""

from __future__ import annotations

from typing import Final

MOST: Final = 10_000
"""How many variables there may be: rules can name them after what callers dial."""


class Variables(dict[str, str]):
    """The variables by name, in the order in which they were made."""

    def resolve(self, text: str) -> str:
        """Return the value of ``$NAME``, and any other text as it is."""
        return self.get(text[1:].strip(" \t"), "") if text.startswith("$") else text

    def store(self, name: str, value: str) -> None:
        """Set a variable; one too many is not made."""
        if name in self or len(self) < MOST:
            self[name] = value
