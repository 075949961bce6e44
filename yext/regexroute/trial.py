"""The command ``route CALLED [key=value …]``: a call's way through the rules, without sending it.

Nothing is changed by it: variables are set in a copy, messages that rules send are only named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from yext.message import Message
from yext.regexroute.functions.evaluate import Host
from yext.regexroute.match import Match
from yext.regexroute.router import Dispatching, Enqueueing, RuleSet, Walk
from yext.regexroute.rules import Rule
from yext.regexroute.settings import CONTEXTS
from yext.regexroute.text import inner, outer

_MOST_LINES: Final = 500
"""Lines of a trial that are kept."""

_RUN: Final = 6
"""So many rules in a row that do not hold are shown one by one."""

_ERRORS: Final = ("-", "error")


class _Line(NamedTuple):
    """A line of a trial; `place` is that of a rule that does not hold, empty for another line."""

    text: str
    place: str = ""


class TrialTrace:
    """Collects what is told of the way of one call.

    Args:
        message: the message, whose parameters the rules change.
    """

    rules = True

    def __init__(self, message: Message) -> None:
        self._message = message
        self._before = dict(message.params)
        self._lines: list[_Line] = []
        self._left_out = 0

    def add(self, text: str, place: str = "") -> None:
        """Add a line."""
        if len(self._lines) < _MOST_LINES or place:
            self._lines.append(_Line(outer(text), place))
        else:
            self._left_out += 1

    def enter(self, context: str, text: str) -> None:
        """Tell that a text is looked for in a context."""
        self.settle()
        self.add(f"[{context}] with '{text}'")

    def tested(self, context: str, rule: Rule, match: Match | None) -> None:
        """Tell of a rule, and whether it holds."""
        self.settle()
        held = "no " if match is None else "yes"
        self.add(
            f"  {held}  {rule.place}  {rule.key}={rule.value}", rule.place if match is None else ""
        )

    def settle(self) -> None:
        """Tell of the parameters that the last rule has changed."""
        params = self._message.params
        for name, value in params.items():
            if self._before.get(name) != value:
                self.add(f"       {inner(name)}={inner(value)}")
        for name in self._before:
            if name not in params:
                self.add(f"       {inner(name)} is removed")
        self._before = dict(params)

    def warn(self, text: str) -> None:
        """Tell of a mistake in a rule."""
        self.add(f"  !    {text}")

    def compile_failed(self, pattern: str) -> None:
        """Tell of an expression that is none, and so matches nothing."""
        self.add(f"  !    no expression: {pattern}")

    def say(self, text: str, level: int | None) -> None:
        """Show what a rule says."""
        self.add(f'       says "{text}"')

    def lines(self) -> Iterator[str]:
        """The lines, with long runs of rules that do not hold in one."""
        run: list[_Line] = []
        for line in (*self._lines, _Line("")):
            if line.place:
                run.append(line)
                continue
            if len(run) > _RUN:
                yield run[0].text
                yield f"  no   {len(run) - 2} more from {run[1].place} to {run[-2].place}"
                yield run[-1].text
            else:
                yield from (one.text for one in run)
            run = []
            if line.text:
                yield line.text
        if self._left_out:
            yield f"  {self._left_out} more lines"


class Trial(NamedTuple):
    """The result of a trial.

    Attributes:
        lines: the way, a line each.
        routed: whether the rules have found a target.
        retvalue: the target.
        params: the parameters at the end.
    """

    lines: Sequence[str]
    routed: bool
    retvalue: str
    params: dict[str, str]


def try_route(rules: RuleSet, host: Host, called: str, params: dict[str, str]) -> Trial:
    """Take a call through the rules: for a context as ``call.preroute`` does, then for a target.

    Args:
        rules: the rules.
        host: what functions know of the engine; its variables are changed.
        called: the called number.
        params: further parameters of the message.
    """
    lines: list[str] = []
    message = Message("call.preroute", {"called": called, **params})
    if message.get("caller") and not message.get("context") and CONTEXTS in rules.contexts:
        found, made = _walked(rules, host, message, message["caller"], CONTEXTS)
        lines += made
        if found is not None and found in _ERRORS:
            return Trial([*lines, f"refused: {found}"], True, found, message.params)
        if found is not None:
            message["context"] = found
            lines.append(f"context {found}")
        else:
            lines.append("no context")
    message.name = "call.route"
    context = message.get("context", "default")
    target, made = _walked(rules, host, message, message["called"], context)
    lines += made
    routed = target is not None
    lines.append(f"routed to {target}" if target else "routed" if routed else "not routed")
    return Trial(lines, routed, target or "", message.params)


def _walked(
    rules: RuleSet, host: Host, message: Message, text: str, context: str
) -> tuple[str | None, list[str]]:
    """Take a message through a context; return the target, None for none, and the way."""
    trace = TrialTrace(message)
    walk = Walk(rules, host, trace, message, inner(text), "")
    steps = walk.context(inner(context), warn=True)
    try:
        while True:
            request = next(steps)
            if isinstance(request, Dispatching | Enqueueing):
                sent = request.message
                shown = " ".join(f"{name}={value}" for name, value in sent.params.items())
                trace.add(inner(f"       would send {sent.name} {shown}".rstrip()))
            else:
                trace.add(f"       would wait {request.milliseconds} ms")
    except StopIteration as stop:
        trace.settle()
        target = outer(walk.retvalue) if stop.value else None
    return target, [f"{message.name}", *trace.lines()]
