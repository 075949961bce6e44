"""What is told of a message on its way through the rules: in the log, and in the message.

Three parameters of a message ask for it: ``trace_id`` names it in the log, ``trace_lvl`` is the
debug level of that, ``trace_to_msg`` adds the texts to the message as ``trace_msg_0`` and so on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from yext.log import INFO, NOTE, WARN
from yext.message import Message
from yext.record.journey import HIDDEN
from yext.regexroute.functions.evaluate import bool_text
from yext.regexroute.match import Match
from yext.regexroute.rules import Rule
from yext.regexroute.text import boolean, inner, integer, outer, shown

_COUNT: Final = "trace_msg_count"
_TEXT: Final = "trace_msg_"
_LEVELS: Final = (2, 10)

Debug = Callable[[int, str, bool], None]
"""Logs a text of the module at a level; the last argument is whether it names the module."""

Speak = Callable[[str, int | None], None]
"""Outputs what a rule says, at a debug level or as plain output."""


_LOOKS_AT: Final = re.compile(r"\$\{([^}$]*)")
_SETS: Final = re.compile(r"([^;=]+)=([^;]*)")


def visible(rule: Rule, secret: Callable[[str], bool]) -> str:
    """Return the text of a rule as observers may see it: without the secret values that it sets,
    and nothing of it if it looks at one, which it may be compared with.

    Args:
        rule: the rule.
        secret: returns True for the names of parameters whose values are secret.
    """
    text = outer(f"{rule.key}={rule.value}")
    if any(secret(name) for name in _LOOKS_AT.findall(text)):
        return HIDDEN
    return _SETS.sub(lambda one: f"{one[1]}={HIDDEN}" if secret(one[1]) else one[0], text)


class MessageTrace:
    """What a message asks to be told.

    Args:
        message: the message.
        debug: what logs a text.
        speak: what outputs what a rule says.
        secret: returns True for the names of parameters whose values are secret.
    """

    def __init__(
        self, message: Message, debug: Debug, speak: Speak, secret: Callable[[str], bool]
    ) -> None:
        self._secret = secret
        self._ident = message.get("trace_id")
        self._texts: list[str] | None = None
        self._level = NOTE
        if boolean(message.get("trace_to_msg")):
            self._texts = []
        if self._ident:
            low, high = _LEVELS
            asked = message.get("trace_lvl")
            self._level = integer(asked, NOTE, low=low, high=high, clamp=True)
        self.rules = bool(self._ident) or self._texts is not None
        self._debug = debug
        self.say = speak

    def enter(self, context: str, text: str) -> None:
        """Tell that a text is looked for in a context."""
        if self.rules:
            self._tell(f"Searching match for {shown(text)}")

    def tested(self, context: str, rule: Rule, match: Match | None) -> None:
        """Tell of a rule, and whether it holds."""
        held = bool_text(match is not None)
        text = inner(visible(rule, self._secret))
        self._tell(f"Matched:{held} {context}:{rule.number - 1} - {text}")

    def _tell(self, text: str) -> None:
        if self._ident:
            self._log(self._level, text)
        if self._texts is not None:
            self._texts.append(text)

    def warn(self, text: str) -> None:
        """Tell of a mistake in a rule."""
        self._log(WARN, text)
        if self._texts is not None:
            self._texts.append(text)

    def compile_failed(self, pattern: str) -> None:
        """Tell of an expression that is none, and so matches nothing."""
        self._debug(WARN, f'Regexp::compile() "{outer(pattern)}" failed', False)

    def end(self, text: str) -> None:
        """Tell how it has ended."""
        self._log(INFO, text, named=False)
        if self._texts is not None:
            self._texts.append(text)

    def _log(self, level: int, text: str, *, named: bool = True) -> None:
        before = f"Trace:{self._ident} " if self._ident else ""
        self._debug(level, before + outer(text), named)

    def dump(self, message: Message) -> None:
        """Add the texts to the message if it has asked for them."""
        if self._texts is None:
            return
        count = integer(inner(message.get(_COUNT)))
        for text in filter(None, self._texts):
            message[f"{_TEXT}{count}"] = outer(text)
            count += 1
        message[_COUNT] = str(count)
