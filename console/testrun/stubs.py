"""Handlers in place of other modules, which the messages of scripts would go to."""

from __future__ import annotations

import functools
from typing import NamedTuple

from yext import Engine, Message
from yext.console.transcripts import values
from yext.console.transcripts.format import Step
from yext.dispatcher import FunctionHandler

PRIORITY = 100
"""The priority of a stub that does not say another."""

LABEL = "stub"
"""The name of stubs in the flow."""


class StubError(ValueError):
    """A line below a stub cannot be understood."""


class _Answer(NamedTuple):
    """An answer to some messages.

    Attributes:
        wanted: the parameters that they have.
        handled: whether the answer is that they are handled.
        retvalue: the return value, None to keep it.
        params: the parameters that are set; None removes one.
    """

    wanted: dict[str, str]
    handled: bool
    retvalue: str | None
    params: dict[str, str | None]


class Stubs:
    """The stubs of an engine; of several that fit a message the last one answers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._answers: dict[tuple[str, int], list[_Answer]] = {}

    def add(self, step: Step) -> None:
        """Add the stub of a step.

        Raises:
            StubError: a line below it cannot be understood.
        """
        priority, answer = _read(step)
        key = step.name, priority
        if key not in self._answers:
            self._answers[key] = []
            self._engine.dispatcher.install(
                FunctionHandler(self._engine.log, functools.partial(self._handle, key), *key, LABEL)
            )
        self._answers[key].append(answer)

    def _handle(self, key: tuple[str, int], message: Message) -> bool:
        for answer in reversed(self._answers[key]):
            if answer.wanted.items() <= message.params.items():
                break
        else:
            return False
        if answer.retvalue is not None:
            message.retvalue = answer.retvalue
        for name, value in answer.params.items():
            if value is None:
                message.params.pop(name, None)
            else:
                message.params[name] = value
        return answer.handled


def _read(step: Step) -> tuple[int, _Answer]:
    priority, handled = PRIORITY, True
    retvalue: str | None = None
    params: dict[str, str | None] = {}
    for line in step.below:
        word, _, rest = line.partition(" ")
        name, equals, value = line.partition("=")
        try:
            if line in ("handled", "not handled"):
                handled = line == "handled"
            elif word == "priority":
                priority = int(rest)
            elif word == "return":
                retvalue = values.read(rest)
            elif word == "no" and rest:
                params[rest.strip()] = None
            elif equals and name.strip() == name and " " not in name:
                params[name] = values.read(value)
            else:
                raise ValueError(f"{line} is no answer of a stub")
        except ValueError as error:
            raise StubError(str(error)) from None
    return priority, _Answer(step.params, handled, retvalue, params)
