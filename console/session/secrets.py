"""Where a command line holds a password, which is neither shown in clear nor kept.

A password stands after ``auth``, wherever such a line may stand in another; after an alias for
``auth``; and in a parameter with a secret name (``[sniffer] secret`` of yate.conf).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yext.record.journey import Journey

ALIAS_SEPARATOR = "$()"
"""Separates the command lines that an alias stands for."""

MASK = "***"
"""Stands for a password in what is shown."""

Span = tuple[int, int]
"""The start and the end of a password in a line."""

_AUTH = "auth"

_LINE_FOLLOWS = ("help", "?", "!")
"""Words that a command line may follow; it follows ``watch`` and ``alias`` after a word more."""

COMMAND_MESSAGES = ("engine.command", "engine.debug", "engine.help", "engine.status")
"""The messages that a session's commands become on the bus."""

_NONE: frozenset[str] = frozenset()

_LINE_PARAMS = ("line", "partial", "partline")
"""The parameters of messages that hold a command line."""

_DEPTH_MAX = 3
"""How deep command lines in parameters of command lines are looked into."""

_WORD = re.compile(r"\s*(!|[^\s!]\S*)(\s*)")

_QUOTING = re.compile(r"""["'\\]""")


@cache
def _argument() -> re.Pattern[str]:
    """An argument as a shell reads it; a quote that is not closed takes in the rest."""
    # Not compiled at a start, which is to be quick: most lines have no parameter.
    return re.compile(
        r"""(?:"(?:\\.|[^"\\])*(?:"|$)|'[^']*(?:'|$)|\\.|[^\s"'\\]++|\\$)+""", re.DOTALL
    )


def _no_name(name: str) -> bool:
    return False


