"""A recorded message as the command that sends it again."""

from __future__ import annotations

import shlex

from yext.log import is_safe
from yext.record.journey import HIDDEN, Journey


def as_command(journey: Journey) -> str | None:
    """Return the command ``message`` that sends a message as it was at its start.

    Returns:
        The command line, None if no line can have it: a character in it cannot be typed, or a
        value is hidden.
    """
    words = [journey.name]
    for name, value in journey.params.items():
        # Who gave a command, and who was asked, is noted anew.
        if name.startswith("cmd_") or name == "handlers":
            continue
        if value == HIDDEN or "=" in name or not name:
            return None
        words.append(f"{name}={value}")
    if not journey.name or not all(map(is_safe, words)):
        return None
    return " ".join(["message", *map(_quoted, words)])


def _quoted(word: str) -> str:
    """A word in quotes where it needs them: ``called='a b'``, which reads as ``'called=a b'``."""
    name, equals, value = word.partition("=")
    quoted = shlex.quote(value) if value else ""
    return f"{shlex.quote(name)}{equals}{quoted}"
