"""The filters of the command ``sniffer``: which messages it shows.

Syntax and wording as recorded (rm_3_commands, sniffer).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from yext.message import Message
from yext.patterns.wildcards import Matcher


@dataclass(frozen=True, slots=True)
class SniffFilter:
    """A filter of messages, as it was given.

    Attributes:
        name: the filter's name, empty for the one that has none.
        expression: a basic expression for the message's name, whose sense a ``^`` at the end
            reverses; empty for all names.
        age: the least age of a message in seconds, 0 for any age.
        params: values of parameters; one that begins with ``^`` is a basic expression.
        any: whether one matching parameter is enough.
        negated: whether the parameters must not match.
    """

    name: str = ""
    expression: str = ""
    age: float = 0.0
    params: Mapping[str, str] = field(default_factory=dict)
    any: bool = False
    negated: bool = False

    def is_empty(self) -> bool:
        """Return whether the filter lets all messages pass."""
        return not (self.expression or self.age or self.params)

    def changed(self, keyword: str, value: str) -> SniffFilter:
        """Return a copy with another ``filter`` or ``age``; no value removes it."""
        if keyword == "filter":
            return replace(self, expression=value)
        try:
            return replace(self, age=max(0.0, float(value or "0")))
        except ValueError:
            return replace(self, age=0.0)

    def with_params(self, words: list[str]) -> SniffFilter:
        """Return a copy with other parameters.

        Args:
            words: ``any``, ``negated`` and ``name=value``, which are taken off the front.
        """
        params: dict[str, str] = {}
        flags: set[str] = set()
        while words and (words[0] in ("any", "negated") or "=" in words[0]):
            name, equals, value = words.pop(0).partition("=")
            if equals:
                params[name] = value
            else:
                flags.add(name)
        return replace(self, params=params, any="any" in flags, negated="negated" in flags)

    def lines(self) -> Iterator[str]:
        """The filter as ``sniffer`` lists it."""
        if self.name:
            yield f"Name: {self.name}"
        if self.expression or self.age:
            shown = self.expression
            if shown.endswith("^"):
                shown = f"[!] {shown[:-1]}"
            yield f"Message: {shown}{f' age {self.age:f}' if self.age else ''}"
        if self.params:
            flags = ["negated"] * self.negated + ["any"] * self.any
            yield f"Params [{','.join(flags)}]" if flags else "Params"
            yield from (f"  {name}: {value}" for name, value in self.params.items())

    def compile(self) -> CompiledFilter:
        """Compile the expressions.

        Raises:
            PatternError: one of them is wrong or not supported.
        """
        # Loaded with the first filter: a start needs no expressions.
        from yext.patterns.posix import basic_regex, yate_matcher

        name = basic_regex(self.expression.removesuffix("^")) if self.expression else None
        params = {name: yate_matcher(value) for name, value in self.params.items()}
        return CompiledFilter(self, name, params)


@dataclass(frozen=True, slots=True)
class CompiledFilter:
    """A filter that is ready to be applied.

    Attributes:
        source: the filter as it was given.
        matches_name: matches the message's name, None for all names.
        matches_params: matches the values of parameters.
    """

    source: SniffFilter
    matches_name: Matcher | None
    matches_params: Mapping[str, Matcher]

    def passes(self, message: Message) -> bool:
        """Return whether `message` passes the filter."""
        source = self.source
        if self.matches_name is not None:
            reverse = source.expression.endswith("^")
            if self.matches_name(message.name) is reverse:
                return False
        if source.age and time.time() - message.time < source.age:
            return False
        if not self.matches_params:
            return True
        found = (matches(message.get(name)) for name, matches in self.matches_params.items())
        return (any(found) if source.any else all(found)) is not source.negated