class Secrets:
    """Finds passwords in the command lines of one session.

    Case does not matter, nor do blanks at the start: ``AUTH x`` is a mistake for ``auth x``, and
    its password is the same.

    Args:
        aliases: the session's aliases, and the command lines they stand for.
        is_secret: True for the name of a parameter whose value is a password.
    """

    def __init__(
        self,
        aliases: Mapping[str, str] = MappingProxyType({}),
        is_secret: Callable[[str], bool] = _no_name,
    ) -> None:
        self._aliases = aliases
        self._is_secret = is_secret

    def start(self, line: str) -> int | None:
        """Where the first password of a line being typed begins, None where there is none."""
        return next((start for start, _ in self._spans(line)), None)

    def spans(self, line: str) -> list[Span]:
        """The passwords of a line, in their order; none of them is empty."""
        return [span for span in self._spans(line) if line[slice(*span)].strip()]

    def holds(self, line: str) -> bool:
        """Whether a line holds a password, and so may not be kept."""
        return any(line[slice(*span)].strip() for span in self._spans(line))

    def holds_auth(self, line: str) -> bool:
        """Whether a line holds the password of an ``auth``, which only the console may see."""
        return any(line[slice(*span)].strip() for span in self._spans(line, params=False))

    def in_params(self, params: Mapping[str, str]) -> frozenset[str]:
        """The names of those parameters of an ``engine.command`` or its like whose value is a
        line, or a part of one, that holds a password."""
        names = [name for name in _LINE_PARAMS if self.holds(params.get(name, ""))]
        return frozenset([*names, "partword"]) if names else _NONE

    def assigned(self, params: Mapping[str, str]) -> frozenset[str]:
        """The names of those parameters of any message whose value gives one with a secret name
        a value, as ``direct=tone/dial password=x``."""
        found = (
            name
            for name, value in params.items()
            if "=" in value and any(self._in_arguments(value, 0, len(value)))
        )
        return frozenset(found)

    def visible(self, journey: Journey, hidden: Callable[[str], bool] = _no_name) -> Journey:
        """`journey` without passwords in command lines, and without the values of the parameters
        whose names are `hidden`."""
        lines = self.in_params(journey.params) if journey.name in COMMAND_MESSAGES else _NONE
        # A reply may repeat its line: what was tried, what was not understood.
        replies = lines and {*lines, "reason"}
        if hidden is not _no_name:
            lines |= self.assigned(journey.params) | self.assigned(journey.after)
        elif not lines:
            return journey
        from yext.record.journey import hide

        names = lines.union(replies)
        return hide(
            journey, lambda name: name in names or hidden(name), secret_return=bool(replies)
        )

    def hide(self, line: str) -> str:
        """A line as it may be shown, with a mask in the place of each password."""
        shown, at = [], 0
        for start, end in self.spans(line):
            shown += [line[at:start], MASK]
            at = end
        return "".join([*shown, line[at:]])

    def hide_in(self, text: str, line: str) -> str:
        """Return a text about `line`, the reason why it failed for example, without passwords."""
        for start, end in self.spans(line):
            password = _QUOTING.sub("", line[start:end]).strip()
            text = text.replace(line[start:end], MASK)
            if password:
                text = text.replace(password, MASK)
        return text

    def _spans(self, line: str, *, params: bool = True, depth: int = 0) -> Iterator[Span]:
        # The command lines to look at, the next one last; whether each is one of an alias's.
        lines = [(0, len(line), False)]
        while lines:
            at, end, parted = lines.pop()
            found = _WORD.match(line, at, end)
            if found is None:
                continue
            word, after = found[1].lower(), found.end()
            if word == _AUTH or self._stands_for_auth(word):
                if found[2]:
                    yield after, end
            elif word == "alias" and not parted:
                parts = list(_alias_lines(line, _after_word(line, after, end), end))
                lines += [(*part, True) for part in reversed(parts)]
            elif word in ("alias", "watch"):
                lines.append((_after_word(line, after, end), end, parted))
            elif word in _LINE_FOLLOWS:
                lines.append((after, end, parted))
            elif params:
                # The line of an engine.debug has no word of a command before its arguments.
                yield from self._in_arguments(line, found.start(1), end, depth)

    def _stands_for_auth(self, word: str) -> bool:
        """Whether an alias of that name, in any case, hands what follows it on to ``auth``."""
        plain = Secrets(is_secret=self._is_secret)
        return any(
            plain.holds(part)
            for name, value in self._aliases.items()
            if name.lower() == word
            for part in value.split(ALIAS_SEPARATOR)
        )

    def _in_arguments(self, line: str, at: int, end: int, depth: int = 0) -> Iterator[Span]:
        """Find the values of secret parameters; as `control` reads them, a value goes on until
        the next word with ``=``."""
        if line.find("=", at, end) < 0:
            return
        name, start, stop = "", end, end
        for found in _argument().finditer(line, at, end):
            before, equals, value = found[0].partition("=")
            if equals:
                if self._is_value(name, line[start:stop], depth):
                    yield start, stop
                name, start = _QUOTING.sub("", before), found.end() - len(value)
            stop = found.end()
        if self._is_value(name, line[start:stop], depth):
            yield start, stop

    def _is_value(self, name: str, value: str, depth: int) -> bool:
        if name in _LINE_PARAMS:
            if depth >= _DEPTH_MAX:
                return True  # Nobody means such a line; what it holds is not shown.
            line = _QUOTING.sub("", value)
            return any(line[slice(*span)].strip() for span in self._spans(line, depth=depth + 1))
        return bool(name) and self._is_secret(name)


def _after_word(line: str, at: int, end: int) -> int:
    """Where the line goes on after one word."""
    found = _WORD.match(line, at, end)
    return found.end() if found is not None else end


def _alias_lines(line: str, at: int, end: int) -> Iterator[Span]:
    """The command lines that an alias is to stand for."""
    while (found := line.find(ALIAS_SEPARATOR, at, end)) >= 0:
        yield at, found
        at = found + len(ALIAS_SEPARATOR)
    yield at, end
