"""What the signature of a command's function says: how to read a line, its usage, completion.

The first parameter is the session, or the interpreter if it is called `interpreter`. Those that
follow are annotated with a kind of `console.commands.parameters`: positional ones are the words
of the line in their order; keyword-only ones are options, ``--name`` or ``--name VALUE``; and a
last one with a star takes all words that are left. A default makes a parameter optional.

A command with options or a star is read as by a shell, with quotes; any other as by Yate, cut at
blanks.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from yext.console.commands.lines.words import split_words
from yext.console.commands.parameters import ArgumentError, Flag, Number, RawRest, Word


class Parameter:
    """One parameter of a command.

    Attributes:
        name: as in the function.
        kind: how it is read, shown and completed.
        default: its value where nothing is given.
        required: whether it has no default.
    """

    def __init__(self, parameter: inspect.Parameter) -> None:
        metadata = parameter.annotation.__metadata__
        self.name = parameter.name
        self.kind = next(kind for kind in metadata if isinstance(kind, Word))
        self.required = parameter.default is inspect.Parameter.empty
        self.default: object = None if self.required else parameter.default

    @property
    def usage(self) -> str:
        """The parameter in a usage line, in brackets if it may be left out."""
        shown = self.kind.placeholder or self.name
        return shown if self.required else f"[{shown}]"

    def read(self, text: str, missing: str) -> object:
        """Return the argument for `text`, which is empty if nothing is given.

        Raises `ArgumentError`, with the reason `missing` if the parameter is required.
        """
        if text.strip():
            return self.kind.read(text)
        if self.required:
            raise ArgumentError(missing)
        return self.default


Arguments = tuple[list[object], dict[str, object]]
"""The positional and the keyword arguments of a call."""


class Signature:
    """The parameters of a command.

    Args:
        function: carries out the command.

    Attributes:
        wants_interpreter: whether the function takes the interpreter, not the session.
        positional: the parameters that are words of the line.
        options: the parameters that are options, by their words ``--name``.
        others: the parameter that takes all words that are left, None for none.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        self.wants_interpreter = wants_interpreter(function)
        self.positional: list[Parameter] = []
        self.options: dict[str, Parameter] = {}
        self.others: Parameter | None = None
        _, *parameters = inspect.signature(function, eval_str=True).parameters.values()
        for one in parameters:
            if one.kind is inspect.Parameter.KEYWORD_ONLY:
                self.options[f"--{one.name.replace('_', '-')}"] = Parameter(one)
            elif one.kind is inspect.Parameter.VAR_POSITIONAL:
                self.others = Parameter(one)
            else:
                self.positional.append(Parameter(one))

    @property
    def usage(self) -> str:
        """The parameters in a usage line."""
        shown = [
            f"[{word} {one.kind.placeholder}]" if _has_value(one) else f"[{word}]"
            for word, one in self.options.items()
        ]
        shown += [one.usage for one in self.positional]
        if self.others is not None:
            shown.append(f"[{self.others.kind.placeholder} ...]")
        return " ".join(shown)

    def bind(self, text: str, missing: str, *, strict: bool) -> Arguments:
        """Read what follows the name of a command.

        Args:
            missing: the reason for refusing a line without a required parameter.
            strict: whether words that are left over are a mistake.

        Raises `ArgumentError`.
        """
        if self.options or self.others is not None:
            return self._bind_words(_shell_words(text), missing)
        text = text.strip()
        arguments: list[object] = []
        for one in self.positional:
            given, text = _next(one, text)
            arguments.append(one.read(given, missing))
        if strict and text.strip():
            raise ArgumentError
        return arguments, {}

    def _bind_words(self, words: list[str], missing: str) -> Arguments:
        options: dict[str, object] = {one.name: one.default for one in self.options.values()}
        others: list[str] = []
        following = iter(words)
        for word in following:
            if not word.startswith("--"):
                others.append(word)
                continue
            option = self.options.get(word)
            if option is None:
                raise ArgumentError(f"Unknown option: {word}")
            options[option.name] = _option_value(word, option, following)
        arguments: list[object] = []
        for one in self.positional:
            taken = len(others) if one.kind.takes_rest else 1
            arguments.append(one.read(" ".join(others[:taken]), missing))
            del others[:taken]
        if others and self.others is None:
            raise ArgumentError
        if self.others is not None:
            arguments += map(self.others.kind.read, others)
        return arguments, options

    def complete(self, at: Any, interpreter: Any, before: str, word: str) -> dict[str, str]:
        """The words that may come next, each with a description.

        Args:
            at: the session.
            interpreter: its interpreter.
            before: what stands between the command's name and the word being typed.
            word: the start of the word being typed.
        """
        given = before.split()
        found: dict[str, str] = {}
        if self.options:
            option = self.options.get(given[-1]) if given else None
            if option is not None and _has_value(option):
                return _words_for(option, at, interpreter, before, word)
            given = list(self._without_options(given))
            if word.startswith("-"):
                found = {name: one.kind.description for name, one in self.options.items()}
        for one in self._next_parameters(given):
            found |= _words_for(one, at, interpreter, before, word)
        return found

    def _without_options(self, words: list[str]) -> Iterator[str]:
        following = iter(words)
        for word in following:
            if not word.startswith("--"):
                yield word
            elif word in self.options and _has_value(self.options[word]):
                next(following, None)

    def _next_parameters(self, given: list[str]) -> Iterator[Parameter]:
        """The parameters that the word after those `given` may belong to."""
        for one in self.positional:
            if isinstance(one.kind, Flag):
                if not given:
                    yield one
                elif given[0] == one.kind.placeholder:
                    given = given[1:]
            elif one.kind.takes_rest or not given:
                yield one
                return
            else:
                given = given[1:]
        if self.others is not None:
            yield self.others


def _words_for(one: Parameter, at: Any, interpreter: Any, before: str, word: str) -> dict[str, str]:
    """The words that may be the argument for a parameter, each with a description."""
    completer = one.kind.completer
    if completer is None:
        return dict(one.kind.words)
    target = interpreter if wants_interpreter(completer) else at
    return {**one.kind.words, **completer(target, before, word)}


@cache
def signature_of(function: Callable[..., object]) -> Signature:
    """Return the signature of a command's function."""
    return Signature(function)


def wants_interpreter(function: Callable[..., object]) -> bool:
    """Whether a function takes the interpreter in place of the session."""
    return function.__code__.co_varnames[:1] == ("interpreter",)


def _next(parameter: Parameter, text: str) -> tuple[str, str]:
    """The text for a parameter, and what is left for those that follow."""
    if isinstance(parameter.kind, RawRest):
        return text, ""
    text = text.lstrip()
    if parameter.kind.takes_rest:
        return text, ""
    word, _, after = text.partition(" ")
    if isinstance(parameter.kind, Flag) and word != parameter.kind.placeholder:
        return "", text
    return word, after


def _has_value(option: Parameter) -> bool:
    return not isinstance(option.kind, Flag)


def _option_value(word: str, option: Parameter, following: Iterator[str]) -> object:
    if not _has_value(option):
        return True
    try:
        return option.kind.read(next(following, ""))
    except ArgumentError:
        kind = option.kind
        bounds = f" a number from {kind.least} to {kind.most}" if isinstance(kind, Number) else ""
        raise ArgumentError(f"{word} wants{bounds}") from None


def _shell_words(text: str) -> list[str]:
    try:
        return split_words(text)
    except ValueError as error:
        reason = f"Cannot read this: {str(error).lower()}"
        raise ArgumentError(reason, "close the quotes") from None
