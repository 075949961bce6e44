"""The kinds of parameters of session commands: how each is read, shown and completed.

A command is a function whose parameters are annotated with a kind, as
``Annotated[int, Number("LINES")]``; `console.commands.signature` makes the rest of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated

from yext.errors import YextError
from yext.wire import BOOLEANS

Completer = Callable[..., Mapping[str, str]]
"""Returns the words that may come next, each with a description.

Takes the session, or the interpreter if its first parameter is called `interpreter`; what stands
between the command's name and the word being typed; and the start of that word."""

MANY = 10**9
"""The largest number that a command takes, unless it says otherwise."""

_NO_WORDS: Mapping[str, str] = MappingProxyType({})


class ArgumentError(YextError):
    """What was typed does not fit a command's parameters.

    Attributes:
        reason: what is wrong, empty where the command's usage says it best.
        hint: what to type instead, empty for the command's example or usage.
    """

    def __init__(self, reason: str = "", hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class Word:
    """One word, up to a blank.

    Args:
        placeholder: what stands for it in a usage line; the parameter's name by default.
        words: words that are completed, each with a description.
        completer: completes further words.
        description: what it is for, where it is an option.

    Attributes:
        takes_rest: whether it is the rest of the line, blanks included.
    """

    takes_rest = False

    def __init__(
        self,
        placeholder: str = "",
        words: Mapping[str, str] = _NO_WORDS,
        completer: Completer | None = None,
        description: str = "",
    ) -> None:
        self.placeholder = placeholder
        self.words = words
        self.completer = completer
        self.description = description

    def read(self, text: str) -> object:
        """Return the argument that `text` stands for. Raises `ArgumentError`."""
        return text


class Rest(Word):
    """The rest of the line, without blanks around it."""

    takes_rest = True

    def read(self, text: str) -> object:
        return text.strip()


class RawRest(Rest):
    """The rest of the line after the blank that ends the word before, further blanks included."""

    def read(self, text: str) -> object:
        return text


class Line(Rest):
    """A command line."""


class Flag(Word):
    """A word that is there or not, read as True or False."""

    def __init__(self, word: str, description: str) -> None:
        super().__init__(word, {word: description}, description=description)

    def read(self, text: str) -> object:
        return True


class Switch(Word):
    """Yate's words for on and off, read as True and False; any other is read as None."""

    def __init__(self) -> None:
        super().__init__("on|off", {"on": "turns it on", "off": "turns it off"})

    def read(self, text: str) -> object:
        return BOOLEANS.get(text)


class Number(Word):
    """A whole number in ASCII digits.

    Args:
        least, most: its bounds.
        mistake: the reason for refusing other text, with ``{}`` in place of that.
    """

    def __init__(
        self,
        placeholder: str = "",
        *,
        least: int = 0,
        most: int = MANY,
        mistake: str = "",
        completer: Completer | None = None,
        description: str = "",
    ) -> None:
        super().__init__(placeholder, completer=completer, description=description)
        self.least, self.most = least, most
        self._mistake = mistake

    def read(self, text: str) -> object:
        number = natural(text, self.most)
        if number is None or number < self.least:
            raise ArgumentError(self._mistake.format(text))
        return number


class MessageNumber(Number):
    """The number of a recorded message, with or without a ``#`` before it."""

    def read(self, text: str) -> object:
        return super().read(text.removeprefix("#"))


class Seconds(Word):
    """A time between `least` and `most` seconds."""

    def __init__(self, least: float, most: float, words: Mapping[str, str] = _NO_WORDS) -> None:
        super().__init__("SECONDS", words)
        self._least, self._most = least, most

    def read(self, text: str) -> object:
        try:
            seconds = float(text)
        except ValueError:
            raise ArgumentError from None
        if not self._least <= seconds <= self._most:
            raise ArgumentError
        return seconds


class Setting(Word):
    """A word ``key=value``, read as the pair of both."""

    def read(self, text: str) -> tuple[str, str]:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ArgumentError(f"Not key=value: {text}")
        return key, value


OnOff = Annotated[bool | None, Switch()]
"""The new state of a switch, None to leave it."""


def natural(text: str, most: int = MANY) -> int | None:
    """Return the number from 0 to `most` that `text` is in ASCII digits, None for other text."""
    # Python refuses to read thousands of digits.
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MANY))):
        return None
    return int(text) if int(text) <= most else None
